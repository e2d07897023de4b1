"""What one forward pass sees: windows of a picture on a canvas, and the way of its detections back to the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .packing import pack
from .window import Window

GREY = 114  # of the padding, as ultralytics pads


@dataclass(frozen=True)
class Canvas:
    """Windows of one picture beside each other.

    Attributes:
        size: (height, width) of the network input, pixels.
        places: each window and the (x, y) of its upper left corner.
    """

    size: tuple[int, int]
    places: tuple[tuple[Window, int, int], ...]

    @classmethod
    def of(cls, window: Window, stride: int, fixed: tuple[int, int] | None = None) -> Canvas:
        """A canvas for one window: its size rounded up to whole strides, or the only size that a file takes."""
        w, h = window.shown
        up = math.ceil(h / stride) * stride, math.ceil(w / stride) * stride
        return cls(fixed or up, ((window, 0, 0),))

    @classmethod
    def packed(
        cls, windows: Sequence[Window], most: tuple[int, int], stride: int, fixed: tuple[int, int] | None = None
    ) -> list[Canvas]:
        """Canvases of at most `most` (height, width) for many windows, several on one; see `of`."""
        strided = lambda side: math.ceil(side / stride) * stride  # noqa: E731
        sizes = [(strided(w.shown[1]), strided(w.shown[0])) for w in windows]
        limit = max([strided(most[0])] + [h for h, _ in sizes]), max([strided(most[1])] + [w for _, w in sizes])
        places, taken = pack(sizes, limit)
        held: list[list[tuple[Window, int, int]]] = [[] for _ in taken]
        for window, (number, x, y) in zip(windows, places, strict=True):
            held[number].append((window, x, y))
        return [cls(fixed or size, tuple(inside)) for size, inside in zip(taken, held, strict=True)]

    def draw(self, picture: np.ndarray) -> np.ndarray:
        """(H, W, C) picture -> (h, w, C) canvas."""
        if len(self.places) == 1 and self.places[0][0].shown == self.size[::-1]:
            return self.places[0][0].cut(picture)
        out = np.full((*self.size, picture.shape[2]), GREY, np.uint8)
        for window, x, y in self.places:
            w, h = window.shown
            out[y : y + h, x : x + w] = window.cut(picture)
        return out

    def split(self, rows: Tensor) -> list[Tensor]:
        """(n, 6) rows in pixels of the canvas -> for each window the rows centred in it, in pixels of the picture.

        What is centred in the padding or between windows belongs to nobody; boxes are cut to their window.
        """
        centre = (rows[:, :2] + rows[:, 2:4]) / 2
        parts = []
        for window, x, y in self.places:
            corner = rows.new_tensor([x, y])
            mine = rows[((centre >= corner) & (centre < corner + rows.new_tensor(window.shown))).all(1)]
            parts.append(torch.cat((window.back(mine[:, :4] - corner.repeat(2)), mine[:, 4:]), 1))
        return parts
