"""The protocol of the VisDrone toolkit, which differs from COCO's in nearly every step.

Source: VisDrone2018-DET-toolkit (MATLAB), evalDET, calcAccuracy, dropObjectsInIgr, VOCap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .accumulate import area, curves, highest_recall, totals
from .coco_eval import COCO_IOUS, mean_of
from .matching import Matching
from .scene import Detections, Objects, Scene, ignored_by_share, rows_at

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
        scene = without_ignored(scene)
        return replace(scene, dets=rows_at(scene.dets, rank_in_image(scene) < self.max_det))

    def match(self, scene: Scene) -> Matching:
        """All detections of a scene matched under this protocol's rules, for `score` and what else is counted."""
        return Matching.of(self.view(scene), COCO_IOUS)

    def __call__(self, scene: Scene) -> dict[str, Any]:
        """Score a scene; see `score`."""
        return self.score(self.match(scene))

    def score(self, matching: Matching) -> dict[str, Any]:
        """Count the figures; the report is that of `CocoProtocol` with `AP_macro` and the like in addition."""
        names, objects = matching.scene.names, matching.scene.gts
        images = held(matching.scene).sum(0)
        counts = np.bincount(objects.label[~objects.crowd], minlength=len(names))
        values = {key: table.mean(0) for key, table in self._values(matching).items()}
        report: dict[str, Any] = {}
        for key, of in values.items():
            report[key] = float((np.nan_to_num(of) * images).sum() / images.sum()) if images.sum() else None
        report |= {f"{key}_macro": mean_of(of) for key, of in values.items()}
        report["per_class"] = {
            names[k]: {key: float(of[k]) for key, of in values.items()}
            | {"n": int(counts[k]), "images": int(images[k])}
            for k in np.flatnonzero(images)
        }
        report["classes_without_gt"] = [name for k, name in enumerate(names) if not images[k]]
        report["n_gt"] = {"all": int(counts.sum())}
        report["max_det"] = self.max_det
        return report

    def _values(self, matching: Matching) -> dict[str, np.ndarray]:
        """(thresholds, C) of each figure, NaN where a class has no object."""
        once, every = np.ones((1, matching.scene.images)), np.ones(len(matching.scene.gts.area), bool)
        ap, total = self._ap(matching, once)[0].T, totals(matching, every, once)
        rank = rank_in_image(matching.scene)[matching.order]
        values = {"AP": ap, "AP50": ap[:1], "AP75": ap[5:6]}
        return values | {f"AR@{n}": highest_recall(matching, rank < n, total[0]) for n in self.recall_at}

    def _ap(self, matching: Matching, weights: np.ndarray) -> np.ndarray:
        """(S, C, thresholds) AP with pictures reweighed, NaN where there is no object; `weights` (S, images)."""
        every, counted = np.ones(len(matching.scene.gts.area), bool), np.ones(len(matching.order), bool)
        total = totals(matching, every, weights)  # the excused among them, as in the toolkit
        table = np.zeros((*total.shape, len(COCO_IOUS)))
        for curve in curves(matching, counted, total, weights):
            table[curve.place] = area(curve)
        return np.where(total[..., None] > 0, table, np.nan)

    def ap_of(self, matching: Matching, weights: np.ndarray) -> dict[str, np.ndarray]:
        """The AP of each class with pictures reweighed; see `CocoProtocol.ap_of`."""
        table = self._ap(matching, weights)
        return {"AP": table.mean(-1), "AP50": table[..., 0], "AP75": table[..., 5]}

    def class_weights(self, matching: Matching, weights: np.ndarray) -> np.ndarray:
        """`weights` (S, I) of the images -> (S, C) how much each class counts in a mean: the images that hold it."""
        return weights @ held(matching.scene).astype(float)


def held(scene: Scene) -> np.ndarray:
    """(images, C) True where an image holds an object of a class."""
    out = np.zeros((scene.images, len(scene.names)), bool)
    out[scene.gts.image, scene.gts.label] = True
    return out


def rank_in_image(scene: Scene) -> np.ndarray:
    """(N,) place of each detection by score among those of its image, over all classes, from 0."""
    order = np.lexsort((-scene.dets.score, scene.dets.image))
    image = scene.dets.image[order]
    ranks = np.empty(len(order), int)
    ranks[order] = np.arange(len(order)) - np.searchsorted(image, image)
    return ranks


def without_ignored(scene: Scene) -> Scene:
    """Remove what lies in ignore regions; objects of one class that may be found or missed become crowd rows."""
    regions = rows_at(scene.regions, ~scene.regions.others)
    keep = {"gts": np.ones(len(scene.gts.area), bool), "dets": np.ones(len(scene.dets.area), bool)}
    for image in np.unique(regions.image):
        there = _Map(regions.box[regions.image == image])
        for name, kept in keep.items():
            rows: Objects | Detections = getattr(scene, name)
            here = np.flatnonzero(rows.image == image)
            kept[here] = there.share(rows.box[here]) < INSIDE
    gts = ignored_by_share(rows_at(scene.gts, keep["gts"]))
    none = rows_at(scene.regions, np.zeros(0, int))
    return replace(scene, gts=gts, dets=rows_at(scene.dets, keep["dets"]), regions=none)


class _Map:
    """The union of the ignore regions of one image, (K, 4), as a summed-area table over whole pixels."""

    def __init__(self, boxes: np.ndarray):
        xy = np.floor(boxes + 0.5).astype(int)
        corners = np.concatenate((xy[:, :2], xy[:, :2] + xy[:, 2:]), 1)
        self.origin = corners[:, :2].min(0)
        w, h = corners[:, 2:].max(0) - self.origin
        covered = np.zeros((h, w))
        for x1, y1, x2, y2 in (corners - np.tile(self.origin, 2)).tolist():
            covered[y1:y2, x1:x2] = 1
        self.sums = np.pad(covered.cumsum(0).cumsum(1), ((1, 0), (1, 0)))

    def share(self, boxes: np.ndarray) -> np.ndarray:
        """(N,) the share of each box (N, 4) that is covered; one that rounds to nothing counts as outside."""
        x, y, w, h = np.floor(boxes + 0.5).astype(int).T
        high, wide = np.array(self.sums.shape) - 1
        x1, x2 = ((v - self.origin[0]).clip(0, wide) for v in (x, x + w))
        y1, y2 = ((v - self.origin[1]).clip(0, high) for v in (y, y + h))
        s = self.sums
        return (s[y2, x2] - s[y1, x2] - s[y2, x1] + s[y1, x1]) / np.where(w * h > 0, w * h, np.inf)
