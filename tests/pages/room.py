"""The folder that commands of a page are run in: every file that pages may name, made where a page names it.

Pictures are cut out of the three that ship (HIT-UAV), and detectors are the shipped weights or fresh networks.
"""

from __future__ import annotations

import functools
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from tests.tiny_data import ROOT, room
from yolotiny.cli import main as cli

NAMES = ["Person", "Car", "Bicycle", "OtherVehicle"]
Made = tuple[np.ndarray, np.ndarray]  # a picture, and (n, 5) rows: class, left, top, width, height in pixels


def run(command: str, **options: object) -> None:
    """A command of ours that makes something."""
    assert cli.main([*command.split(), *(f"{k}={v}" for k, v in options.items())]) == 0, command


@functools.cache
def shipped() -> list[Made]:
    """The pictures of cfg/pictures, 640x512."""
    out = []
    for file in sorted((ROOT / "cfg" / "pictures").glob("*.jpg")):
        image = cv2.imread(str(file))
        rows = np.loadtxt(file.with_suffix(".txt"), ndmin=2)
        rows[:, 1:] *= np.tile(image.shape[1::-1], 2)
        rows[:, 1:3] -= rows[:, 3:] / 2
        out.append((image, rows))
    return out


def quarters() -> list[Made]:
    """Twelve pictures of 320x256, with the objects that lie in them whole."""
    out = []
    for image, rows in shipped():
        for x, y in ((0, 0), (320, 0), (0, 256), (320, 256)):
            left, top = rows[:, 1] - x, rows[:, 2] - y
            inside = (left >= 0) & (top >= 0) & (left + rows[:, 3] <= 320) & (top + rows[:, 4] <= 256)
            out.append((image[y : y + 256, x : x + 320], (rows - [0, x, y, 0, 0])[inside]))
    return [made for made in out if len(made[1])]


def hit_uav(to: Path, pictures: list[Made] | None = None) -> None:
    """HIT-UAV as it is downloaded: two of three pictures in train, the others in val."""
    pictures = pictures or quarters()
    for split, kept in (("train", lambda i: i % 3), ("val", lambda i: not i % 3)):
        images, boxes = [], []
        (to / split).mkdir(parents=True)
        for i, (image, rows) in enumerate(pictures):
            if kept(i) or len(pictures) == 1:
                name = f"{i}.jpg"
                cv2.imwrite(str(to / split / name), image)
                images.append({"id": i, "filename": name, "width": image.shape[1], "height": image.shape[0]})
                for c, *box in rows.tolist():
                    boxes.append({"id": len(boxes), "image_id": i, "category_id": int(c), "bbox": box})
        kinds = [{"id": i, "name": name} for i, name in enumerate([*NAMES, "DontCare"])]
        content = {"images": images, "categories": kinds, "annotation": boxes}
        (to / "annotations").mkdir(exist_ok=True)
        (to / "annotations" / f"{split}.json").write_text(json.dumps(content))


def data_set(to: Path) -> None:
    """The same as `yolotiny data convert` writes it, and a list of 600 of its pictures, of which there are fewer."""
    raw = room() / "raw"
    hit_uav(raw)
    run("data convert format=hit-uav", source=raw, to=to, link=False)
    shutil.copy(to / "data.yaml", to / "hit600.yaml")


def data_yaml(to: Path) -> None:
    """A data YAML in the folder where one works."""
    made = room() / "data"
    data_set(made)
    shutil.copy(made / "data.yaml", to)


def large(to: Path) -> None:
    """A picture of 1280x1024 as a data set, and by itself."""
    image, rows = shipped()[1]
    moved = [rows + [0, x, y, 0, 0] for y in (0, 512) for x in (0, 640)]
    raw = room() / "raw"
    hit_uav(raw, [(np.tile(image, (2, 2, 1)), np.concatenate(moved))])
    run("data convert format=hit-uav", source=raw, to=to, link=False)
    shutil.copy(to / "images" / "val" / "0.jpg", to)


def visdrone(to: Path) -> None:
    """VisDrone as it is downloaded."""
    for split, found in (("train", quarters()[:2]), ("val", quarters()[4:6])):
        folder = to / f"VisDrone2019-DET-{split}"
        for i, (image, rows) in enumerate(found):
            picture(folder / "images" / f"000000{i}_v.jpg", image)
            lines = ["{1:.0f},{2:.0f},{3:.0f},{4:.0f},1,4,0,0".format(*row) for row in rows]
            write(folder / "annotations" / f"000000{i}_v.txt", "\n".join(lines))


