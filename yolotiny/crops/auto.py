"""Crops fitted to what the first look points at, in few sizes; or tiles over everything, where that is most of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import InputError
from .cover import Price, Rect, cover
from .cropper import Box, Cropper
from .grid import grid
from .scale import trained_size

BLOCK = 32  # network pixels: what sides of an input are padded to anyway
# Sides of crops in network pixels. A network prepares itself for each input shape it meets, which takes longer than a
# small forward; so there are few.
SIDES = (64, 96, 128, 192, 256, 384, 512, 640)
SQUARE = 128  # small ones are square for the same reason
OBJECTS = 8.0  # a crop's side is at most so many times the size of objects, or SQUARE: then crops share few sizes
EACH = 2.0  # blocks of area that one more crop is worth
THRESHOLD = 0.005  # where nobody knows better
AROUND = 12.0, 32.0  # network pixels of context, at least and at most, where it is the size of an object
OVERLAP = 0.1  # of the tiles where everything is looked at


class Auto(Cropper):
    """Every place that the first look scores above a threshold, with context round it, and little else.

    Args:
        threshold: score above which a place is looked at again; far below what would be a detection. Left out: what
            suits the detector's training, else 0.005.
        context: network pixels of the second look that are shown round such a place, at least. Left out: what suits the
            training, else as many as objects had there on average, from 12 to 32.
        zoom: objects are shown so much larger than they were in training, where the scale is found by their size.
        most: share of the picture's area from which tiles over all of it are taken instead, 0..1.
        pack: put several crops beside each other on one input, for files of a fixed input size; None: there alone.
            What lies beside a crop that did not in the picture changes what is found in it.

    Attributes:
        object_size: mean size of the objects in training, network pixels; None where nobody says.
    """

    larger = True  # where the whole picture was shown at this size already, there is nothing to gain
    rim = 8.0  # what lies there was not asked for, and is seen with little round it
    prior = 0.1  # and with little round them all are seen: the first look knows their surroundings

    def __init__(
        self,
        threshold: float | None = None,
        context: float | None = None,
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
            if value is None and name in ("threshold", "context"):
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= top:
                raise InputError(f"auto: {name}={value!r} must lie in {least}..{top}")
        if pack not in (None, True, False):
            raise InputError(f"auto: pack={pack!r} must be True, False or left out")
        self.asked, self.zoom, self.most, self.packs = (threshold, context), zoom, most, pack
        self.know(lambda name: None)

    def know(self, says: Callable[[str], Any]) -> None:
        """Take the size of objects, and what the user left out, from the detector's training; see `Cropper`."""
        self.object_size = trained_size(says)
        usual = float(says("crop_context") or min(max(self.object_size or 0.0, AROUND[0]), AROUND[1]))
        threshold, context = self.asked
        self.threshold = float(says("crop_threshold") or THRESHOLD) if threshold is None else threshold
        self.around = usual if context is None else context

    def find(self, heat: Any, size: tuple[int, int], scale: float, canvas: tuple[int, int]) -> list[Box]:
        """Crops of a picture; see `Cropper`."""
        seen = np.asarray(heat)
        cell = size[0] / seen.shape[0], size[1] / seen.shape[1]  # pixels of the picture
        across = math.sqrt(cell[0] * cell[1]) * scale  # network pixels of a cell
        # Half of a crop at least is what was asked for, however much context is.
        most = max(OBJECTS * self.object_size, SQUARE, 4 * self.around) if self.object_size else math.inf
        limit = min(canvas[0], most) / across, min(canvas[1], most) / across
        price = Price(self.around / across, SIDES[0] / across, EACH * (BLOCK / across) ** 2, limit)
        rects = cover(seen > self.threshold, price)
        crops = [_placed(rect, self._shown(rect, cell, scale), cell, size, scale) for rect in rects]
        if sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in crops) > self.most * size[0] * size[1]:
            return grid(size, (max(int(canvas[0] / scale), 1), max(int(canvas[1] / scale), 1)), OVERLAP)
        return crops

    def _shown(self, rect: Rect, cell: tuple[float, float], scale: float) -> tuple[int, int]:
        """(height, width) in network pixels of the crop round a rectangle of cells: the next of the sides."""
        sides = []
        for low, high, step in ((rect[1], rect[3], cell[0]), (rect[0], rect[2], cell[1])):
            wanted = (high - low) * step * scale + 2 * self.around
            sides.append(next((s for s in SIDES if s >= wanted), math.ceil(wanted / BLOCK) * BLOCK))
        return (max(sides),) * 2 if max(sides) <= SQUARE else (sides[0], sides[1])


def _placed(rect: Rect, shown: tuple[int, int], cell: tuple[float, float], size: tuple[int, int], scale: float) -> Box:
    """The crop of so many network pixels about the middle of a rectangle of cells, shifted into the picture."""
    h, w = (min(int(side / scale), length) for side, length in zip(shown, size, strict=True))
    x = min(max(int(((rect[0] + rect[2]) * cell[1] - w) / 2), 0), size[1] - w)
    y = min(max(int(((rect[1] + rect[3]) * cell[0] - h) / 2), 0), size[0] - h)
    return x, y, x + w, y + h
