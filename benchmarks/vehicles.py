"""Two small sets of drone pictures as one of four classes, for the inference arms of YOLC in docs/record.md.

    python benchmarks/vehicles.py cars=aerial-cars visdrone=visdrone-mini to=datasets/vehicles

`cars` has images/ and labels/ of aerial-cars (car, truck, bus, minibus, cyclist), `visdrone` the folders
VisDrone2019-DET-train and -val with their raw annotations. Both keep their own split and ignore regions; pictures are
copied. What is none of the four classes is background.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

NAMES = ["car", "van", "truck", "bus"]
ALSO = {"minibus": "van"}
CARS = ["car", "truck", "bus", "minibus", "cyclist"]


def reduced(data):
    """The records of a data set by split, with the classes of NAMES alone."""
    from yolotiny.data.records import EVERY, OTHERS

    index = {i: NAMES.index(ALSO.get(n, n)) if ALSO.get(n, n) in NAMES else None for i, n in enumerate(data.names)}
    index |= {EVERY: EVERY, OTHERS: OTHERS}
    splits = {}
    for split, records in data.splits.items():
        splits[split] = []
        for r in records:
            kept = [np.array([index[int(i)] is not None for i in a], bool) for a in (r.labels, r.ignore_labels)]
            labels, regions = (
                np.array([index[int(i)] for i in a[k]], int)
                for a, k in zip((r.labels, r.ignore_labels), kept, strict=True)
            )
            boxes = {"boxes": r.boxes[kept[0]], "ignore": r.ignore[kept[1]]}
            splits[split].append(replace(r, labels=labels, ignore_labels=regions, areas=None, **boxes))
    return splits


def main() -> None:
    """Read both, write one."""
    from benchmarks.words import options_of
    from yolotiny.data.formats.visdrone import read_visdrone
    from yolotiny.data.formats.yolo import read_yolo
    from yolotiny.data.records import Dataset
    from yolotiny.data.writer import Making, write

    folders = dict.fromkeys(("cars", "visdrone", "to"), "")
    given = options_of(sys.argv[1:], folders, list(folders))
    with tempfile.TemporaryDirectory() as folder:
        about = {"path": str(Path(given["cars"]).resolve()), "train": "images/train", "val": "images/val"}
        (Path(folder) / "data.yaml").write_text(yaml.safe_dump(about | {"names": CARS}))
        cars = read_yolo(folder)
    drones = read_visdrone(given["visdrone"])
    both = [reduced(data) for data in (cars, drones)]
    splits = {split: [r for part in both for r in part.get(split, [])] for split in ("train", "val")}
    print(write(Dataset(NAMES, splits, protocol="aitod"), Path(given["to"]), making=Making(link=False)))


if __name__ == "__main__":
    main()
