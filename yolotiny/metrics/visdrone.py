"""The protocol of the VisDrone toolkit, which differs from COCO's in nearly every step.

Source: VisDrone2018-DET-toolkit (MATLAB), evalDET, calcAccuracy, dropObjectsInIgr, VOCap.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .coco_eval import COCO_IOUS
from .inputs import Scene, ignored_by_share
from .matching import Matches, match

INSIDE = 0.5  # share of a box inside ignore regions from which on it is removed


@dataclass(frozen=True)
class VisDroneProtocol:
    """Scores a scene by the rules of the VisDrone toolkit.

    1. Objects and detections with half of their area or more inside the union of the ignore regions are removed
       (whole pixels, coordinates rounded).
    2. Of each image, the best 500 detections over all classes count.
    3. AP is the area under the precision envelope at every recall (not 101 points), IoU 0.50:0.05:0.95.
    4. The total is a mean of classes weighted by the number of images that hold the class. The plain mean, which most
       papers mean by AP, stands beside it under the same name with `_macro`.

    An ignored object of one class (`iscrowd` or `ignore`) excuses every detection that lies inside it by the threshold,
    and counts in the denominator of the recall, as in the toolkit. Objects of no class ("others", category 11) are no
    ignore regions: a detection on one is wrong. One departure: the toolkit takes detections in the order of the file,
    here they are sorted by score.

    Attributes:
        max_det: detections per image over all classes.
        recall_at: caps of the average recalls.
        sizes: area ranges of the analysis beyond AP, in square pixels; the toolkit has none.
    """

    max_det: int = 500
    recall_at: tuple[int, ...] = (1, 10, 100, 500)
    sizes: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def figures(self) -> tuple[str, ...]:
        """The names of the figures, for the whole and for each class."""
        return ("AP", "AP50", "AP75", *(f"AR@{n}" for n in self.recall_at))

    @property
    def caps(self) -> dict[str, int]:
        """How many detections count for each figure, per image over all classes."""
        caps = {key: self.max_det for key in self.figures} | {f"AR@{n}": n for n in self.recall_at}
        return caps | {f"{key}_macro": n for key, n in caps.items()}

    def view(self, scene: Scene) -> Scene:
        """The scene without what lies in ignore regions, and with the best detections of each image."""
        return best_of_image(without_ignored(scene), self.max_det)[0]

    def __call__(self, scene: Scene) -> dict[str, Any]:
        """Score a scene; the report is that of `CocoProtocol` with `AP_macro` and the like in addition."""
        scene = without_ignored(scene)
        held: list[set[int]] = [set() for _ in scene.names]
        counts, excused = np.zeros(len(scene.names), int), np.zeros(len(scene.names), int)
        for g in scene.gts:
            k = g["category_id"] - 1
            held[k].add(g["image_id"])
            (excused if g["iscrowd"] else counts)[k] += 1
        values: dict[str, dict[int, float]] = {key: {} for key in self.figures}
        scene, ranks = best_of_image(scene, self.max_det)
        found = match(
            scene, COCO_IOUS
        )  # what a detection finds depends on better ones only, so one run serves all caps
        for k in [k for k in range(len(scene.names)) if counts[k] + excused[k]]:
            total = int(counts[k] + excused[k])
            ap = envelope_ap(found[k], total)
            values["AP"][k], values["AP50"][k], values["AP75"][k] = float(ap.mean()), ap[0], ap[5]
            rank = ranks[found[k].dets]
            for n in self.recall_at:
                values[f"AR@{n}"][k] = float(((found[k].gt >= 0) & (rank < n)).sum(1).mean() / total)
        weights = np.array([len(h) for h in held], float)
        report: dict[str, Any] = {}
        for key, of in values.items():
            w = weights[list(of)]
            v = np.array(list(of.values()))
            report[key] = float((v * w).sum() / w.sum()) if len(v) else None
        report |= {f"{key}_macro": float(np.mean(list(of.values()))) if of else None for key, of in values.items()}
        report["per_class"] = {
            name: {key: float(of[k]) for key, of in values.items()} | {"n": int(counts[k]), "images": len(held[k])}
            for k, name in enumerate(scene.names)
            if k in values["AP"]
        }
        report["classes_without_gt"] = [name for k, name in enumerate(scene.names) if k not in values["AP"]]
        report["n_gt"] = {"all": int(counts.sum())}
        report["max_det"] = self.max_det
        return report


def envelope_ap(found: Matches, total: int) -> np.ndarray:
    """(T,) area under the precision envelope, `total` objects to be found.

    Source: Everingham et al., VOC 2010 development kit.
    """
    out = np.zeros(len(found.gt))
    for t, (gt, skip) in enumerate(zip(found.gt, found.skip, strict=True)):
        right = (gt >= 0)[~skip]
        tp, seen = np.cumsum(right), np.arange(1, len(right) + 1)
        recall = np.concatenate(([0.0], tp / total))
        precision = np.maximum.accumulate((tp / seen)[::-1])[::-1]
        out[t] = (np.diff(recall) * precision).sum()
    return out


def best_of_image(scene: Scene, n: int) -> tuple[Scene, np.ndarray]:
    """The scene with the best `n` detections of each image over all classes, and the rank of each, (D,) from 0."""
    by_image: dict[int, list[dict]] = defaultdict(list)
    for det in scene.dets:
        by_image[det["image_id"]].append(det)
    kept = [sorted(dets, key=lambda d: -d["score"])[:n] for dets in by_image.values()]
    ranks = np.concatenate([np.arange(len(dets)) for dets in kept]) if kept else np.zeros(0, int)
    return replace(scene, dets=[d for dets in kept for d in dets]), ranks


def without_ignored(scene: Scene) -> Scene:
    """Remove what lies in ignore regions; objects of one class that may be found or missed become crowd rows."""
    regions: dict[int, list] = defaultdict(list)
    for i, (image, box) in enumerate(scene.regions):
        if i not in scene.others:
            regions[image].append(box)
    maps = {image: _Map(boxes) for image, boxes in regions.items()}

    def outside(row: dict) -> bool:
        there = maps.get(row["image_id"])
        return there is None or there.share(row["bbox"]) < INSIDE

    gts = ignored_by_share(list(filter(outside, scene.gts)))
    return replace(scene, gts=gts, dets=list(filter(outside, scene.dets)), regions=[], others=frozenset())


class _Map:
    """The union of the ignore regions of one image as a summed-area table over whole pixels."""

    def __init__(self, boxes: list):
        xy = np.floor(np.array(boxes, float) + 0.5).astype(int)
        corners = np.concatenate((xy[:, :2], xy[:, :2] + xy[:, 2:]), 1)
        self.origin = corners[:, :2].min(0)
        w, h = corners[:, 2:].max(0) - self.origin
        covered = np.zeros((h, w))
        for x1, y1, x2, y2 in (corners - np.tile(self.origin, 2)).tolist():
            covered[y1:y2, x1:x2] = 1
        self.sums = np.pad(covered.cumsum(0).cumsum(1), ((1, 0), (1, 0)))

    def share(self, box: list[float]) -> float:
        """The share of a box [x, y, w, h] that is covered; a box that rounds to nothing counts as outside."""
        x, y, w, h = np.floor(np.array(box) + 0.5).astype(int).tolist()
        if w * h <= 0:
            return 0.0
        high, wide = np.array(self.sums.shape) - 1
        x1, x2 = np.clip([x - self.origin[0], x + w - self.origin[0]], 0, wide)
        y1, y2 = np.clip([y - self.origin[1], y + h - self.origin[1]], 0, high)
        s = self.sums
        return float(s[y2, x2] - s[y1, x2] - s[y2, x1] + s[y1, x1]) / (w * h)
