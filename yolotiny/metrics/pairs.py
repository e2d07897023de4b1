"""Which boxes overlap: all pairs of detections and objects of one image and class, without looking at every pair.

Source: overlaps are those of pycocotools' `bbIou`, to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .scene import Scene

AT_ONCE = 1 << 20  # pairs in memory
FAR_PX = 1e6  # beyond this coordinates are cut for the search, not for the overlap
APART_PX = 4 * FAR_PX  # between groups on one axis


class Pairs(NamedTuple):
    """Pairs that overlap, P of them.

    Attributes:
        det: (P,) place of the detection.
        gt: (P,) place of the object; from `len(scene.gts)` on a region.
        overlap: (P,) IoU; for a crowd or a region the share of the detection inside it.
    """

    det: np.ndarray
    gt: np.ndarray
    overlap: np.ndarray

    def at(self, which: np.ndarray) -> Pairs:
        """The pairs at the indices `which`, (Q,)."""
        return Pairs(*(column[which] for column in self))


def overlapping(scene: Scene, dets: np.ndarray, least: float) -> Pairs:
    """Pairs of a detection with an object or a crowd of its class, or with a region, in its image.

    Args:
        scene: ground truth and detections.
        dets: (D,) indices of the detections to be looked at; `Pairs.det` counts in these.
        least: overlap from which on a pair is kept.
    """
    box, image, label = scene.dets.box[dets], scene.dets.image[dets], scene.dets.label[dets]
    gts, classes = scene.gts, len(scene.names)
    key, of_gt = image.astype(np.int64) * classes + label, gts.image.astype(np.int64) * classes + gts.label
    crowd, plain = np.flatnonzero(gts.crowd), np.flatnonzero(~gts.crowd)
    found = [
        pairs_within(box, key, gts.box[plain], of_gt[plain], least),
        pairs_within(box, key, gts.box[crowd], of_gt[crowd], least, True),
        pairs_within(box, image, scene.regions.box, scene.regions.image, least, True),
    ]
    places = [plain, crowd, np.arange(len(scene.regions.box)) + len(gts.box)]
    found = [p._replace(gt=place[p.gt]) for p, place in zip(found, places, strict=True)]
    return Pairs(*(np.concatenate(column) for column in zip(*found, strict=True)))


def aligned_overlap(boxes: np.ndarray, others: np.ndarray, share: bool = False) -> np.ndarray:
    """(P, 4), (P, 4) left, top, width, height -> (P,) IoU, or the `share` of the first inside the second."""
    (x, y, w, h), (u, v, p, q) = boxes.T, others.T
    wide, high = np.minimum(x + w, u + p) - np.maximum(x, u), np.minimum(y + h, v + q) - np.maximum(y, v)
    both = np.where((wide > 0) & (high > 0), wide * high, 0)
    with np.errstate(divide="ignore", invalid="ignore"):  # of an empty box with itself
        return np.where(both > 0, both / (w * h if share else w * h + p * q - both), 0)


def pairs_within(
    box: np.ndarray, key: np.ndarray, others: np.ndarray, other_key: np.ndarray, least: float, share: bool = False
) -> Pairs:
    """Pairs of the same group that overlap.

    Args:
        box: (N, 4) left, top, width, height, pixels.
        others: (M, 4) the same.
        key: (N,) group of each box, whole numbers from 0.
        other_key: (M,) the same.
        least: overlap from which on a pair is kept.
        share: the overlap is the share of the box inside the other, instead of their IoU.
    """
    found = []
    for i, j in _close(box, key, others, other_key):
        overlap = aligned_overlap(box[i], others[j], share)
        kept = overlap >= least
        found.append((i[kept], j[kept], overlap[kept]))
    none = np.zeros(0, int)
    return Pairs(*map(np.concatenate, zip((none, none, np.zeros(0)), *found, strict=True)))


def _close(
    box: np.ndarray, key: np.ndarray, others: np.ndarray, other_key: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Indices of boxes with equal keys that may meet from left to right, in parts that fit into memory."""
    if not len(box) or not len(others):
        return
    along = other_key * APART_PX + others[:, 0].clip(-FAR_PX, FAR_PX)
    order = np.argsort(along, kind="stable")
    along, groups = along[order], other_key[order]
    first = np.flatnonzero(np.diff(groups, prepend=-1))
    widest = np.maximum.reduceat(others[order, 2], first)
    group = np.searchsorted(groups[first], key).clip(max=len(first) - 1)
    has = np.flatnonzero(groups[first][group] == key)
    box, group, base = box[has], group[has], key[has] * APART_PX
    left, right = box[:, 0] - widest[group], box[:, 0] + box[:, 2]
    start = np.searchsorted(along, base + left.clip(-FAR_PX, FAR_PX) - 1)
    count = np.searchsorted(along, base + right.clip(-FAR_PX, FAR_PX) + 1) - start
    ends = count.cumsum()
    done = 0
    while done < len(has):
        stop = max(int(np.searchsorted(ends, (ends[done - 1] if done else 0) + AT_ONCE, "right")), done + 1)
        n = count[done:stop]
        i = np.repeat(np.arange(done, stop), n)
        within = np.arange(len(i)) - np.repeat(n.cumsum() - n, n)
        yield has[i], order[start[i] + within]
        done = stop
