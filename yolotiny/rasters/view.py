"""A part of a raster as the array that a picture is, of which only what is looked at is read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..pictures.reader import arranged
from .levels import Levels
from .raster import Raster, Window

MASK_SIDE = 512  # pixels: what holds data is looked up at this size


@dataclass(frozen=True)
class View:
    """A part of a raster in eight bits, which is sliced as an array (H, W, C) is.

    Attributes:
        raster: what it is a part of.
        window: where, within the raster.
        levels: how values become eight bits.
        channels: C, of the network.
    """

    raster: Raster
    window: Window
    levels: Levels
    channels: int = 3

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return self.window[3], self.window[2], self.channels

    @property
    def ndim(self) -> int:
        """3, as of any picture."""
        return 3

    def __getitem__(self, key: tuple[slice, slice]) -> np.ndarray:
        """(h, w, C) uint8 of rows and columns; three channels are blue first."""
        (top, bottom, down), (left, right, across) = (s.indices(n) for s, n in zip(key, self.shape, strict=False))
        x, y, _, _ = self.window
        return self._read((x + left, y + top, right - left, bottom - top), None)[::down, ::across]

    def shown(self, size: tuple[int, int]) -> np.ndarray:
        """(h, w, C) uint8: all of it at `size` (height, width), from the overview that suits."""
        return self._read(self.window, size)

    def everything(self) -> np.ndarray:
        """(H, W, C) uint8: all of it."""
        return self._read(self.window, None)

    def _read(self, window: Window, size: tuple[int, int] | None) -> np.ndarray:
        if min(window[2:]) < 1:
            return np.zeros((max(window[3], 0), max(window[2], 0), self.channels), np.uint8)
        values, held = self.raster.read(window, self.levels.bands, size), self.raster.held(window, size)
        return arranged(self.levels.to_bytes(values, self.raster.nodata, held), self.channels)

    def held(self) -> np.ndarray | None:
        """(h, w) whether places hold data, for all of it at a small size; None where all do."""
        _, _, w, h = self.window
        return self.raster.held(self.window, (min(h, MASK_SIDE), min(w, MASK_SIDE)))
