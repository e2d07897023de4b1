"""Where labels and a model disagree: finds without a label, labels that nothing supports, and other classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..data.records import Record, clip
from ..metrics.pairs import Pairs, pairs_within

NO_LABEL, NO_FIND, OTHER_CLASS = "no label", "nothing found", "other class"
SIZES = (8.0, 16.0, 32.0, 64.0)  # pixels of the picture: labels between two of them are of one size
INSIDE = 0.5  # share of a find in an ignore region from which on nothing is said of it


@dataclass(frozen=True)
class Doubt:
    """A box on which labels and model disagree.

    Attributes:
        kind: `NO_LABEL` or `OTHER_CLASS` of a find, `NO_FIND` of a label.
        box: (4,) xyxy, pixels.
        label: class of the find, or of the label.
        index: place of the find, or of the label, among those of its picture.
        doubt: how doubtful, 0 to 1: of a find its score; of a label the share of labels of its size that are found.
        instead: class of the label where a find is of another one.
    """

    kind: str
    box: np.ndarray
    label: int
    index: int
    doubt: float
    instead: int | None = None


def doubts(
    records: Sequence[Record], finds: Sequence[np.ndarray], conf: float = 0.5, iou: float = 0.3
) -> list[list[Doubt]]:
    """What is doubtful in each picture, the most doubtful first.

    A label is supported by any find on it, whatever its class and score. Where the model finds few labels of a size,
    one more that it does not find says little: so a label counts with the share of those of its size that are found
    (with one found and one not found more, for sizes of which there are few).

    Args:
        records: pictures with their labels and ignore regions.
        finds: of each (n, 6) xyxy in pixels, score, class; those with low scores too.
        conf: score from which on a find counts as one that should have a label.
        iou: overlap from which on a find and a label are on one object.
    """
    labels, key = _joined([_xywh(clip(r.boxes, r.width, r.height)[0]) for r in records])
    regions, of_region = _joined([_xywh(r.ignore) for r in records])
    found, of_find = _joined([_xywh(f[:, :4]) for f in finds])
    classes = _column([r.labels for r in records])
    scores, kinds = _column([f[:, 4] for f in finds]), _column([f[:, 5] for f in finds])
    pairs = pairs_within(found, of_find, labels, key, iou)
    supported = np.isin(np.arange(len(labels)), pairs.gt)
    hidden = pairs_within(found, of_find, regions, of_region, INSIDE, share=True).det
    sure = np.setdiff1d(np.flatnonzero(scores >= conf), hidden)
    instead = _instead(pairs, kinds, classes)
    shares = found_shares(np.sqrt(labels[:, 2] * labels[:, 3]), supported)
    first_find, first_label = (np.cumsum([0, *map(len, of)]) for of in (finds, [r.boxes for r in records]))
    made: list[list[Doubt]] = [[] for _ in records]
    for i in sure.tolist():
        other = instead.get(i, -1)
        if other is not None:
            kind, place = NO_LABEL if other < 0 else OTHER_CLASS, int(of_find[i])
            at = i - int(first_find[place])
            was = None if other < 0 else other
            made[place].append(Doubt(kind, finds[place][at, :4], int(kinds[i]), at, float(scores[i]), was))
    for i in np.flatnonzero(~supported).tolist():
        place = int(key[i])
        at = i - int(first_label[place])
        made[place].append(Doubt(NO_FIND, records[place].boxes[at], int(classes[i]), at, float(shares[i])))
    return [sorted(of, key=lambda d: -d.doubt) for of in made]


def _instead(pairs: Pairs, kinds: np.ndarray, classes: np.ndarray) -> dict[int, int | None]:
    """By find on a label: None where one of those is of its class, else the class of that with the largest overlap."""
    made: dict[int, int | None] = {}
    for k in np.argsort(pairs.overlap, kind="stable").tolist():
        find, label = int(pairs.det[k]), int(pairs.gt[k])
        same = made.get(find, -1) is None or kinds[find] == classes[label]
        made[find] = None if same else int(classes[label])
    return made


def found_shares(sides: np.ndarray, found: np.ndarray) -> np.ndarray:
    """(N,) sides in pixels, (N,) whether a label is found -> (N,) share of the labels of its size that are."""
    group = np.searchsorted(SIZES, sides, side="right")
    number = np.bincount(group, minlength=len(SIZES) + 1)
    hits = np.bincount(group[found], minlength=len(SIZES) + 1)
    return ((hits + 1) / (number + 2))[group]


def _xywh(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) xyxy -> (N, 4) left, top, width, height."""
    boxes = boxes.reshape(-1, 4)
    return np.concatenate((boxes[:, :2], boxes[:, 2:] - boxes[:, :2]), 1)


def _joined(boxes: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Boxes of all pictures one after the other, and the number of the picture of each."""
    return np.concatenate([np.zeros((0, 4)), *boxes]), np.repeat(np.arange(len(boxes)), [len(b) for b in boxes])


def _column(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0, int), *parts])
