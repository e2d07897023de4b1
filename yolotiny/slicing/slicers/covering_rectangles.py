"""Rectangles round what is hot in a map, fitted so that they hold little else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

Rect = tuple[int, int, int, int]
FULL_SHARE = 0.85  # share of hot cells from which a rectangle is not worth taking apart


@dataclass(frozen=True)
class Price:
    """What it costs to look at a rectangle, in cells.

    Attributes:
        reach: cells that are looked at round a rectangle.
        least: a side, with the reach, costs no less.
        each: cells of area that one more rectangle is worth.
        most: (height, width), with the reach, that no rectangle may exceed.
    """

    reach: float
    least: float
    each: float
    most: tuple[float, float]

    def of(self, w: Any, h: Any) -> Any:
        """The cost of rectangles by their widths and heights, numbers or arrays."""
        return np.maximum(w + 2 * self.reach, self.least) * np.maximum(h + 2 * self.reach, self.least) + self.each

    def fits(self, w: int, h: int) -> bool:
        """Whether a rectangle may be as large as this."""
        return h + 2 * self.reach <= self.most[0] and w + 2 * self.reach <= self.most[1]

    @property
    def lowest(self) -> float:
        """No rectangle costs less."""
        return max(self.least, 1 + 2 * self.reach) ** 2 + self.each


def covering_rectangles(hot: np.ndarray, price: Price) -> list[Rect]:
    """Rectangles that hold every hot cell, cheap to look at.

    Cells whose surroundings touch are first taken together. A group's rectangle is then cut by the line that saves
    most, and its parts again, as long as the parts cost less than the whole. One cut may lose if the next one wins it
    back.

    Args:
        hot: (h, w) bool.
        price: of a rectangle.

    Returns:
        xyxy in cells, without the reach.
    """
    r = round(price.reach)
    grown = cv2.dilate(hot.view(np.uint8), np.ones((2 * r + 1, 2 * r + 1), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(grown, connectivity=8)
    out: list[Rect] = []
    for i, (x, y, w, h, area) in enumerate(stats[1:].tolist(), 1):
        if (
            area >= FULL_SHARE * w * h
            and h <= price.most[0]
            and w <= price.most[1]
            and x
            and y
            and x + w < hot.shape[1]
        ):
            if y + h < hot.shape[0]:
                out.append((x + r, y + r, x + w - r, y + h - r))
                continue
        part = hot[y : y + h, x : x + w] & (labels[y : y + h, x : x + w] == i)
        ys, xs = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
        rect = int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1
        out += [(a + x, b + y, c + x, d + y) for a, b, c, d in _best_cover(part, rect, price, 0)[1]]
    return out


def _best_cover(hot: np.ndarray, rect: Rect, price: Price, losses: int) -> tuple[float, list[Rect]]:
    """The cost and the rectangles of the best cover found for the hot cells of a rectangle fitted round them."""
    x1, y1, x2, y2 = rect
    part = hot[y1:y2, x1:x2]
    fits, cost = price.fits(x2 - x1, y2 - y1), float(price.of(x2 - x1, y2 - y1))
    if fits and (cost <= 2 * price.lowest or part.mean() >= FULL_SHARE):  # two parts cost more
        return cost, [rect]
    splits = [s for s in (_split(part, price), _split(part.T, price, turned=True)) if s is not None]
    if not splits:
        return cost, [rect]
    expected, parts = min(splits, key=lambda s: s[0])
    lost = losses + (expected >= cost)
    if fits and lost > 1:
        return cost, [rect]
    found = [_best_cover(hot, (x1 + a, y1 + b, x1 + c, y1 + d), price, lost if fits else 0) for a, b, c, d in parts]
    total = sum(f[0] for f in found)
    return (cost, [rect]) if fits and total >= cost else (total, [r for f in found for r in f[1]])


def _split(part: np.ndarray, price: Price, turned: bool = False) -> tuple[float, list[Rect]] | None:
    """The cheapest cut of a map by an upright line, and the fitted rectangles of its sides; None without a line."""
    h, w = part.shape
    if w < 2:
        return None
    any_, first, last = part.any(0), part.argmax(0), h - part[::-1].argmax(0)
    first, last = np.where(any_, first, h), np.where(any_, last, 0)
    x = np.arange(w)
    right = np.maximum.accumulate(np.where(any_, x + 1, 0))  # of what lies left of the line behind each column
    left = np.minimum.accumulate(np.where(any_, x, w)[::-1])[::-1]  # of what lies right of the line before it
    low, high = np.minimum.accumulate(first), np.maximum.accumulate(last)
    low_, high_ = np.minimum.accumulate(first[::-1])[::-1], np.maximum.accumulate(last[::-1])[::-1]
    cost = price.of(right[:-1], (high - low)[:-1]) + price.of(w - left[1:], (high_ - low_)[1:])
    i = int(cost.argmin())
    rects = [(0, int(low[i]), int(right[i]), int(high[i])), (int(left[i + 1]), int(low_[i + 1]), w, int(high_[i + 1]))]
    return float(cost[i]), [(b, a, d, c) for a, b, c, d in rects] if turned else rects
