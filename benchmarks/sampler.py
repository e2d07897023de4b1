"""What `crop_train=auto` shows training, drawn on generated scenes: the picture of docs/crop_training.md.

    python benchmarks/sampler.py to=docs/sampler.jpg

The scenes are those of `yolotiny data demo`, larger: 1,600 px a side instead of 320.

Left a whole picture, shrunk to the input, with the places of the tile (yellow) and of its object crops (blue) that the
other two panels show; in the middle the tile; right the input full of object crops, of this picture and of others.
Objects are green, what is left of those that a border cuts too much, and does not count, is red.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.words import options_of  # noqa: E402

OPTIONS = {"to": "docs/sampler.jpg", "imgsz": "480", "index": "0", "seed": "4"}
GREEN, RED, YELLOW, BLUE = (80, 255, 80), (60, 60, 255), (0, 230, 255), (255, 200, 60)
GAP = 8  # pixels between panels
SIDE, SCENES = 1600, 16  # pixels and number of the scenes


def dataset(data: str, imgsz: int):
    """The training pictures as `crop_train=auto` reads them, before augmentation."""
    from ultralytics.cfg import get_cfg
    from ultralytics.data.utils import check_det_dataset

    from yolotiny.loaders.build import build_dataset
    from yolotiny.slicing.samplers import crop_train

    info = check_det_dataset(data)
    args, crops = get_cfg(overrides={"imgsz": imgsz, "data": data}), crop_train("auto", "sampler.py", imgsz)
    return build_dataset(args, info["train"], info, "val", 1, 32, False, crops)


def places(made, index: int, seed: int) -> list:
    """The tiles of picture `index` in the input that `full_of_object_crops` makes from the same seed."""
    from yolotiny.slicing.samplers.fitted import side_by_side

    rng = random.Random(seed)

    def choose(i: int):
        label = made.labels[i]
        return made.crop_train.choose(label, made.sizes[label["im_file"]], made.room(i), made.nc, rng, small=True)

    found = side_by_side(index, len(made.labels), choose, made.room(index), rng)
    return [one.tile for one in found if one.picture == index]


def panel(image: np.ndarray, boxes: np.ndarray, cls: np.ndarray, nc: int) -> np.ndarray:
    """An input with its labels: (n, 4) xywh as shares of it, (n, 1) class."""
    from yolotiny.runtime.drawing import outline

    h, w = image.shape[:2]
    corners = np.concatenate((boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2), 1) * [w, h, w, h]
    out = image.copy()
    outline(out, corners, [GREEN if c < nc else RED for c in cls[:, 0]])
    return out


def draw(made, index: int, seed: int) -> np.ndarray:
    """The three panels of a picture beside each other."""
    imgsz = made.imgsz
    label, full = made.labels[index], made.full(index)
    random.seed(seed)
    crop = made.object_crop(index)
    random.seed(seed)
    pieces = panel(*made.full_of_object_crops(index), made.nc)
    tile = panel(crop.tile.cut(full), crop.boxes, crop.cls, made.nc)
    small = cv2.resize(full, (imgsz, imgsz), interpolation=cv2.INTER_AREA)
    whole = panel(small, label["bboxes"], label["cls"], made.nc)
    for part, colour in [(crop.tile, YELLOW)] + [(t, BLUE) for t in places(made, index, seed)]:
        x1, y1, x2, y2 = (round(v * imgsz / full.shape[1]) for v in part.box)
        cv2.rectangle(whole, (x1, y1), (x2, y2), colour, 1)
    space = np.full((imgsz, GAP, 3), 255, np.uint8)
    return np.concatenate((whole, space, tile, space, pieces), 1)


def main(to: str, imgsz: str, index: str, seed: str) -> None:
    """Write the picture."""
    from yolotiny.data import write_demo

    with tempfile.TemporaryDirectory() as folder:
        data = write_demo(Path(folder) / "scenes", SCENES, 1, SIDE)
        picture = draw(dataset(str(data), int(imgsz)), int(index), int(seed))
    cv2.imwrite(to, picture, [cv2.IMWRITE_JPEG_QUALITY, 80])
    print(f"{to}: {picture.shape[1]}x{picture.shape[0]} px, {Path(to).stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main(**options_of(sys.argv[1:], OPTIONS))
