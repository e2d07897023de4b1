"""Trackers on generated clips of vehicles, fed with the truth made worse: how much is followed, and under one number.

    python benchmarks/track.py                       # a few minutes on one core
    python benchmarks/track.py --frames 20 --seeds 1

Boxes are moved by half a pixel (normal), one in ten is left out, scores are normal (0.55, deviation 0.18). `every`
takes each n-th frame, so that objects jump further; `size` shrinks the boxes about their centres.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import numpy as np
from ultralytics.engine.results import Boxes

from yolotiny.data.clip import clip
from yolotiny.track.config import make_tracker, read_tracker

NO_FUSING = {"fuse_score": False}
ARMS: dict[str, tuple[str, dict[str, Any]]] = {
    "bytetrack": ("bytetrack", {}),
    "bytetrack, fuse_score=false": ("bytetrack", NO_FUSING),
    "bytetrack-nwd": ("bytetrack-nwd", {}),
    "botsort": ("botsort", {}),
    "botsort, fuse_score=false": ("botsort", NO_FUSING),
    "botsort-nwd": ("botsort-nwd", {}),
    "ocsort": ("ocsort", {}),
    "tracktrack": ("tracktrack", {}),
}
SETTINGS = [(1, 1.0), (1, 0.5), (2, 1.0), (3, 1.0)]  # every, size


def worse(boxes: np.ndarray, size: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(N, 4) boxes of the truth -> rows of detections, and which of the boxes they are of."""
    kept = np.flatnonzero(rng.random(len(boxes)) > 0.1)
    centre, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) * size
    found = np.c_[centre - sides / 2, centre + sides / 2] + rng.normal(0, 0.5, boxes.shape)
    scores = rng.normal(0.55, 0.18, len(boxes)).clip(0.11, 0.95)
    return np.c_[found, scores, np.zeros(len(boxes))][kept].astype(np.float32), kept


def run(clips: list[list[tuple]], every: int, size: float, name: str, changes: Mapping[str, Any]) -> str:
    """One tracker on all clips, as a row of a table."""
    objects = followed = switches = vehicles = 0
    for seed, frames in enumerate(clips):
        rng, tracker, last = np.random.default_rng(seed), make_tracker(read_tracker(name, changes), "cpu"), {}
        for image, boxes, ids in frames[::every]:
            rows, kept = worse(boxes, size, rng)
            tracks = tracker.update(Boxes(rows, image.shape[:2]), image)
            objects += len(boxes)
            for row in tracks:
                number = int(ids[kept[int(row[-1])]])
                switches += last.setdefault(number, row[4]) != row[4]
                last[number] = row[4]
            followed += len(tracks)
        vehicles += len({i for _, _, ids in frames for i in ids})
    return f"{100 * followed / objects:.1f} | {switches} | {vehicles}"


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    clips = [list(clip(asked.frames, seed=seed)) for seed in range(asked.seeds)]
    print("| every | size | tracker | boxes with an id, % | changes of id | vehicles |")
    print("|---|---|---|---|---|---|")
    for every, size in SETTINGS:
        for label, (name, changes) in ARMS.items():
            print(f"| {every} | {size} | {label} | {run(clips, every, size, name, changes)} |", flush=True)


if __name__ == "__main__":
    main()
