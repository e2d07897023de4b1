"""Crops fitted to what the first look points at, in few sizes; or tiles over everything, where that is most of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import InputError
from .cover import Rect, cover
from .grid import Box, grid

BLOCK = 32  # network pixels: what sides of an input are padded to anyway
# Sides of crops in network pixels. A network prepares itself for each input shape it meets, which takes longer than a
# small forward; so there are few.
SIDES = (64, 96, 128, 192, 256, 384, 512, 640)
EACH = 4.0  # blocks of area that one more crop is worth
OVERLAP = 0.1  # of the tiles where everything is looked at


class Auto:
    """Every place that the first look scores above a threshold, with context round it, and little else.

    Args:
        threshold: score above which a place is looked at again; far below what would be a detection.
        context: network pixels of the second look that are shown round such a place, at least.
        zoom: objects are shown so much larger than they were in training, where the scale is found by their size.
        most: share of the picture's area from which tiles over all of it are taken instead, 0..1.
        pack: put several crops beside each other on one input, for files of a fixed input size; None: there alone.
            What lies beside a crop that did not in the picture changes what is found in it.

    Attributes:
        rim: network pixels along the border of a crop, inside, where its detections do not count: what lies there was
            not asked for, and is seen with little round it.
    """

    looks = True
    larger = True  # where the whole picture was shown at this size already, there is nothing to gain
    merge = {"type": "replace", "iou": 0.6}
    rim = 8.0

    def __init__(
        self,
        threshold: float = 0.01,
        context: float = 20,
        zoom: float = 1.15,
        most: float = 0.8,
        pack: bool | None = None,
    ):
        for name, value, least, top in (
            ("threshold", threshold, 0, 1),
            ("context", context, 0, 320),
            ("zoom", zoom, 0.1, 10),
            ("most", most, 0, 1),
        ):
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= top:
                raise InputError(f"auto: {name}={value!r} must lie in {least}..{top}")
        if pack not in (None, True, False):
            raise InputError(f"auto: pack={pack!r} must be True, False or left out")
        self.threshold, self.context, self.zoom, self.most = threshold, context, zoom, most
        self.packs = pack

    def find(self, heat: Any, size: tuple[int, int], scale: float, canvas: tuple[int, int]) -> list[Box]:
        """Crops of a picture of `size` (height, width); see `crops` for the arguments."""
        seen = np.asarray(heat)
        cell = size[0] / seen.shape[0], size[1] / seen.shape[1]  # pixels of the picture
        across = math.sqrt(cell[0] * cell[1]) * scale  # network pixels of a cell
        limit = canvas[0] / across, canvas[1] / across
        rects = cover(seen > self.threshold, self.context / across, EACH * (BLOCK / across) ** 2, limit)
        crops = [self._crop(rect, cell, size, scale) for rect in rects]
        if sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in crops) > self.most * size[0] * size[1]:
            return grid(size, (max(int(canvas[0] / scale), 1), max(int(canvas[1] / scale), 1)), OVERLAP)
        return crops

    def _crop(self, rect: Rect, cell: tuple[float, float], size: tuple[int, int], scale: float) -> Box:
        """A rectangle of cells with context, grown about its middle to the next of the sides, inside the picture."""
        sides = []
        for low, high, step, length in ((rect[0], rect[2], cell[1], size[1]), (rect[1], rect[3], cell[0], size[0])):
            start, stop = low * step, min(high * step, float(length))
            wanted = (stop - start) * scale + 2 * self.context
            shown = next((s for s in SIDES if s >= wanted), math.ceil(wanted / BLOCK) * BLOCK)
            side = min(int(shown / scale), length)
            begin = min(max(int((start + stop - side) / 2), 0), length - side)
            sides.append((begin, begin + side))
        (x1, x2), (y1, y2) = sides
        return x1, y1, x2, y2
