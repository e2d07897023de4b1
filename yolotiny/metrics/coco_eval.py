"""The COCO algorithm with any size ranges, thresholds and detection caps.

Source: Lin et al. 2014 (COCO) and pycocotools.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .accumulate import at_recalls, curves, totals
from .backends import OWN, accumulate
from .matching import ALL, Matching
from .olrp import IOU, olrp
from .scene import Scene, ignored_by_share

COCO_IOUS = tuple(np.linspace(0.5, 0.95, 10).tolist())


@dataclass(frozen=True)
class Figure:
    """One number of a report.

    Attributes:
        kind: "precision" (mean over thresholds and 101 recalls) or "recall" (highest recall, mean over thresholds).
        max_det: how many detections count, per class and image, best scores first.
        size: name of the size range.
        iou: the one threshold it is for; None for the mean over all.
    """

    kind: str
    max_det: int
    size: str = "all"
    iou: float | None = None


@dataclass(frozen=True)
class CocoProtocol:
    """A row of the protocol table: what is measured, with which ranges. Calling it scores a scene.

    Attributes:
        figures: the numbers to report, by the name the field gives them.
        sizes: area ranges in square pixels; both bounds belong to the range, so an object on a bound counts twice.
        ious: matching thresholds.
        olrp: report oLRP and its parts too, at the largest cap.
        by_share: an ignored object excuses detections that lie inside it, any number of them, instead of one that
            overlaps it by IoU.
        backend: the program that runs the algorithm, a name in `BACKENDS`.
    """

    figures: Mapping[str, Figure]
    sizes: Mapping[str, tuple[float, float]]
    ious: Sequence[float] = COCO_IOUS
    olrp: bool = False
    by_share: bool = False
    backend: str = OWN

    @property
    def caps(self) -> dict[str, int]:
        """How many detections count for each figure, per class and image."""
        return {key: f.max_det for key, f in self.figures.items()}

    @property
    def max_det(self) -> int:
        """The largest cap."""
        return max(self.caps.values())

    def view(self, scene: Scene) -> Scene:
        """The scene under this protocol's ignore rules."""
        return replace(scene, gts=ignored_by_share(scene.gts)) if self.by_share else scene

    def match(self, scene: Scene) -> Matching:
        """All detections of a scene matched under this protocol's rules, for `score` and what else is counted."""
        ranges = list({"all": ALL, **self.sizes}.values())
        return Matching.of(self.view(scene), self.ious, ranges, self.max_det)

    def __call__(self, scene: Scene) -> dict[str, Any]:
        """Score a scene; see `score`."""
        return self.score(self.match(scene))

    def score(self, matching: Matching) -> dict[str, Any]:
        """Count the figures.

        Returns:
            the figures in 0..1 (None where there is no ground truth), and
            `per_class` {name: the same figures, `n`, and `n_gt` by size}, without those in `classes_without_gt`;
            `n_gt` {"all" or size: objects, ignore regions apart}; `max_det`, the largest cap in use.
        """
        sizes, names = ["all", *self.sizes], matching.scene.names
        values = self._values(matching, sizes)
        gts = matching.scene.gts
        counts = {s: np.bincount(gts.label[matching.objects(a)], minlength=len(names)) for a, s in enumerate(sizes)}
        there = np.flatnonzero(counts["all"]).tolist()
        report: dict[str, Any] = {key: mean_of(table) for key, table in values.items()}
        report["per_class"] = {
            names[k]: {key: mean_of(table[..., k]) for key, table in values.items()}
            | {"n": int(counts["all"][k]), "n_gt": {size: int(n[k]) for size, n in counts.items()}}
            for k in there
        }
        report["classes_without_gt"] = [name for k, name in enumerate(names) if k not in there]
        report["n_gt"] = {size: int(n.sum()) for size, n in counts.items()}
        report["max_det"] = self.max_det
        if self.olrp:
            _add_olrp(report, matching)
        return report

    def _values(self, matching: Matching, sizes: list[str]) -> dict[str, np.ndarray]:
        """(thresholds, 101, C) precision or (thresholds, C) recall of each figure, NaN where a class has no object."""
        caps = sorted(set(self.caps.values()))
        cells = accumulate(matching, caps, self.backend)
        wanted = {key: (f.kind, sizes.index(f.size), caps.index(f.max_det)) for key, f in self.figures.items()}
        tables = {place: cells(*place) for place in set(wanted.values())}  # several figures stand in one
        return {key: tables[wanted[key]][self.thresholds(f)] for key, f in self.figures.items()}

    def ap_of(self, matching: Matching, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Count the AP of each class with pictures reweighed.

        Args:
            matching: of this protocol.
            weights: (S, images) how often each picture is there.

        Returns:
            {figure of precision: (S, C), NaN where there is no object}.
        """
        sizes, tables = ["all", *self.sizes], {}
        wanted = {k: (sizes.index(f.size), f.max_det) for k, f in self.figures.items() if f.kind == "precision"}
        for size, cap in set(wanted.values()):
            total = totals(matching, matching.objects(size), weights)
            table = np.zeros((*total.shape, len(self.ious)))
            for curve in curves(matching, matching.rank < cap, total, weights, size):
                table[curve.place] = at_recalls(curve).mean(1)
            tables[size, cap] = np.where(total[..., None] > 0, table, np.nan)
        return {key: tables[place][..., self.thresholds(self.figures[key])].mean(-1) for key, place in wanted.items()}

    def class_weights(self, matching: Matching, weights: np.ndarray) -> np.ndarray:
        """`weights` (S, I) of the images -> (S, C) how much each class counts in a mean over classes."""
        return np.ones((len(weights), len(matching.scene.names)))

    def thresholds(self, figure: Figure) -> np.ndarray:
        """(T,) True for the thresholds that a figure is the mean of."""
        return np.ones(len(self.ious), bool) if figure.iou is None else np.isclose(self.ious, figure.iou)


def mean_of(values: np.ndarray) -> float | None:
    """The mean of `values` of any shape without its NaN, None where nothing is left."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else None


def _add_olrp(report: dict[str, Any], matching: Matching) -> None:
    """Put oLRP and its parts into a report, per class and as the mean of the classes that have it."""
    rows = {name: olrp(found) for name, found in zip(matching.scene.names, matching.at(IOU), strict=True)}
    for key in ("oLRP", "oLRP_loc", "oLRP_fp", "oLRP_fn"):
        values = {name: row[key] for name, row in rows.items() if row}
        defined = [v for v in values.values() if v is not None]
        report[key] = float(np.mean(defined)) if defined else None
        for name, value in values.items():
            report["per_class"][name][key] = value
