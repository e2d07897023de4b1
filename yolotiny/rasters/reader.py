"""Rasters where data sets have pictures: read by the tile, by one rule for all of a raster."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..pictures.reader import PictureReader
from .levels import Levels
from .raster import Raster
from .view import View


class RasterReader(PictureReader):
    """Gives a raster as an array of which only the parts that are asked for are read."""

    def read(self, path: str | Path) -> Any:
        """A `View` of all of a raster, which is sliced as an array (H, W, channels) uint8 is.

        Raises:
            InputError: it cannot be opened or understood.
        """
        raster = Raster(str(path))
        return View(raster, (0, 0, raster.size[1], raster.size[0]), Levels.of(raster, self)[0], self.channels)


def survey_rasters(reader: PictureReader, items: Iterable[Any]) -> list[str]:
    """What to say of how rasters are read, a line for each.

    Raises:
        InputError: one cannot be opened or understood.
    """
    said = [(Path(item).name, Levels.of(Raster(str(item)), reader)[1]) for item in items]
    return [f"{name}, {text}" for name, text in said if text]
