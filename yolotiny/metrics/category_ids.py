"""Category ids that are all off by one, or count classes where the ground truth has ids of its own: said, not mapped.

A map that is guessed wrong gives figures that look right, so the user is told what to write instead.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from typing import Any

import numpy as np

from .pairs import pairs_within
from .scene import Detections, Objects, rows_at

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


def shift_note(gts: Objects, dets: Detections, labels: Collection[Any], where: str) -> list[str]:
    """A line where nearly all of the best detections lie on objects whose category id is one higher, or one lower.

    Args:
        gts, dets: of a `Scene`.
        labels: the ids of the ground truth in the order of its classes.
        where: the file of the detections.
    """
    ids = list(labels)
    if not all(isinstance(k, int) for k in ids):
        return []
    last = min(LOOKED_AT, len(dets.score)) - 1
    best = rows_at(dets, np.argpartition(-dets.score, last)[: last + 1] if last >= 0 else np.zeros(0, int))
    pairs = pairs_within(best.box, best.image, gts.box, gts.image, SAME_OBJECT)
    on: dict[int, set[int]] = defaultdict(set)
    for det, label in zip(pairs.det.tolist(), gts.label[pairs.gt].tolist(), strict=True):
        on[det].add(label)
    off: Counter[int] = Counter()
    for det, found in on.items():
        own = int(best.label[det])
        off[0 if own in found else ids[min(found)] - ids[own]] += 1
    total = off.total()
    step = max((1, -1), key=lambda s: off[s])
    if total < ENOUGH or off[step] < SHARE * total:
        return []
    side = "below" if step > 0 else "above"
    return [
        f"{where}: of the {total} best detections that lie on an object, {off[step]} have the category next {side} the "
        f"object's and count as wrong; if the file's ids are shifted, write each {step:+d}"
    ]