def voc(to: Path) -> None:
    """Pascal VOC 2007 as it is downloaded."""
    for name, (image, rows) in zip(("trainval", "test"), shipped(), strict=False):
        picture(to / "VOC2007" / "JPEGImages" / f"{name}.jpg", image)
        write(to / "VOC2007" / "ImageSets" / "Main" / f"{name}.txt", name)
        boxes = "".join(
            f"<object><name>car</name><bndbox><xmin>{x:.0f}</xmin><ymin>{y:.0f}</ymin><xmax>{x + w:.0f}</xmax>"
            f"<ymax>{y + h:.0f}</ymax></bndbox></object>"
            for _, x, y, w, h in rows.tolist()
        )
        write(to / "VOC2007" / "Annotations" / f"{name}.xml", f"<annotation>{boxes}</annotation>")


def dota(to: Path) -> None:
    """DOTA as it is downloaded."""
    for i, split in enumerate(("train", "val")):
        image, rows = shipped()[i]
        picture(to / split / "images" / "P0.png", image)
        corners = [(x, y, x + w, y, x + w, y + h, x, y + h) for _, x, y, w, h in rows.tolist()]
        lines = [" ".join(f"{v:.1f}" for v in row) + " small-vehicle 0" for row in corners]
        write(to / split / "labelTxt" / "P0.txt", "\n".join(lines))


def reviewed(to: Path) -> None:
    """Pictures and the export of CVAT."""
    made = room() / "made"
    data_set(made)
    run("data export format=cvat", data=made, to=to, link=False)


def pictures(to: Path) -> None:
    """The three pictures that ship."""
    for i, (image, _) in enumerate(shipped()):
        picture(to / f"{i}.jpg", image)


def picture(to: Path, image: np.ndarray | None = None) -> None:
    """One of them, in a format by its name."""
    to.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(to), shipped()[1][0] if image is None else image)


def video(to: Path) -> None:
    """Six frames over which a camera moves."""
    image = shipped()[1][0]
    out = cv2.VideoWriter(str(to), cv2.VideoWriter_fourcc(*"mp4v"), 5, (320, 256))
    for i in range(6):
        out.write(np.ascontiguousarray(image[i * 8 : 256 + i * 8, i * 8 : 320 + i * 8]))
    out.release()


def raster(to: Path) -> None:
    """A picture with a place on Earth, and the polygons round its objects."""
    from tests.raster_files import METRE, UTM, write_raster
    from yolotiny.rasters import vectors
    from yolotiny.rasters.place import Place

    image, rows = shipped()[1]
    write_raster(to.with_name("ortho.tif"), image)
    boxes = np.concatenate((rows[:, 1:3], rows[:, 1:3] + rows[:, 3:]), 1)
    kinds = np.array([NAMES[int(c)] for c in rows[:, 0]], object)
    shapes = Place(tuple(METRE)[:6], UTM).polygons(boxes)
    vectors.write(to.with_name("cars.gpkg"), vectors.Features(shapes, {"kind": kinds}, UTM), {})


def weights(to: Path) -> None:
    """The shipped checkpoint, or its ONNX file."""
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy((ROOT / "cfg" / "weights" / "yolotiny-n-hit-uav").with_suffix(to.suffix), to)


def openvino(to: Path) -> None:
    """The same for OpenVINO."""
    made = room() / f"{to.name.removesuffix('_openvino_model')}.pt"
    weights(made)
    run("export format=openvino imgsz=448", model=made)
    shutil.move(made.with_name(to.name), to)


def network(name: str, nc: int = 4) -> Callable[[Path], None]:
    """A model file as a checkpoint that nobody trained."""

    def make(to: Path) -> None:
        from yolotiny import YOLO

        to.parent.mkdir(parents=True, exist_ok=True)
        model = YOLO(name)
        given, model.model = model.model.args, type(model.model)(name, nc=nc, verbose=False)
        model.model.args, model.model.names = given, dict(enumerate(NAMES if nc == len(NAMES) else map(str, range(nc))))
        model.save(str(to))

    return make


