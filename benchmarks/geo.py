"""A raster of 20,000 x 20,000 px with known objects: recall, time and memory of `predict`, beside its windows alone.

    python benchmarks/geo.py make DATA RASTER [plain]  # HIT-UAV's val pictures laid out; 80 % of the ground is empty
    python benchmarks/geo.py run MODEL RASTER OUT      # prints the table, writes OUT/geo.json

The layout is made, pixels and boxes are real: the 40 pictures with most objects, each six times and mirrored, lie in
towns of 5 x 4 pictures; elsewhere lie pictures with three objects at most, which are painted over, or with `plain` the
same blurred to 25 px, as water and fields are. `one by one` reads the windows of `crops=grid` from the file and gives
each to `predict` as a picture. An object counts as found where a box of its class has an IoU of 0.5 with it. Memory is
the most that the process held, above what it held after a first small prediction. Each arm is a process of its own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
SIDE, W, H = 20_000, 640, 512  # pixels, of the raster and of a picture
TOWN = 5, 4  # pictures across and down
SHARE = 0.2  # of the ground that lies in towns
CROWDED, OBJECTS, FEW = 40, 5_000, 3
BLUR = 25  # pixels
ARMS = {"one by one": "grid", "grid": "grid", "auto": "auto", "lsm": "lsm"}


def make(data: Path, raster: Path, plain: bool) -> None:
    """Write the raster, its objects as a GeoPackage beside it, and print what is in it."""
    import rasterio
    from rasterio.enums import Resampling
    from rasterio.transform import from_origin

    from yolotiny.rasters import vectors
    from yolotiny.rasters.place import Place

    pictures, boxes, names = _read(data)
    order = sorted(pictures, key=lambda i: -len(boxes[i]))
    crowded = [(i, flip) for i in order[:CROWDED] for flip in (None, 0, 1, -1, None, 0)]
    empty = [i for i in order if len(boxes[i]) <= FEW]
    rng = np.random.default_rng(0)
    places = _towns(rng)
    across = -(-SIDE // W)
    profile = {"driver": "GTiff", "width": SIDE, "height": SIDE, "count": 3, "dtype": "uint8", "crs": "EPSG:32632"}
    profile |= {"transform": from_origin(500_000, 5_300_000, 0.1, 0.1), "tiled": True, "compress": "deflate"}
    objects: list[tuple[float, ...]] = []
    with rasterio.open(raster, "w", **profile, zlevel=1, blockxsize=512, blockysize=512) as file:
        for row in range(-(-SIDE // H)):
            strip = np.zeros((H, across * W, 3), np.uint8)
            for column in range(across):
                if (row, column) in places and crowded and len(objects) < OBJECTS:
                    picture, found = _mirrored(pictures, boxes, *crowded.pop(int(rng.integers(len(crowded)))))
                    moved = found + [column * W, row * H, column * W, row * H, 0]
                    objects += map(tuple, moved[(moved[:, 2] <= SIDE) & (moved[:, 3] <= SIDE)])
                else:
                    picture = _painted_over(pictures, boxes, empty[int(rng.integers(len(empty)))])
                    picture = cv2.GaussianBlur(picture, (0, 0), BLUR) if plain else picture
                strip[:, column * W : column * W + W] = picture
            high = min(H, SIDE - row * H)
            part = np.moveaxis(strip[:high, :SIDE, ::-1], 2, 0)
            file.write(part, window=rasterio.windows.Window(0, row * H, SIDE, high))
    with rasterio.open(raster, "r+") as file:
        file.build_overviews([2, 4, 8, 16], Resampling.average)
        place = Place(tuple(file.transform)[:6], "EPSG:32632")
    table = np.array(objects)
    shapes, kinds = place.polygons(table[:, :4]), np.array([names[int(k)] for k in table[:, 4]], object)
    about = {"place": place.as_dict()}
    vectors.write(raster.with_suffix(".gpkg"), vectors.Features(shapes, {"class": kinds}, place.crs), about)
    print(f"{len(table)} objects on {len(places) * W * H / SIDE**2:.0%} of {SIDE}x{SIDE} px")


def _read(data: Path) -> tuple[dict[int, Any], dict[int, np.ndarray], dict[int, str]]:
    """Pictures, (n, 5) xyxy and category of their objects, and names, by id."""
    content = json.loads((data / "annotations" / "val.json").read_text())
    names = {c["id"]: c["name"] for c in content["categories"]}
    boxes: dict[int, list] = defaultdict(list)
    for entry in content["annotation"]:
        x, y, w, h = entry["bbox"]
        boxes[entry["image_id"]].append((x, y, x + w, y + h, entry["category_id"]))
    files = {i["id"]: data / "val" / i["filename"] for i in content["images"]}
    pictures = {i: cv2.imread(str(f)) for i, f in files.items()}
    kept = {i: p for i, p in pictures.items() if p.shape == (H, W, 3)}
    counted = {i: np.array([b for b in boxes[i] if names[b[4]] != "DontCare"], float).reshape(-1, 5) for i in kept}
    return kept, counted, names


def _towns(rng: np.random.Generator) -> set[tuple[int, int]]:
    """(row, column) of the pictures that lie in towns."""
    rows, columns = SIDE // H, SIDE // W
    spots = [(y, x) for y in range(0, rows - TOWN[1] + 1, TOWN[1]) for x in range(0, columns - TOWN[0] + 1, TOWN[0])]
    chosen = rng.permutation(len(spots))[: round(SHARE * rows * columns / (TOWN[0] * TOWN[1]))]
    return {(spots[i][0] + dy, spots[i][1] + dx) for i in chosen for dy in range(TOWN[1]) for dx in range(TOWN[0])}


def _mirrored(pictures: Any, boxes: Any, i: int, flip: int | None) -> tuple[np.ndarray, np.ndarray]:
    picture, found = pictures[i], boxes[i].copy()
    if flip is None:
        return picture, found
    if flip in (1, -1):
        found[:, [0, 2]] = W - found[:, [2, 0]]
    if flip in (0, -1):
        found[:, [1, 3]] = H - found[:, [3, 1]]
    return cv2.flip(picture, flip), found


def _painted_over(pictures: Any, boxes: Any, i: int) -> np.ndarray:
    mask = np.zeros((H, W), np.uint8)
    for x1, y1, x2, y2, _ in boxes[i].astype(int).tolist():
        mask[max(y1 - 4, 0) : y2 + 4, max(x1 - 4, 0) : x2 + 4] = 255
    return cv2.inpaint(pictures[i], mask, 5, cv2.INPAINT_TELEA) if mask.any() else pictures[i]


def arm(name: str, model: str, raster: str, out: Path) -> None:
    """Run one arm in this process, and print its figures as JSON."""
    from yolotiny import YOLO

    yolo, options = YOLO(model), {"verbose": False, "project": str(out), "name": name.replace(" ", "-"), "conf": 0.25}
    yolo.predict(np.zeros((640, 640, 3), np.uint8), **options)
    held, start = _held(), (time.perf_counter(), time.process_time())
    if name == "one by one":
        rows = _one_by_one(yolo, raster, options)
    else:
        rows = yolo.predict(raster, crops=ARMS[name], **options)[0].rows
    took = time.perf_counter() - start[0], time.process_time() - start[1]
    memory = (_held() - held) / 1024
    found = {"seconds": took[0], "process": took[1], "memory_mb": memory, "boxes": len(rows)}
    print(json.dumps(found | _recall(rows, Path(raster), yolo.names)))


def _held() -> float:
    """The most memory that the process held so far, KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _one_by_one(yolo: Any, raster: str, options: dict[str, Any]) -> np.ndarray:
    """Rows of all windows, in pixels of the raster, without anything joined."""
    import rasterio
    from rasterio.windows import Window

    from yolotiny.geo import Plan

    side = round(yolo.overrides["imgsz"] / (_pixel_scale(yolo) or 1))
    rows = [np.zeros((0, 6), np.float32)]
    with rasterio.open(raster) as file:
        for x, y, w, h in Plan((side, side)).windows((SIDE, SIDE)):
            picture = np.ascontiguousarray(np.moveaxis(file.read(window=Window(x, y, w, h)), 0, 2)[..., ::-1])
            found = yolo.predict(picture, crops="none", **options)[0].boxes.data.cpu().numpy()
            rows.append(found + np.array([x, y, x, y, 0, 0], np.float32))
    return np.concatenate(rows)


