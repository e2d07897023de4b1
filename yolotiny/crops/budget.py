"""What a second look may cost, and which crops are worth it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from .grid import Box

LEARN = 0.3  # weight of the newest picture in the running time of a pixel


class Budget:
    """The cost of both looks at a picture: so many forwards, or so many milliseconds.

    A forward is one of the network's input size; smaller ones count by their area. Milliseconds are compared with the
    time a pixel has taken so far: in the first look before the first crop, then in crops.

    Args:
        value: `4` for forwards of both looks together, `"150ms"` for milliseconds.

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
        self.first = 0.0  # seconds of the first look at a picture
        self.pixel: float | None = None  # seconds of a network pixel

    def first_look(self, seconds: float, pixels: int) -> None:
        """The first look at a picture took so long, for so many network pixels."""
        self.first = seconds
        if self.pixel is None:
            self.pixel = seconds / max(pixels, 1)

    def second_look(self, seconds: float, pixels: int) -> None:
        """The second look at a picture took so long, for so many network pixels."""
        if pixels:
            now = seconds / pixels
            self.pixel = now if self.pixel is None else (1 - LEARN) * self.pixel + LEARN * now

    def pixels(self, full: int) -> float:
        """Network pixels that crops of a picture may have; `full` are those of one forward."""
        if not self.seconds:
            return max(self.most - 1, 0.0) * full
        return max(self.most / 1e3 - self.first, 0.0) / self.pixel if self.pixel else float("inf")

    def afford(
        self, crops: Sequence[Box], heat: Any, size: tuple[int, int], costs: Sequence[float], full: int
    ) -> list[int]:
        """The numbers of the crops that are looked at, those with most heat for their cost first.

        Args:
            crops: xyxy, pixels of the picture.
            heat: (h, w) scores that cover the picture.
            size: (height, width) of the picture.
            costs: network pixels of each crop.
            full: network pixels of one forward.
        """
        left, chosen = self.pixels(full), []
        if sum(costs) <= left:
            return list(range(len(crops)))
        sums = np.pad(np.asarray(heat, float), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
        h, w = sums.shape[0] - 1, sums.shape[1] - 1
        scale = np.array([w / size[1], h / size[0]] * 2)
        x1, y1, x2, y2 = np.clip(np.round(np.array(crops) * scale).astype(int), 0, [w, h] * 2).T
        worth = (sums[y2, x2] - sums[y1, x2] - sums[y2, x1] + sums[y1, x1]) / np.asarray(costs, float)
        for i in np.argsort(-worth, kind="stable").tolist():
            if costs[i] <= left:
                chosen.append(i)
                left -= costs[i]
        return sorted(chosen)
