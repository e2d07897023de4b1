"""Greedy suppression for crowds, in plain numpy: only boxes that can overlap enough are compared.

The usual suppression compares every box with every better one, which for the tens of thousands of candidates of a large
image takes longer than the network. Here boxes are sorted along x, and each is compared with those that begin soon
after it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

BLOCK_PAIRS = 2**18  # pairs looked at together: their arrays stay in the processor's cache


def close_pairs(
    start: np.ndarray, reach: np.ndarray, group: np.ndarray | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of one group of which the second starts within reach of the first.

    Args:
        start: (n,) a coordinate of each item, pixels.
        reach: (n,) how far behind its start an item looks, pixels.
        group: (n,) integers, as any type; None where all are of one group.

    Yields:
        Indices (k,) of first and of second items, about `BLOCK_PAIRS` at a time; no pair twice.
    """
    n = len(start)
    if n < 2:
        return
    at, reach = start.astype(np.float64), reach.astype(np.float64)
    if group is not None:  # groups side by side
        at += group.astype(np.float64) * (at.max() - at.min() + reach.max() + 1)
    order = np.argsort(at, kind="stable")
    at = at[order]
    behind = np.arange(1, n + 1)
    count = np.maximum(np.searchsorted(at, at + reach[order], side="right") - behind, 0)
    ends = np.cumsum(count)
    low = 0
    while low < n:
        done = int(ends[low - 1]) if low else 0
        high = min(max(int(np.searchsorted(ends, done + BLOCK_PAIRS, side="right")), low + 1), n)
        pairs = int(ends[high - 1]) - done
        if pairs:
            each = count[low:high]
            first = np.repeat(np.arange(low, high), each)
            shift = np.repeat(behind[low:high] - (ends[low:high] - each - done), each)
            yield order[first], order[np.arange(pairs) + shift]
        low = high


def greedy(better: np.ndarray, worse: np.ndarray, n: int) -> np.ndarray:
    """Which of n items stay when, from the best down, each that stays removes the worse ones it is paired with.

    Args:
        better, worse: (k,) the items of each pair, numbered from the best down.
        n: items.

    Returns:
        (n,) True for those that stay.
    """
    stays = np.ones(n, bool)
    while True:  # what stays depends on better items alone, so this settles from the best down
        after = np.ones(n, bool)
        after[worse[stays[better]]] = False
        if np.array_equal(after, stays):
            return stays
        stays = after


def batched_nms(boxes: np.ndarray, scores: np.ndarray, group: np.ndarray, iou: float) -> np.ndarray:
    """Greedy suppression by IoU within groups, the same boxes as torchvision's function of this name keeps.

    Args:
        boxes: (n, 4) xyxy, pixels; scores: (n,); group: (n,) boxes of different groups leave each other alone.
        iou: overlap above which a box goes that a better one has.

    Returns:
        (k,) indices of the boxes that stay, best first.
    """
    order = np.argsort(-scores, kind="stable")
    x1, y1, x2, y2 = np.ascontiguousarray(boxes[order].T)
    width, height = x2 - x1, y2 - y1
    size = width * height
    found = []
    # Intersection > iou * union >= iou * w * h: more than that share of either side is shared. A little for rounding.
    for i, j in close_pairs(x1, (1.001 - iou) * np.maximum(width, 0), group[order]):
        high = np.minimum(y2[i], y2[j]) - np.maximum(y1[i], y1[j])
        near = np.flatnonzero(high > (iou - 0.001) * np.maximum(height[i], height[j]))
        i, j = i[near], j[near]
        shared = np.maximum(np.minimum(x2[i], x2[j]) - np.maximum(x1[i], x1[j]), 0) * high[near]
        with np.errstate(invalid="ignore"):  # two points in one place: 0 / 0 is no overlap
            same = shared / (size[i] + size[j] - shared) > iou
        found.append((i[same], j[same]))
    return order[_staying(found, len(order))]


