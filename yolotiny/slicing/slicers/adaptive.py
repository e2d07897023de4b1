"""Tiles fitted to what the coarse pass points at, in few sizes; or a grid over everything, where that is most of it."""

from __future__ import annotations

import math

import numpy as np

from ...errors import InputError, number
from ...training_stats import TrainingStats
from .base import Box, Slicer
from .covering_rectangles import Price, Rect, covering_rectangles
from .grid import grid

BLOCK_PX = 32  # network pixels: what sides of an input are padded to anyway
# Sides of tiles in network pixels. A network prepares itself for each input shape it meets, which takes longer than a
# small forward; so there are few.
TILE_SIDES_PX = (64, 96, 128, 192, 256, 384, 512, 640)
SQUARE_SIDE_PX = 128  # network pixels: small tiles are square for the same reason
OBJECTS_PER_SIDE = 8.0  # a tile's side is at most so many objects, or SQUARE_SIDE_PX: then tiles share few sizes
BLOCKS_PER_TILE = 2.0  # of area that one more tile is worth
DEFAULT_THRESHOLD = 0.005  # score, where nobody knows better
CONTEXT_RANGE_PX = 12.0, 32.0  # network pixels, at least and at most, where it is the size of an object
GRID_OVERLAP_SHARE = 0.1  # share, of the tiles where everything is looked at


class Adaptive(Slicer):
    """Every place that the coarse pass scores above a threshold, with context round it, and little else.

    Args:
        threshold: score above which a place is looked at again; far below what would be a detection. Left out: what
            suits the detector's training, else 0.005.
        context: network pixels of the tile that are shown round such a place, at least. Left out: what suits the
            training, else as many as objects had there on average, from 12 to 32.
        zoom: objects are shown so much larger than they were in training, where the scale is found by their size.
        most: share of the image's area from which a grid over all of it is taken instead, 0..1.
        pack: put several tiles beside each other on one input, for files of a fixed input size; None: there alone.
            What lies beside a tile that did not in the image changes what is found in it.

    Attributes:
        object_size: mean size of the objects in training, network pixels; None where nobody says.
        context: network pixels round a place, as asked for or as it suits the training.

    Raises:
        InputError: a value out of range.
    """

    must_enlarge = True  # where the whole image was shown at this size already, there is nothing to gain
    border_margin = 8.0  # what lies there was not asked for, and is seen with little round it
    prior = 0.1  # and with little round them all are seen: the coarse pass knows their surroundings

    def __init__(
        self,
        threshold: float | None = None,
        context: float | None = None,
        zoom: float = 1.15,
        most: float = 0.8,
        pack: bool | None = None,
    ):
        if threshold is not None:
            number(threshold, "auto: threshold", 0, 1)
        if context is not None:
            number(context, "auto: context", 0, 320)
        number(zoom, "auto: zoom", 0.1, 10)
        number(most, "auto: most", 0, 1)
        if pack is not None and not isinstance(pack, bool):
            raise InputError(f"auto: pack={pack!r} must be True, False or left out")
        self.asked, self.zoom, self.most, self.packs = (threshold, context), zoom, most, pack
        self.adapt(TrainingStats())

    def adapt(self, training: TrainingStats) -> None:
        """Take the size of objects, and what the user left out, from the detector's training; see `Slicer`."""
        self.object_size = training.tile_object_size
        threshold, context = self.asked
        usual = training.crop_context or min(max(self.object_size or 0.0, CONTEXT_RANGE_PX[0]), CONTEXT_RANGE_PX[1])
        self.context = usual if context is None else context
        self.threshold = (training.crop_threshold or DEFAULT_THRESHOLD) if threshold is None else threshold

    def find(
        self, heatmap: np.ndarray | None, size: tuple[int, int], scale: float, input_size: tuple[int, int]
    ) -> list[Box]:
        """Tiles of an image; see `Slicer`."""
        seen = np.asarray(heatmap)
        cell = size[0] / seen.shape[0], size[1] / seen.shape[1]  # pixels of the image
        across = math.sqrt(cell[0] * cell[1]) * scale  # network pixels of a cell
        # Half of a tile at least is what was asked for, however much context is.
        most = (
            max(OBJECTS_PER_SIDE * self.object_size, SQUARE_SIDE_PX, 4 * self.context) if self.object_size else math.inf
        )
        limit = min(input_size[0], most) / across, min(input_size[1], most) / across
        price = Price(
            self.context / across, TILE_SIDES_PX[0] / across, BLOCKS_PER_TILE * (BLOCK_PX / across) ** 2, limit
        )
        rects = covering_rectangles(seen > self.threshold, price)
        boxes = [_placed(rect, self._shown(rect, cell, scale), cell, size, scale) for rect in rects]
        if sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in boxes) > self.most * size[0] * size[1]:
            return grid(
                size, (max(int(input_size[0] / scale), 1), max(int(input_size[1] / scale), 1)), GRID_OVERLAP_SHARE
            )
        return boxes

    def _shown(self, rect: Rect, cell: tuple[float, float], scale: float) -> tuple[int, int]:
        """(height, width) in network pixels of the tile round a rectangle of cells: the next of the sides."""
        sides = []
        for low, high, step in ((rect[1], rect[3], cell[0]), (rect[0], rect[2], cell[1])):
            wanted = (high - low) * step * scale + 2 * self.context
            sides.append(next((s for s in TILE_SIDES_PX if s >= wanted), math.ceil(wanted / BLOCK_PX) * BLOCK_PX))
        return (max(sides),) * 2 if max(sides) <= SQUARE_SIDE_PX else (sides[0], sides[1])


def _placed(rect: Rect, shown: tuple[int, int], cell: tuple[float, float], size: tuple[int, int], scale: float) -> Box:
    """The tile of so many network pixels about the middle of a rectangle of cells, shifted into the image."""
    h, w = (min(int(side / scale), length) for side, length in zip(shown, size, strict=True))
    x = min(max(int(((rect[0] + rect[2]) * cell[1] - w) / 2), 0), size[1] - w)
    y = min(max(int(((rect[1] + rect[3]) * cell[0] - h) / 2), 0), size[0] - h)
    return x, y, x + w, y + h
