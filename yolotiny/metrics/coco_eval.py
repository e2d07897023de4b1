"""The COCO algorithm with any size ranges, thresholds and detection caps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from faster_coco_eval import COCO
from faster_coco_eval.core.faster_eval_api import COCOeval_faster

from .inputs import Scene

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
    """

    figures: Mapping[str, Figure]
    sizes: Mapping[str, tuple[float, float]]
    ious: Sequence[float] = COCO_IOUS

    def __call__(self, scene: Scene) -> dict[str, Any]:
        """Score a scene.

        Returns:
            the figures in 0..1 (None where there is no ground truth), and
            `per_class` {name: the same figures and `n`}, without the classes in `classes_without_gt`;
            `n_gt` {"all" or size: objects, ignore regions apart}; `max_det`, the largest cap in use.
        """
        sizes = {"all": ALL, **self.sizes}
        caps = sorted({f.max_det for f in self.figures.values()})
        evaluated = _run(scene, list(sizes.values()), caps, self.ious)

        def figure(f: Figure, classes: int | slice) -> float | None:
            a, m = list(sizes).index(f.size), caps.index(f.max_det)
            values = evaluated[f.kind][..., classes, a, m]  # (T, R) or (T, R, C); recall has no R
            if f.iou is not None:
                values = values[np.isclose(self.ious, f.iou)]
            values = values[values > -1]
            return float(values.mean()) if values.size else None

        objects = [g for g in scene.gts if not g["iscrowd"] and ALL[0] <= g["area"] <= ALL[1]]
        counts = np.bincount([g["category_id"] - 1 for g in objects], minlength=len(scene.names)).tolist()
        areas = np.array([g["area"] for g in objects])
        report: dict[str, Any] = {key: figure(f, slice(None)) for key, f in self.figures.items()}
        report["per_class"] = {
            name: {key: figure(f, k) for key, f in self.figures.items()} | {"n": counts[k]}
            for k, name in enumerate(scene.names)
            if counts[k]
        }
        report["classes_without_gt"] = [name for name, n in zip(scene.names, counts, strict=True) if not n]
        report["n_gt"] = {size: int(((areas >= lo) & (areas <= hi)).sum()) for size, (lo, hi) in sizes.items()}
        report["max_det"] = caps[-1]
        return report


def _run(scene: Scene, ranges: list[tuple[float, float]], caps: list[int], ious: Sequence[float]) -> dict[str, Any]:
    """Match and accumulate: `precision` (T, 101, C, sizes, caps), `recall` (T, C, sizes, caps); -1 without objects."""
    base = {
        "images": [{"id": i} for i in range(1, scene.images + 1)],
        "categories": [{"id": k, "name": name} for k, name in enumerate(scene.names, 1)],
    }
    gt, det = (COCO(base | {"annotations": rows}, print_function=_quiet) for rows in (scene.gts, scene.dets))
    run = COCOeval_faster(gt, det, "bbox", print_function=_quiet)
    run.params.areaRng = [list(r) for r in ranges]
    run.params.areaRngLbl = [str(i) for i in range(len(ranges))]
    run.params.maxDets = caps
    run.params.iouThrs = np.asarray(ious)
    run.evaluate()
    run.accumulate()
    return run.eval


def _quiet(*_: Any) -> None:
    """Takes the place of print inside the evaluator."""
