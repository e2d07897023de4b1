"""What the header of a TIFF says of its size, whatever its kind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

SIDEWAYS = (5, 6, 7, 8)  # orientations, by their EXIF number, that swap width and height


def is_tiff(path: str | Path) -> bool:
    """Whether a file calls itself a TIFF."""
    return os.path.splitext(path)[1].lower() in (".tif", ".tiff")


def tiff_size(path: Path) -> tuple[int, int]:
    """(width, height) of a TIFF of any kind as it is shown; (0, 0) of anything else."""
    from tifffile import TiffFile  # slow to import, and few pictures need it

    try:
        with open(path, "rb") as file, TiffFile(file) as tiff:
            page = tiff.pages.first
            size = int(page.imagewidth), int(page.imagelength)
            return size[::-1] if turn_of(page) in SIDEWAYS else size
    except Exception:  # what tifffile raises for a damaged file has no bounds
        return 0, 0


def turn_of(page: Any) -> int:
    """The EXIF number of a page's orientation, 1 for upright."""
    tag = page.tags.get("Orientation")
    return int(tag.value) if tag is not None else 1
