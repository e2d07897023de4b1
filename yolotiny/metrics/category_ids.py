"""Category ids that are all off by one, or count classes where the ground truth has ids of its own: said, not mapped.

A map that is guessed wrong gives figures that look right, so the user is told what to write instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from heapq import nlargest
from operator import itemgetter
from typing import Any

import numpy as np

LOOKED_AT = 1000  # detections with the best scores, which tell a shift
ENOUGH, SHARE = 5, 0.8  # detections on an object that tell something; how many of them have to be off in one way
SAME_OBJECT = 0.5  # IoU


def known(labels: Collection[Any]) -> str:
    """The ids of a ground truth in words; they are sorted, numbers before texts."""
    ids = list(labels)
    return f"the ground truth has ids {ids[0]} to {ids[-1]}"


def hint_of(found: Collection[Any], labels: Collection[Any]) -> str:
    """What may be wrong with a file of detections in which a category is unknown, to be put behind that.

    Args:
        found: all its category ids.
        labels: those of the ground truth.
    """
    numbers = {k for k in found if isinstance(k, int)}
    if all(isinstance(k, int) for k in found):
        for step, word in ((1, "low"), (-1, "high")):
            if {k + step for k in numbers} <= set(labels):
                start = ", as ids start at 1 and class indices at 0" if 0 in numbers and step == 1 else ""
                return f"; all ids of the file fit if they are one too {word}{start}: write each {step:+d}"
        if 0 <= min(numbers) and max(numbers) < len(labels) + (0 not in numbers):
            first = "" if 0 not in numbers else "; ids start at 1"
            return f"{first}; the file seems to number the classes in order: write the ids of the ground truth"
    return "; ids start at 1, so write the class index plus one" if 0 in found and 0 not in labels else ""


def shift_note(
    gts: Sequence[Mapping[str, Any]], dets: Sequence[Mapping[str, Any]], labels: Collection[Any], where: str
) -> list[str]:
    """A line where nearly all of the best detections lie on objects whose category id is one higher, or one lower.

    Args:
        gts, dets: rows of a `Scene`.
        labels: the ids of the ground truth in the order of its classes.
        where: the file of the detections.
    """
    ids = list(labels)
    if not all(isinstance(k, int) for k in ids):
        return []
    best = nlargest(LOOKED_AT, dets, key=itemgetter("score"))
    objects: dict[int, list[Mapping[str, Any]]] = {det["image_id"]: [] for det in best}
    for gt in gts:
        if gt["image_id"] in objects:
            objects[gt["image_id"]].append(gt)
    boxes = {i: np.array([gt["bbox"] for gt in rows], float).reshape(-1, 4) for i, rows in objects.items()}
    off: Counter[int] = Counter()
    for det in best:
        iou = _iou(np.array(det["bbox"], float), boxes[det["image_id"]])
        on = {objects[det["image_id"]][i]["category_id"] for i in np.flatnonzero(iou >= SAME_OBJECT)}
        if det["category_id"] in on:
            off[0] += 1
        elif on:
            off[ids[min(on) - 1] - ids[det["category_id"] - 1]] += 1
    total = off.total()
    step = max((1, -1), key=lambda s: off[s])
    if total < ENOUGH or off[step] < SHARE * total:
        return []
    side = "below" if step > 0 else "above"
    return [
        f"{where}: of the {total} best detections that lie on an object, {off[step]} have the category next {side} the "
        f"object's and count as wrong; if the file's ids are shifted, write each {step:+d}"
    ]


def _iou(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(4,) and (N, 4) left, top, width, height -> (N,)."""
    top, bottom = np.maximum(box[:2], others[:, :2]), np.minimum(box[:2] + box[2:], others[:, :2] + others[:, 2:])
    overlap = (bottom - top).clip(min=0).prod(1)
    return overlap / (box[2:].prod() + others[:, 2:].prod(1) - overlap)
