"""Two small sets of drone pictures as one of four classes, for the inference arms of YOLC in docs/results.md.

    python benchmarks/vehicles.py cars=aerial-cars visdrone=visdrone-mini to=vehicles
    yolotiny data convert format=yolo source=vehicles to=datasets/vehicles

`cars` has images/ and labels/ of aerial-cars (car, truck, bus, minibus, cyclist), `visdrone` the folders
VisDrone2019-DET-train and -val with their raw annotations. Both keep their own split. Pictures are linked. VisDrone's
ignored regions are kept; what is none of the four classes is background.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

NAMES = ["car", "van", "truck", "bus"]
CARS = {0: 0, 1: 2, 2: 3, 3: 1}  # minibus is van; no class for cyclists
VISDRONE = {4: 0, 5: 1, 6: 2, 9: 3}
ANY, OTHERS, NO_CLASS = 0, 11, -2


def link(picture: Path, to: Path, split: str) -> str:
    """The picture in its split; returns the name of its label file."""
    (to / "images" / split).mkdir(parents=True, exist_ok=True)
    (to / "images" / split / picture.name).symlink_to(picture.resolve())
    return f"{split}/{picture.stem}.txt"


def write(to: Path, room: str, name: str, rows: list[str]) -> None:
    """One label or ignore file."""
    (to / room / name).parent.mkdir(parents=True, exist_ok=True)
    (to / room / name).write_text("\n".join(rows) + "\n" * bool(rows))


def add_cars(source: Path, to: Path, split: str) -> None:
    """aerial-cars: rows of class and box, with other numbers."""
    for picture in sorted((source / "images" / split).iterdir()):
        rows = (source / "labels" / split / f"{picture.stem}.txt").read_text().split("\n")
        parts = [row.split() for row in rows if row.strip()]
        kept = [f"{CARS[int(p[0])]} {' '.join(p[1:5])}" for p in parts if int(p[0]) in CARS]
        write(to, "labels", link(picture, to, split), kept)


def add_visdrone(source: Path, to: Path, split: str) -> None:
    """VisDrone: x, y, w, h, score, category in pixels; regions go to ignore/."""
    import cv2

    for picture in sorted((source / f"VisDrone2019-DET-{split}" / "images").iterdir()):
        high, wide = cv2.imread(str(picture)).shape[:2]
        labels, ignored = [], []
        for row in (picture.parents[1] / "annotations" / f"{picture.stem}.txt").read_text().split():
            x, y, w, h, score, kind = map(int, row.split(",")[:6])
            box = f"{(x + w / 2) / wide:.6f} {(y + h / 2) / high:.6f} {w / wide:.6f} {h / high:.6f}"
            if kind in (ANY, OTHERS):
                ignored.append(box if kind == ANY else f"{box} {NO_CLASS}")
            elif kind in VISDRONE:
                labels.append(f"{VISDRONE[kind]} {box}") if score else ignored.append(f"{box} {VISDRONE[kind]}")
        name = link(picture, to, split)
        write(to, "labels", name, labels)
        write(to, "ignore", name, ignored)


if __name__ == "__main__":
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    if set(given) != {"cars", "visdrone", "to"}:
        sys.exit("needed: cars=FOLDER visdrone=FOLDER to=FOLDER")
    to = Path(given["to"])
    shutil.rmtree(to, ignore_errors=True)
    for split in ("train", "val"):
        add_cars(Path(given["cars"]), to, split)
        add_visdrone(Path(given["visdrone"]), to, split)
    text = f"path: .\ntrain: images/train\nval: images/val\nprotocol: aitod\nnames: {NAMES}\n"
    (to / "data.yaml").write_text(text)
