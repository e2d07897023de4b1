"""From matches to precision and recall, for a data set as it is and for any number of reweighed ones.

A weight says how often an image is there. Weights of one give the figures of the data set; whole numbers give those of
the data set with images repeated or left out, so a bootstrap counts matches again instead of matching again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .matching import Matching

RECALLS = np.linspace(0, 1, 101)  # as the COCO evaluator has them, to the last bit
AT_ONCE = 1 << 19  # numbers of one table in memory


class Curves(NamedTuple):
    """Precision over recall of one class at one threshold, for S weights, at the P detections where either changes.

    Attributes:
        place: (slice of the weights, class, threshold).
        right: (S, P) how many are right so far.
        envelope: (S, P) the highest precision from there on.
        total: (S, 1) objects to be found, 1 where there is none.
    """

    place: tuple[slice, int, int]
    right: np.ndarray
    envelope: np.ndarray
    total: np.ndarray


def totals(matching: Matching, objects: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """How many objects there are.

    Args:
        matching: its ground truth counts.
        objects: (M,) bool, those that count.
        weights: (S, images) how often each image is there.

    Returns:
        (S, C) objects of each class.
    """
    gts, classes = matching.scene.gts, len(matching.scene.names)
    order = np.flatnonzero(objects)[np.argsort(gts.label[objects], kind="stable")]
    bounds = np.searchsorted(gts.label[order], np.arange(classes + 1))
    images = [gts.image[order[a:b]] for a, b in zip(bounds, bounds[1:], strict=False)]
    return np.stack([weights[:, those].sum(1) for those in images], 1).astype(float)


def curves(
    matching: Matching, counted: np.ndarray, total: np.ndarray, weights: np.ndarray, size: int = 0
) -> Iterator[Curves]:
    """Accumulate precision and recall.

    Args:
        matching: detections matched at T thresholds.
        counted: (D,) True for the detections within the cap.
        total: (S, C) objects to be found.
        weights: (S, images) how often each image is there.
        size: index of the size range.

    Returns:
        the curves of every class and threshold, some of the weights at a time.
    """
    right = (matching.gt[size] >= 0) & counted
    seen = ~matching.skip[size] & counted
    always = seen.all(0)  # counts at every threshold
    image, d = matching.scene.dets.image[matching.order], len(matching.order)
    event = np.flatnonzero(right | (seen & ~always))  # where right, or seen at this threshold alone, goes up
    starts = np.arange(len(matching.ious))[:, None] * d
    bounds = np.searchsorted(event, starts + matching.first)
    for k in range(total.shape[1]):
        a, b = matching.first[k], matching.first[k + 1]
        base = a + np.flatnonzero(always[a:b])
        places = [event[i:j] - start for (i, j), start in zip(bounds[:, k : k + 2], starts, strict=True)]
        step = max(AT_ONCE // max(b - a, 1), 1)
        for s in range(0, len(weights), step):
            rows = slice(s, s + step)
            w, n = weights[rows], np.maximum(total[rows, k, None], 1)
            before = np.zeros((len(w), len(base) + 1))
            w[:, image[base]].cumsum(1, out=before[:, 1:])
            for t, at in enumerate(places):
                of = w[:, image[at]]
                found = (of * right[t, at]).cumsum(1)
                count = before[:, np.searchsorted(base, at, "right")] + (of * (seen[t, at] & ~always[at])).cumsum(1)
                precision = found / np.maximum(count, 1)
                yield Curves((rows, k, t), found, np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1], n)


def at_recalls(curve: Curves) -> np.ndarray:
    """(S, 101) the precision at the COCO evaluator's recalls, 0 where that recall is not reached."""
    recall = curve.right / curve.total
    i = (100 * recall + 1e-6).astype(int).clip(max=100)
    reached = np.full((len(i), i.shape[1] + 1), len(RECALLS))  # the rest of the recalls belongs to a last column of 0
    reached[:, :-1] = i + (RECALLS[i] <= recall)
    reached[:, 1:] -= reached[:, :-1].copy()
    envelope = np.zeros(reached.shape)
    envelope[:, :-1] = curve.envelope
    return np.repeat(envelope.ravel(), reached.ravel()).reshape(-1, len(RECALLS))


def area(curve: Curves) -> np.ndarray:
    """(S,) the area under the envelope at every recall.

    Source: Everingham et al., VOC 2010 development kit.
    """
    return (np.diff(curve.right / curve.total, axis=1, prepend=0) * curve.envelope).sum(1)


def highest_recall(matching: Matching, counted: np.ndarray, total: np.ndarray, size: int = 0) -> np.ndarray:
    """The recall with every detection.

    Args:
        matching: detections matched at T thresholds.
        counted: (D,) True for the detections within the cap.
        total: (C,) objects to be found.
        size: index of the size range.

    Returns:
        (T, C) recall, NaN where a class has no object.
    """
    right = (matching.gt[size] >= 0) & counted
    label = matching.scene.dets.label[matching.order]
    hits = np.array([np.bincount(label[row], minlength=len(total)) for row in right])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, hits / total, np.nan)
