"""The libraries of the extra `geo`, imported where they are used: most users have no rasters."""

from __future__ import annotations

import importlib
import os
from typing import Any

from ..errors import InputError

CACHE_MB = "128"  # of decoded blocks; GDAL would take a twentieth of the machine's memory


def need(name: str) -> Any:
    """Import `rasterio`, `pyogrio` or `shapely`, or a module in them.

    Raises:
        InputError: it is not installed, with the line for pip.
    """
    os.environ.setdefault("GDAL_CACHEMAX", CACHE_MB)
    os.environ.setdefault("GDAL_VRT_ENABLE_PYTHON", "NO")  # a file from a stranger runs nothing
    try:
        return importlib.import_module(name)
    except ImportError:
        package = name.partition(".")[0]
        line = "pip install 'yolotiny[geo]'"
        raise InputError(f"georeferenced rasters need the package {package}, which is not installed: {line}") from None


def installed() -> bool:
    """Whether rasters can be read."""
    try:
        need("rasterio")
    except InputError:
        return False
    return True
