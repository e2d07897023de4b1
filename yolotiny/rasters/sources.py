"""Which sources of a prediction are rasters, and which go on as the pictures that they are."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..picture_io import too_large
from ..pictures.tiff import is_tiff, tiff_size
from .needs import installed, need

FORMATS = ("gpkg", "geojson")
VIRTUAL = "/vsi"  # how GDAL names places other than files: archives, buckets, addresses
TIFF_TAGS = (33550, 34264, 34735)  # of GeoTIFF: size of a pixel, transformation, coordinate system
JPEG_2000 = (".jp2", ".j2k")


def is_virtual(source: Any) -> bool:
    """Whether a source is a path of GDAL's own, such as `/vsizip/a.zip/b.tif`."""
    return isinstance(source, str) and source.startswith(VIRTUAL)


def rasters_of(source: Any, format: Any = None) -> list[str]:
    """The rasters that a source means; empty where it is pictures, a video or anything else.

    A single file is a raster where it says its place on Earth, is a `.vrt` or a `/vsi` path, or has more pixels than
    OpenCV opens. Where a `format` of vector files is asked for, every file is, and a list of files, too.

    Args:
        source: as the user gave it.
        format: gpkg, geojson, or None where nothing was asked for.

    Raises:
        InputError: a format of another kind, or a source that holds no files.
    """
    if format is not None and format not in FORMATS:
        raise InputError(f"format={format}: predict writes gpkg or geojson; export writes models")
    if isinstance(source, (str, os.PathLike)):
        path = source if isinstance(source, str) else str(source)
        return [path] if format or _is_raster(path) else []
    if format is None:
        return []
    if not isinstance(source, (list, tuple)) or not all(isinstance(x, (str, os.PathLike)) for x in source):
        raise InputError(f"format={format} is of rasters: give source=FILE, such as source=ortho.tif")
    return [str(x) for x in source]


def _is_raster(path: str) -> bool:
    if is_virtual(path):
        return True
    suffix = os.path.splitext(path)[1].lower()
    if not os.path.isfile(path):
        return False
    if suffix == ".vrt":
        return True
    if is_tiff(path):
        size = tiff_size(Path(path))
        large = all(size) and bool(too_large(size))
        return large or (_geotiff(path) and installed())  # without the extra it stays the picture that it was
    return suffix in JPEG_2000 and installed() and _placed(path)


def _geotiff(path: str) -> bool:
    from tifffile import TiffFile  # slow to import, and few pictures need it

    try:
        with open(path, "rb") as file, TiffFile(file) as tiff:
            return any(tag in tiff.pages.first.tags for tag in TIFF_TAGS)
    except Exception:  # what tifffile raises for a damaged file has no bounds
        return False


def _placed(path: str) -> bool:
    """Whether GDAL finds a coordinate system in a file."""
    rasterio = need("rasterio")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there is none
            with rasterio.open(path) as file:
                return file.crs is not None
    except rasterio.errors.RasterioError:
        return False
