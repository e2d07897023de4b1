"""How well a map tells tiny objects from background, pixel by pixel, over many pictures."""

from __future__ import annotations

import numpy as np

LARGEST = 16.0  # pixels of the map: the square root of a larger object's area is above this
BINS = 4096


class Separation:
    """Collects the values of maps inside tiny objects and in the background.

    The background lies outside all objects, ignore regions and padding; larger objects count on neither side.

    Args:
        largest: side of the largest object that counts, the square root of its area, in pixels of the map.
    """

    def __init__(self, largest: float = LARGEST):
        self.largest = largest
        self.objects = 0
        self.counts = np.zeros((2, BINS), np.int64)  # inside, background
        self.sums = np.zeros(2)

    def add(self, values: np.ndarray, boxes: np.ndarray, ignore: np.ndarray, valid: np.ndarray) -> None:
        """Add one picture.

        Args:
            values: (H, W) map in 0..1.
            boxes, ignore: (N, 4) and (K, 4) xyxy, pixels of the map.
            valid: (H, W) bool, False in padding.
        """
        tiny = (boxes[:, 2:] - boxes[:, :2]).clip(0).prod(1) <= self.largest**2
        self.objects += int(tiny.sum())
        larger = cover(values.shape, np.concatenate((boxes[~tiny], ignore)))
        inside = cover(values.shape, boxes[tiny])
        for i, where in enumerate((inside & ~larger & valid, ~inside & ~larger & valid)):
            bins = (values[where] * BINS).astype(np.int64).clip(0, BINS - 1)
            self.counts[i] += np.bincount(bins, minlength=BINS)
            self.sums[i] += float(values[where].sum(dtype=np.float64))

    @property
    def means(self) -> tuple[float, float] | None:
        """Mean value inside and in the background; None while one side is empty."""
        n = self.counts.sum(1)
        return (self.sums[0] / n[0], self.sums[1] / n[1]) if n.all() else None

    @property
    def auc(self) -> float | None:
        """Probability that a pixel of a tiny object has a higher value than one of the background; a tie counts half.

        Values closer than 1/4096 count as equal. None while one side is empty.
        """
        inside, outside = self.counts
        if not (inside.any() and outside.any()):
            return None
        below = np.cumsum(outside) - outside
        wins = (inside * (below + outside / 2)).sum(dtype=np.float64)
        return float(wins / inside.sum() / outside.sum())


def cover(shape: tuple[int, ...], boxes: np.ndarray) -> np.ndarray:
    """Which pixels lie in a box.

    Args:
        shape: (H, W).
        boxes: (N, 4) xyxy, pixels; every box has a pixel at least.
    Returns:
        (H, W) bool, True where the centre of a pixel lies in a box.
    """
    out = np.zeros(shape, bool)
    for x1, y1, x2, y2 in boxes:
        left, right = span(x1, x2, shape[1])
        top, bottom = span(y1, y2, shape[0])
        out[top:bottom, left:right] = True
    return out


def span(low: float, high: float, size: int) -> tuple[int, int]:
    """The pixels from `low` to `high` as a slice: by their centres, and the one in the middle in any case."""
    first, last = int(np.ceil(low - 0.5)), int(np.ceil(high - 0.5))
    if last <= first:
        first = int(np.floor((low + high) / 2))
        last = first + 1
    return max(first, 0), max(min(last, size), 0)