def nwd(a: np.ndarray, b: np.ndarray, c: float) -> np.ndarray:
    """Normalized Wasserstein similarity of aligned boxes; `boxes.nwd` is its torch form.

    Args:
        a, b: (n, 4) xyxy, pixels.
        c: scale, pixels.

    Returns:
        (n,) in (0, 1]; 1 where boxes coincide.

    Source: Xu et al. 2022 (ISPRS 190), Eq. 7.
    """
    return _similarity(_gaussian(a) - _gaussian(b), c)


def _gaussian(boxes: np.ndarray) -> np.ndarray:
    """(n, 4) xyxy -> (4, n) centre x, centre y, half width, half height: mean and spread of the box as a Gaussian."""
    x1, y1, x2, y2 = boxes.astype(np.float32, copy=False).T
    return np.stack(((x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / 2, (y2 - y1) / 2))


def _similarity(away: np.ndarray, c: float) -> np.ndarray:
    """(4, n) differences of two Gaussians, pixels -> (n,) their NWD."""
    return np.exp(np.sqrt(np.square(away).sum(0)) * (-1 / c))


def nwd_nms(boxes: np.ndarray, scores: np.ndarray, group: np.ndarray, threshold: float, c: float) -> np.ndarray:
    """Greedy suppression by NWD: a box goes when a better one that stays is more like it than `threshold`.

    Only boxes whose centres lie within -c ln(threshold) pixels can be that much alike.

    Args:
        boxes: (n, 4) xyxy, pixels; scores: (n,); group: (n,) boxes of different groups leave each other alone.
        threshold: NWD in 0..1.
        c: scale of NWD, pixels.

    Returns:
        (k,) indices of the boxes that stay, best first.

    Source: Wang et al. 2021 (NWD, arXiv 2110.13389).
    """
    order = np.argsort(-scores, kind="stable")
    shapes = _gaussian(boxes[order])
    reach = -c * math.log(max(threshold, 1e-6)) * 1.001
    found = []
    for i, j in close_pairs(shapes[0], np.full(len(order), reach), group[order]):
        near = np.flatnonzero(np.abs(shapes[1][i] - shapes[1][j]) <= reach)
        i, j = i[near], j[near]
        alike = _similarity(np.take(shapes, i, 1) - np.take(shapes, j, 1), c) > threshold
        found.append((i[alike], j[alike]))
    return order[_staying(found, len(order))]


@dataclass(frozen=True)
class Suppression:
    """Which of overlapping detections go, in the way of one run.

    Attributes:
        iou: overlap above which the lower-scored of two boxes of a class goes; of NWD where `c` is given.
        agnostic: boxes of different classes, too.
        c: compare by NWD of this scale, pixels, in the place of IoU.
    """

    iou: float = 0.6
    agnostic: bool = False
    c: float | None = None

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """(n, 6) xyxy in pixels, score, class -> the (k, 6) that stay, best first."""
        boxes, scores, group = rows[:, :4], rows[:, 4], self.groups(rows)
        if self.c is None:
            return rows[batched_nms(boxes, scores, group, self.iou)]
        return rows[nwd_nms(boxes, scores, group, self.iou, self.c)]

    def groups(self, rows: np.ndarray) -> np.ndarray:
        """(n, 6) xyxy in pixels, score, class -> (n,) numbers, the same for all boxes that may suppress each other."""
        return np.zeros_like(rows[:, 5]) if self.agnostic else rows[:, 5]

    def in_pixels(self, size: float) -> Suppression:
        """The same for boxes in other pixels, in which one of those of `c` measures `size`."""
        return self if self.c is None else replace(self, c=self.c * size)


def _staying(pairs: list[tuple[np.ndarray, np.ndarray]], n: int) -> np.ndarray:
    """`greedy` of pairs in blocks, the better item in either place."""
    if not pairs:
        return np.ones(n, bool)
    i, j = (np.concatenate(side) for side in zip(*pairs, strict=True))
    return greedy(np.minimum(i, j), np.maximum(i, j), n)
