"""What both passes may cost, and which tiles are worth it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from .slicers import Box

NEWEST_WEIGHT = 0.3  # weight of the newest image in the running time of a pixel


class Budget:
    """The cost of both passes over an image: so many forwards, or so many milliseconds.

    A forward is one of the network's input size; smaller ones count by their area. Milliseconds are compared with the
    time a pixel has taken so far: in the coarse pass before the first tile, then in tiles.

    Args:
        value: `4` for forwards of both passes together, `"150ms"` for milliseconds.

    Raises:
        InputError: anything else.
    """

    def __init__(self, value: Any):
        found = re.fullmatch(r"\s*([\d.]+)\s*ms\s*", value) if isinstance(value, str) else None
        number = found[1] if found else value
        try:
            self.most = float(number)
        except (TypeError, ValueError):
            self.most = 0.0
        if isinstance(value, bool) or not 0 < self.most < float("inf") or (isinstance(value, str) and not found):
            raise InputError(f"budget={value!r} must be forwards, such as 4, or milliseconds, such as 150ms")
        self.seconds = bool(found)
        self.coarse_seconds = 0.0  # of the coarse pass over an image
        self.pixel_seconds: float | None = None  # of a network pixel

    def coarse_pass(self, seconds: float, pixels: int) -> None:
        """The coarse pass over an image took so long, for so many network pixels."""
        self.coarse_seconds = seconds
        if self.pixel_seconds is None:
            self.pixel_seconds = seconds / max(pixels, 1)

    def fine_pass(self, seconds: float, pixels: int) -> None:
        """The tiles of an image took so long, for so many network pixels."""
        if pixels:
            now = seconds / pixels
            before = now if self.pixel_seconds is None else self.pixel_seconds
            self.pixel_seconds = (1 - NEWEST_WEIGHT) * before + NEWEST_WEIGHT * now

    def pixels(self, full: int) -> float:
        """Network pixels that tiles of an image may have; `full` are those of one forward."""
        if not self.seconds:
            return max(self.most - 1, 0.0) * full
        left = max(self.most / 1e3 - self.coarse_seconds, 0.0)
        return left / self.pixel_seconds if self.pixel_seconds else float("inf")

    def select(
        self, boxes: Sequence[Box], heatmap: np.ndarray, size: tuple[int, int], costs: Sequence[float], full: int
    ) -> list[int]:
        """The numbers of the tiles that are looked at, those with most heat for their cost first.

        Args:
            boxes: of the tiles, xyxy, pixels of the image.
            heatmap: (h, w) scores that cover the image.
            size: (height, width) of the image, pixels.
            costs: network pixels of each tile.
            full: network pixels of one forward.
        """
        left, chosen = self.pixels(full), []
        if sum(costs) <= left:
            return list(range(len(boxes)))
        sums = np.pad(np.asarray(heatmap, float), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
        h, w = sums.shape[0] - 1, sums.shape[1] - 1
        scale = np.array([w / size[1], h / size[0]] * 2)
        x1, y1, x2, y2 = np.clip(np.round(np.array(boxes) * scale).astype(int), 0, [w, h] * 2).T
        worth = (sums[y2, x2] - sums[y1, x2] - sums[y2, x1] + sums[y1, x1]) / np.asarray(costs, float)
        for i in np.argsort(-worth, kind="stable").tolist():
            if costs[i] <= left:
                chosen.append(i)
                left -= costs[i]
        return sorted(chosen)
