"""The COCO algorithm with any size ranges, thresholds and detection caps.

Source: Lin et al. 2014 (COCO) and pycocotools.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .backends import accumulate
from .inputs import Scene, ignored_by_share
from .matching import match
from .olrp import IOU, olrp

ALL = (0.0, 1e5**2)
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
    backend: str = "faster-coco-eval"

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

    def __call__(self, scene: Scene) -> dict[str, Any]:
        """Score a scene.

        Returns:
            the figures in 0..1 (None where there is no ground truth), and
            `per_class` {name: the same figures, `n`, and `n_gt` by size}, without those in `classes_without_gt`;
            `n_gt` {"all" or size: objects, ignore regions apart}; `max_det`, the largest cap in use.
        """
        scene = self.view(scene)
        sizes = {"all": ALL, **self.sizes}
        caps = sorted(set(self.caps.values()))
        evaluated = accumulate(scene, list(sizes.values()), caps, self.ious, self.backend)

        def figure(f: Figure, classes: int | slice) -> float | None:
            a, m = list(sizes).index(f.size), caps.index(f.max_det)
            values = evaluated[f.kind][..., classes, a, m]  # (T, R) or (T, R, C); recall has no R
            if f.iou is not None:
                values = values[np.isclose(self.ious, f.iou)]
            values = values[values > -1]
            return float(values.mean()) if values.size else None

        objects = [g for g in scene.gts if not g["iscrowd"] and ALL[0] <= g["area"] <= ALL[1]]
        counts = np.bincount([g["category_id"] - 1 for g in objects], minlength=len(scene.names)).tolist()
        areas, labels = np.array([g["area"] for g in objects]), np.array([g["category_id"] - 1 for g in objects])

        def of_size(areas: np.ndarray) -> dict[str, int]:
            return {size: int(((areas >= lo) & (areas <= hi)).sum()) for size, (lo, hi) in sizes.items()}

        report: dict[str, Any] = {key: figure(f, slice(None)) for key, f in self.figures.items()}
        report["per_class"] = {
            name: {key: figure(f, k) for key, f in self.figures.items()}
            | {"n": counts[k], "n_gt": of_size(areas[labels == k])}
            for k, name in enumerate(scene.names)
            if counts[k]
        }
        report["classes_without_gt"] = [name for name, n in zip(scene.names, counts, strict=True) if not n]
        report["n_gt"] = of_size(areas)
        report["max_det"] = caps[-1]
        if self.olrp:
            _add_olrp(report, scene, caps[-1])
        return report


def _add_olrp(report: dict[str, Any], scene: Scene, max_det: int) -> None:
    """Put oLRP and its parts into a report, per class and as the mean of the classes that have it."""
    rows = {name: olrp(found) for name, found in zip(scene.names, match(scene, [IOU], max_det), strict=True)}
    for key in ("oLRP", "oLRP_loc", "oLRP_fp", "oLRP_fn"):
        values = {name: row[key] for name, row in rows.items() if row}
        defined = [v for v in values.values() if v is not None]
        report[key] = float(np.mean(defined)) if defined else None
        for name, value in values.items():
            report["per_class"][name][key] = value
