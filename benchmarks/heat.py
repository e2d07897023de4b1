"""How well a coarse pass points: what a matched picture's detections are worth inside the cells it scores highest.

    python benchmarks/heat.py model=best.pt data=montage/data.yaml sizes=640,960 scale=0.5

Detections of the picture at its matched size (`scale` network pixels per pixel) are kept where a cell of `cell` pixels
has a score in the coarse pass above a threshold, chosen so that the cells take a given share of the area. No crop, its
context or its merging is in it: an upper bound for what crops can reach from that pass.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
OPTIONS = {"model": "", "data": "", "sizes": "640,960", "scale": 0.5, "cell": 64, "pictures": 1000}
AREAS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)


def cells_of(heat: np.ndarray, shape: tuple[int, int], cell: int) -> np.ndarray:
    """(h, w) scores over a picture of `shape` -> the best score of each cell of so many pixels."""
    out = np.zeros([-(-side // cell) for side in shape], np.float32)
    at = [((np.arange(n) + 0.5) * side / n // cell).astype(int) for n, side in zip(heat.shape, shape, strict=True)]
    np.maximum.at(out, (at[0][:, None], at[1][None]), heat)
    return out


def heat_maps_of(model: str, size: int, pictures: list[np.ndarray]) -> list[np.ndarray]:
    """The heat map of each picture shown at `size`."""
    from yolotiny import YOLO
    from yolotiny.predict import sliced

    kept: list[np.ndarray] = []
    made = sliced.heat_maps

    def keep(*args: Any) -> Any:
        maps = made(*args)
        kept.append(maps[0])
        return maps

    sliced.heat_maps = keep
    try:
        detector = YOLO(model)
        for picture in pictures:
            detector.predict(picture, imgsz=size, crops="lsm", k=0, verbose=False, **{"infer.crops.threshold": 0.0})
    finally:
        sliced.heat_maps = made
    return kept


def main() -> None:
    """Print AP by share of the area for each size of the coarse pass."""
    from benchmarks.words import options_of

    given = options_of(sys.argv[1:], OPTIONS, ["model", "data"])
    model, scale, cell, most = (given[key] for key in ("model", "scale", "cell", "pictures"))
    sizes = [int(size) for size in given["sizes"].split(",")]
    import cv2
    import torch
    from crops import truth

    from yolotiny import YOLO
    from yolotiny.metrics import evaluate_arrays

    files, truths, names = truth(given["data"])
    files, truths = files[:most], truths[:most]
    pictures = [cv2.imread(file) for file in files]
    matched = YOLO(model)
    width = round(pictures[0].shape[1] * scale)
    options = {"imgsz": width, "conf": 0.01, "max_det": 1500, "verbose": False}
    rows = [matched.predict(picture, **options)[0].boxes.data.cpu() for picture in pictures]

    def ap(kept: list[torch.Tensor]) -> float:
        images = [(*t, r[:, :4], r[:, 4], r[:, 5]) for t, r in zip(truths, kept, strict=True)]
        return 100 * evaluate_arrays(images, names, "aitod")["AP"]

    print(f"{model}, {len(files)} pictures, all of the picture at {width}: {ap(rows):.2f} AP")
    print("imgsz      " + "".join(f"{area:8.0%}" for area in AREAS) + f"   of the area, in cells of {cell} px")
    for size in sizes:
        heats = heat_maps_of(model, size, pictures)
        looks = [cells_of(heat, p.shape[:2], cell) for heat, p in zip(heats, pictures, strict=True)]
        line = []
        for area in AREAS:
            threshold = np.quantile(np.concatenate([look.ravel() for look in looks]), 1 - area)
            middles = [((r[:, :2] + r[:, 2:4]) / 2 // cell).long() for r in rows]
            hot = [look[m[:, 1], m[:, 0]] > threshold for look, m in zip(looks, middles, strict=True)]
            line.append(ap([r[torch.from_numpy(h)] for r, h in zip(rows, hot, strict=True)]))
        print(f"{size:10} " + "".join(f"{value:8.2f}" for value in line), flush=True)


if __name__ == "__main__":
    main()