def _pixel_scale(yolo: Any) -> float | None:
    from yolotiny.training_stats import TrainingStats

    return TrainingStats.of(yolo.model).pixel_scale


def _recall(rows: np.ndarray, raster: Path, names: Any) -> dict[str, float]:
    """Share of the objects that a box of their class finds, and boxes of one class at an IoU of 0.3 with another."""
    from yolotiny.ops.nms import close_pairs
    from yolotiny.rasters import vectors
    from yolotiny.rasters.place import of_metadata

    truth = vectors.read(raster.with_suffix(".gpkg"))
    boxes = of_metadata(truth.metadata).boxes(truth.geometries)
    numbers = {str(v): k for k, v in names.items()}
    kinds = np.array([numbers[str(k)] for k in truth.columns["class"]], float)
    both = np.concatenate((np.column_stack((boxes, np.ones(len(boxes)), kinds)), rows))
    found, double, n = set(), set(), len(boxes)
    for i, j in close_pairs(both[:, 0], np.maximum(both[:, 2] - both[:, 0], 0), both[:, 5]):
        first, second = np.minimum(i, j), np.maximum(i, j)
        low, high = np.maximum(both[i, :2], both[j, :2]), np.minimum(both[i, 2:4], both[j, 2:4])
        shared = np.maximum(high - low, 0).prod(1)
        areas = [(both[k, 2:4] - both[k, :2]).prod(1) for k in (i, j)]
        iou = shared / (areas[0] + areas[1] - shared)
        found |= set(first[(first < n) & (second >= n) & (iou >= 0.5)].tolist())
        double |= set(second[(first >= n) & (iou >= 0.3)].tolist())
    return {"objects": n, "recall": len(found) / n, "double": len(double)}


def run(model: str, raster: str, out: Path) -> None:
    """Run every arm in a process of its own, and print the table."""
    out.mkdir(parents=True, exist_ok=True)
    table = {}
    print("arm          recall  boxes  double  seconds  process  memory MB")
    for name in ARMS:
        command = [sys.executable, __file__, "arm", name, model, raster, str(out)]
        said = subprocess.run(command, capture_output=True, text=True)
        if said.returncode:
            sys.exit(said.stderr)
        x = table[name] = json.loads(said.stdout.strip().splitlines()[-1])
        print(
            f"{name:<11} {x['recall']:7.4f} {x['boxes']:6} {x['double']:7} {x['seconds']:8.0f} {x['process']:8.0f} "
            f"{x['memory_mb']:10.0f}"
        )
    (out / "geo.json").write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make", data, raster, *plain] if plain in ([], ["plain"]):
            make(Path(data), Path(raster), bool(plain))
        case ["run", model, raster, out]:
            run(model, raster, Path(out))
        case ["arm", name, model, raster, out]:
            arm(name, model, raster, Path(out))
        case _:
            sys.exit(__doc__)
