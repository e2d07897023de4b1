"""Programs that run the COCO algorithm: our own, and others to check it with; they agree to the last bits.

A backend is called as `backend(matching, caps)` and gives a `Cells`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from ..registry import Registry
from .accumulate import RECALLS, at_recalls, curves, highest_recall, totals
from .matching import Matching
from .scene import Scene

Rows = list[dict[str, Any]]
Cells = Callable[[str, int, int], np.ndarray]
"""("precision" or "recall", index of a range, index of a cap) -> (T, 101, C) precision or (T, C) recall, or NaN."""


def accumulate(matching: Matching, caps: Sequence[int], backend: str) -> Cells:
    """Count the figures of each class.

    Args:
        matching: ground truth and detections, thresholds and ranges; its matches are what the own backend counts.
        caps: detections that count per class and image.
        backend: a name in `BACKENDS`.
    """
    return BACKENDS.find(backend)(matching, caps)


def _own(matching: Matching, caps: Sequence[int]) -> Cells:
    """What stands in this package."""
    once = np.ones((1, matching.scene.images))

    def cells(kind: str, size: int, cap: int) -> np.ndarray:
        counted = matching.rank < caps[cap]
        total = totals(matching, matching.objects(size), once)
        if kind == "recall":
            return highest_recall(matching, counted, total[0], size)
        table = np.full((len(matching.ious), len(RECALLS), total.shape[1]), np.nan)
        for curve in curves(matching, counted, total, once, size):
            _, k, t = curve.place
            if total[0, k]:
                table[t, :, k] = at_recalls(curve)[0]
        return table

    return cells


def _faster_coco_eval(matching: Matching, caps: Sequence[int]) -> Cells:
    """faster-coco-eval, which is always installed."""
    from faster_coco_eval import COCO
    from faster_coco_eval.core.faster_eval_api import COCOeval_faster

    base, ground_truth, dets = _as_coco(matching.scene)
    gt, det = (COCO(base | {"annotations": rows}, print_function=_quiet) for rows in (ground_truth, dets))
    run = COCOeval_faster(gt, det, "bbox", print_function=_quiet)
    run.params.areaRng = [list(r) for r in matching.ranges]
    run.params.areaRngLbl = [str(i) for i in range(len(matching.ranges))]
    run.params.maxDets, run.params.iouThrs = list(caps), matching.ious
    run.evaluate()
    run.accumulate()
    return _cells_of(run.eval)


def _hotcoco(matching: Matching, caps: Sequence[int]) -> Cells:
    """hotcoco, installed by the user."""
    try:
        import hotcoco
    except ImportError:
        raise InputError("backend=hotcoco is not installed; run: pip install hotcoco") from None
    base, ground_truth, dets = _as_coco(matching.scene)
    gt, det = (hotcoco.COCO(base | {"annotations": rows}) for rows in (ground_truth, dets))
    run = hotcoco.COCOeval(gt, det, "bbox")
    params = run.params
    params.areaRng = [list(r) for r in matching.ranges]
    params.areaRngLbl = [str(i) for i in range(len(matching.ranges))]
    params.maxDets, params.iouThrs = list(caps), matching.ious.tolist()
    run.params = params
    run.evaluate()
    run.accumulate()
    return _cells_of(run.eval)


def _cells_of(found: Any) -> Cells:
    """The cells of an evaluator's `precision` (T, 101, C, A, M) and `recall` (T, C, A, M); -1 without objects."""
    tables = {"precision": np.asarray(found["precision"]), "recall": np.asarray(found["recall"])}

    def cells(kind: str, size: int, cap: int) -> np.ndarray:
        table = tables[kind][..., size, cap]
        return np.where(table < 0, np.nan, table)

    return cells


def _as_coco(scene: Scene) -> tuple[dict[str, Any], Rows, Rows]:
    """Images and categories, annotations and detections as those programs take them; ids from 1, 0 is "unmatched"."""
    base = {
        "images": [{"id": i} for i in range(1, scene.images + 1)],
        "categories": [{"id": k, "name": name} for k, name in enumerate(scene.names, 1)],
    }
    # A region ignored by every class is a crowd of each class that has a detection in the image.
    seen = np.unique(np.column_stack((scene.dets.image, scene.dets.label)), axis=0)
    crowds = [
        {"image_id": i + 1, "category_id": k + 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 1}
        for i, box in zip(scene.regions.image.tolist(), scene.regions.box.tolist(), strict=True)
        for k in seen[seen[:, 0] == i, 1].tolist()
    ]
    names = {"image": "image_id", "label": "category_id", "box": "bbox", "crowd": "iscrowd"}

    def rows(of: Any) -> Rows:
        columns = {names.get(k, k): v.tolist() for k, v in of._asdict().items()}
        made = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        for row in made:
            row["image_id"] += 1
            row["category_id"] += 1
        return made

    ground_truth, dets = [*rows(scene.gts), *crowds], rows(scene.dets)
    for table in (ground_truth, dets):
        for number, row in enumerate(table, 1):
            row["id"] = number
            row["iscrowd"] = int(row.get("iscrowd", 0))
    return base, ground_truth, dets


def _quiet(*_: Any) -> None:
    """Takes the place of print inside the evaluator."""


OWN = "yolotiny"
BACKENDS = Registry("evaluation backend", {OWN: _own, "faster-coco-eval": _faster_coco_eval, "hotcoco": _hotcoco})
