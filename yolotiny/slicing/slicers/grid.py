"""The even grid: every place of the image is looked at again, in overlapping tiles of one size."""

from __future__ import annotations

import math

import numpy as np

from ...errors import InputError, number, whole
from .base import Box, Slicer

SMALLEST_TILE_PX = 32  # pixels, side of a tile that is asked for
MOST_TILES = 100_000  # tiles of a picture; one of 60,000 x 60,000 px has 14,000 of 640 px


def grid(size: tuple[int, int], tile: tuple[int, int], overlap: float = 0.2) -> list[Box]:
    """Tiles that cover an image; the last of each row and column is shifted in, so that all have one size.

    Args:
        size: (height, width) of the image.
        tile: (height, width) of a tile, pixels of the image; a side longer than the image's becomes that.
        overlap: share of a tile that it has in common with the next one.

    Returns:
        xyxy in whole pixels, row by row.

    Source: the slicing of Akyon et al. 2022 (SAHI, arXiv 2202.06934).
    """
    starts = []
    for length, side in zip(size, tile, strict=True):
        side = min(side, length)
        step = max(side * (1 - overlap), 1.0)
        n = 1 + max(math.ceil((length - side) / step - 1e-6), 0)
        starts.append([min(int(i * step), length - side) for i in range(n)])
    ys, xs = starts
    h, w = min(tile[0], size[0]), min(tile[1], size[1])
    return [(x, y, x + w, y + h) for y in ys for x in xs]


class Grid(Slicer):
    """`grid` as a component: no heat map in, all tiles out. A tile never shows the image smaller than asked for.

    Args:
        tile: side of a tile, pixels of the image; None: what fills the network's input.
        overlap: share of a tile that it has in common with the next one, below 1.

    Raises:
        InputError: a tile that is too small or no whole number, an overlap outside 0..1.
    """

    needs_heatmap = False

    def __init__(self, tile: int | None = None, overlap: float = 0.2):
        if tile is not None:
            whole(tile, "grid: tile", SMALLEST_TILE_PX, example=640)
        number(overlap, "grid: overlap", 0, 1, "[)", 0.2)
        self.tile, self.overlap = tile, float(overlap)

    def find(
        self, heatmap: np.ndarray | None, size: tuple[int, int], scale: float, input_size: tuple[int, int]
    ) -> list[Box]:
        """All tiles of an image; see `Slicer`.

        Raises:
            InputError: so many tiles that nobody would wait for them.
        """
        filling = max(int(input_size[0] / scale), 1), max(int(input_size[1] / scale), 1)
        tile = (self.tile, self.tile) if self.tile else filling
        steps = (min(t, s) * (1 - self.overlap) for t, s in zip(tile, size, strict=True))
        many = math.prod(max(s / max(step, 1.0), 1.0) for s, step in zip(size, steps, strict=True))
        if many > MOST_TILES:
            raise InputError(
                f"grid: a picture of {size[1]}x{size[0]} px would be {many:,.0f} tiles; give a larger tile= or a "
                "smaller overlap="
            )
        return grid(size, tile, self.overlap)