def detections(shift: float) -> Callable[[Path], None]:
    """The objects of val, all moved by some pixels, as predictions.json; beside the first lie its data."""

    def make(to: Path) -> None:
        made = room() / "made"
        data_set(made)
        truth = json.loads((made / "annotations" / "val.json").read_text())["annotations"]
        rows = [
            {"image_id": t["image_id"], "category_id": t["category_id"], "bbox": t["bbox"], "score": 0.9} for t in truth
        ]
        for row in rows:
            row["bbox"] = [row["bbox"][0] + shift, *row["bbox"][1:]]
        write(to, json.dumps(rows))

    return make


def part_of_data(to: Path) -> None:
    """A folder of the data set by itself, or the file of its val split."""
    made = room() / "made"
    data_set(made)
    shutil.move(made / to.name if not to.suffix else made / "annotations" / to.name, to)


def text(content: str) -> Callable[[Path], None]:
    """A file of that text."""
    return lambda to: write(to, content)


def write(to: Path, content: str) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(content, encoding="utf-8")


def copied(to: Path) -> None:
    """A folder of the repository, which a command may write into."""
    shutil.copytree(ROOT / to.name, to)


MY_PARTS = """
from yolotiny.plugins import register


class MineLoss:
    def __init__(self, weight: float = 1.0):
        self.weight = weight

    def __call__(self, pred, gt):
        return (pred.float() - gt.float()).abs().mean(-1)


register("loss", "mine", MineLoss)
"""
TRAIN = """
from yolotiny import YOLO

YOLO("yolov5n-p2p3.yaml").train(data="demo/data.yaml")
"""
FILES: dict[str, Callable[[Path], None]] = {
    # pictures
    "pictures": pictures,
    "flights": pictures,
    "new": pictures,
    "picture.jpg": picture,
    "a.jpg": picture,
    "b.jpg": picture,
    "large.jpg": picture,
    "list.txt": text("a.jpg\nb.jpg\n"),
    "flight.mp4": video,
    "ortho.tif": raster,
    "cars.gpkg": raster,
    # data sets, raw and converted
    "HIT-UAV": hit_uav,
    "hit-uav": data_set,
    "VisDrone2019-DET": visdrone,
    "visdrone-mini": visdrone,
    "aerial-cars": data_set,
    "DOTA": dota,
    "VOCdevkit": voc,
    "reviewed": reviewed,
    "raw": lambda to: (picture(to / "a.jpg"), write(to / "boxes.csv", "file,x1,y1,x2,y2\na.jpg,9,9,20,20\n")),
    **dict.fromkeys(["datasets/hit-uav", "datasets/visdrone", "datasets/vehicles", "demo"], data_set),
    **dict.fromkeys(["data.yaml", "hit600.yaml"], data_yaml),
    **dict.fromkeys(["large", "montage"], large),
    **dict.fromkeys(["annotations", "images", "val.json"], part_of_data),
    # detectors and what they found
    **dict.fromkeys(["best.pt", "last.pt", "runs/NAME/weights/last.pt", "runs/p2p3/weights/last.pt"], weights),
    **dict.fromkeys(["runs/detect/train/weights/best.pt"], weights),
    "best.onnx": weights,
    "best_openvino_model": openvino,
    "yolov5n.pt": network("yolov5n.yaml", nc=80),
    "yolc.pt": network("yolc-n.yaml"),
    **dict.fromkeys(["ugs.pt", "ce/weights/last.pt"], network("yolov5n-p2p3-ugs.yaml")),
    **dict.fromkeys(["direct.pt", "default/weights/last.pt"], network("yolov5n-p2p3.yaml")),
    **dict.fromkeys(["predictions.json", "before.json"], detections(0)),
    **dict.fromkeys(["after.json", "runs/detect/b/predictions.json"], detections(2)),
    # own parts and programs
    "my_parts.py": text(MY_PARTS),
    "train.py": text(TRAIN),
    "mine.yaml": text("augmentations: [aerial]\n"),
    # the repository
    **dict.fromkeys(["cfg", "docs"], copied),
}


def furnish(to: Path, page: str) -> set[Path]:
    """Make the files that the text of a page names; those that were made."""
    page = re.sub(r"(\.\./)+|~/", "", page)
    made = set()
    for name, make in FILES.items():
        if re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w-]|\.\w)", page):
            if not (to / name).exists():
                make(to / name)
            made.add(to / name)
    return made
