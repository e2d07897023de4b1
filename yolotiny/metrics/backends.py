"""Programs that run the COCO algorithm; they agree to the last bits, and differ in time.

A backend is called as `backend(base, ground_truth, dets, ranges, caps, ious)` and gives what `accumulate` gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from faster_coco_eval import COCO
from faster_coco_eval.core.faster_eval_api import COCOeval_faster

from ..errors import InputError
from ..registry import Registry
from .inputs import Scene

Rows = list[dict[str, Any]]


def accumulate(
    scene: Scene, ranges: list[tuple[float, float]], caps: list[int], ious: Sequence[float], backend: str
) -> dict[str, np.ndarray]:
    """Match and accumulate.

    Args:
        scene: ground truth and detections.
        ranges: area ranges, square pixels.
        caps: detections that count per class and image, ascending.
        ious: T thresholds.
        backend: a name in `BACKENDS`.

    Returns:
        `precision` (T, 101, C, sizes, caps) and `recall` (T, C, sizes, caps); -1 without objects.
    """
    base = {
        "images": [{"id": i} for i in range(1, scene.images + 1)],
        "categories": [{"id": k, "name": name} for k, name in enumerate(scene.names, 1)],
    }
    ground_truth = [*scene.gts, *_crowds(scene)]
    return BACKENDS.find(backend)(base, ground_truth, scene.dets, [list(r) for r in ranges], caps, np.asarray(ious))


def _faster_coco_eval(
    base: dict, ground_truth: Rows, dets: Rows, ranges: list, caps: list[int], ious: np.ndarray
) -> dict:
    """faster-coco-eval, which is always installed."""
    gt, det = (COCO(base | {"annotations": rows}, print_function=_quiet) for rows in (ground_truth, dets))
    run = COCOeval_faster(gt, det, "bbox", print_function=_quiet)
    run.params.areaRng, run.params.areaRngLbl = ranges, [str(i) for i in range(len(ranges))]
    run.params.maxDets, run.params.iouThrs = caps, ious
    run.evaluate()
    run.accumulate()
    return run.eval


def _hotcoco(base: dict, ground_truth: Rows, dets: Rows, ranges: list, caps: list[int], ious: np.ndarray) -> dict:
    """hotcoco, faster still; installed by the user."""
    try:
        import hotcoco
    except ImportError:
        raise InputError("backend=hotcoco is not installed; run: pip install hotcoco") from None
    gt, det = (hotcoco.COCO(base | {"annotations": rows}) for rows in (ground_truth, dets))
    run = hotcoco.COCOeval(gt, det, "bbox")
    params = run.params
    params.areaRng, params.areaRngLbl = ranges, [str(i) for i in range(len(ranges))]
    params.maxDets, params.iouThrs = caps, ious.tolist()
    run.params = params
    run.evaluate()
    run.accumulate()
    found: Any = run.eval
    return {key: np.asarray(found[key]) for key in ("precision", "recall")}


def _crowds(scene: Scene) -> list[dict[str, Any]]:
    """The regions ignored by every class, as one crowd row per class that has a detection in the image."""
    seen: dict[int, set[int]] = {}
    for det in scene.dets:
        seen.setdefault(det["image_id"], set()).add(det["category_id"])
    pairs = [(image, k, box) for image, box in scene.regions for k in sorted(seen.get(image, ()))]
    return [
        {"id": i, "image_id": image, "category_id": k, "bbox": box, "area": box[2] * box[3], "iscrowd": 1}
        for i, (image, k, box) in enumerate(pairs, len(scene.gts) + 1)
    ]


def _quiet(*_: Any) -> None:
    """Takes the place of print inside the evaluator."""


BACKENDS = Registry("evaluation backend", {"faster-coco-eval": _faster_coco_eval, "hotcoco": _hotcoco})
