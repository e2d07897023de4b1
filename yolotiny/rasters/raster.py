"""A raster read in parts, never whole: its bands, what it holds no data for, and where it lies."""

from __future__ import annotations

import itertools
import os
import re
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from ..pictures.files import Unreadable
from .needs import need
from .place import Place
from .sources import is_virtual

PART_SIDE, PARTS = 64, 16  # pixels, and how many to each side: a raster's statistics are those of 256 such parts
# A raster that is made of others may name addresses, which nobody asked to fetch.
ADDRESS = re.compile(r"://|/vsi(curl|s3|gs|az|adls|oss|swift|hdfs|webhdfs)|<GDAL_W[CM]", re.IGNORECASE)
PARTS_OF_VRT = re.compile(r"<Source(?:Filename|Dataset)[^>]*>([^<]+)<")
LARGEST_VRT = 64_000_000  # bytes

Window = tuple[int, int, int, int]  # left, top, width, height, pixels


class Raster:
    """A raster file, or what GDAL knows under a `/vsi` path.

    Args:
        path: as the user wrote it.

    Attributes:
        size: (height, width), pixels.
        count: bands without alpha; those of its colours where it has a palette.
        alpha: whether there is alpha besides, as the last band.
        dtype: of the values.
        nodata: the value of pixels that hold none.
        place: how it lies on Earth.

    Raises:
        InputError: no such raster, or one that would read from the network unasked.
    """

    def __init__(self, path: str):
        self.path = path
        _check(path, set())
        self.file = _opened(path)
        if not self.file.count:
            parts = f", such as {self.file.subdatasets[0]}" if self.file.subdatasets else ""
            raise InputError(f"the raster {path} has no bands of its own; give one of those in it{parts}")
        colours = [c.name for c in self.file.colorinterp]
        self.size = (int(self.file.height), int(self.file.width))
        self.alpha = colours[-1] == "alpha" and len(colours) > 1
        self._palette = _palette(self.file) if colours[0] == "palette" else None
        self.count = 3 if self._palette is not None else self.file.count - self.alpha
        self.dtype = np.dtype(self.file.dtypes[0])
        self.nodata = None if self.file.nodata is None else float(self.file.nodata)
        crs = self.file.crs
        self.place = Place(tuple(float(x) for x in self.file.transform[:6]), str(crs) if crs else "")
        self._whole = all(any(f.name == "all_valid" for f in flags) for flags in self.file.mask_flag_enums)

    @property
    def georeferenced(self) -> bool:
        """Whether it says where its pixels lie."""
        return bool(self.place.crs)

    def read(self, window: Window, bands: Sequence[int], shown: tuple[int, int] | None = None) -> np.ndarray:
        """Values of a part.

        Args:
            window: within the raster.
            bands: their numbers, from 0 on; alpha is the last.
            shown: (height, width) to read it at, from the overview that suits; None for its own.

        Returns:
            (h, w, n) values in the type of the raster.

        Raises:
            Unreadable: it does not decode.
        """
        size = shown or (window[3], window[2])
        smaller = shown is not None and shown != (window[3], window[2]) and self._palette is None
        numbers = [1] if self._palette is not None else [n + 1 for n in bands]
        values = self._get("read", window, numbers, (len(numbers), *size), "bilinear" if smaller else "nearest")
        if self._palette is not None:
            return self._palette[values[0]][..., list(bands)]
        return np.moveaxis(values, 0, -1)

    def held(self, window: Window, shown: tuple[int, int] | None = None) -> np.ndarray | None:
        """(h, w) whether a pixel of a part holds data; None where all do.

        Args:
            window: within the raster.
            shown: (height, width) to read it at; None for its own.

        Raises:
            Unreadable: it does not decode.
        """
        if self._whole:
            return None
        held = self._get("dataset_mask", window, None, shown or (window[3], window[2]), "nearest") > 0
        return None if held.all() else held

    def sample(self, bands: Sequence[int]) -> tuple[np.ndarray, np.ndarray | None]:
        """Values from evenly spread parts of the raster, whatever overviews it has, without those that do not decode.

        Args:
            bands: their numbers, from 0 on.

        Returns:
            (h, w, n) values, the parts one below the other, and (h, w) which of them hold data, None where all do.

        Raises:
            Unreadable: no part decodes.
        """
        spots = [np.linspace(0, n - min(PART_SIDE, n), min(PARTS, -(-n // PART_SIDE))).astype(int) for n in self.size]
        h, w = (min(PART_SIDE, n) for n in self.size)
        values, held = [], []
        for y, x in itertools.product(*spots):
            try:
                values.append(self.read((int(x), int(y), w, h), bands))
                mask = self.held((int(x), int(y), w, h))
                held.append(np.ones((h, w), bool) if mask is None else mask)
            except Unreadable as error:
                fault = error
        if not held:
            raise fault
        there = np.concatenate(held)
        return np.concatenate(values[: len(held)]), None if there.all() else there

    def _get(
        self, what: str, window: Window, bands: list[int] | None, shape: tuple[int, ...], resampling: str
    ) -> np.ndarray:
        rasterio = need("rasterio")
        if self.file.closed:
            self.file = _opened(self.path)
        options = {"window": need("rasterio.windows").Window(*window), "out_shape": shape}
        options["resampling"] = getattr(need("rasterio.enums").Resampling, resampling)
        try:
            return np.asarray(getattr(self.file, what)(*([bands] if bands else []), **options))
        except (rasterio.errors.RasterioError, OSError, MemoryError) as error:
            x, y, w, h = window
            reason = str(error).split(";")[0].split("See previous")[0].replace(self.path, "").strip(" .:'") or "broken"
            raise Unreadable(self.path, f"its part of {w}x{h} px at {x}, {y} does not decode ({reason})") from None

    def close(self) -> None:
        """Close the file, which the next part that is read opens again."""
        self.file.close()


def _opened(path: str) -> Any:
    """What rasterio opens; InputError where it does not."""
    rasterio = need("rasterio")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it may have no place on Earth, which is told where that matters
            return rasterio.open(path)
    except (rasterio.errors.RasterioError, UnicodeError, ValueError) as error:
        said = str(error).split(";")[0].replace(path, "").strip(" :'")
        raise InputError(f"cannot open the raster {path}: {said}") from None


def _check(path: str, seen: set[str]) -> None:
    """Raise InputError for a raster that is not there, or that names addresses, itself or by a file in it.

    Args:
        path: the raster.
        seen: files that were looked at.
    """
    if is_virtual(path) or path in seen:
        return
    seen.add(path)
    if not os.path.isfile(path):
        raise InputError(f"there is no raster {path}" + (", which is a folder" if os.path.isdir(path) else ""))
    with open(path, "rb") as file:
        start = file.read(4096)
        if start.lstrip()[:1] != b"<":  # XML: made of others, or a service of maps
            return
        text = (start + file.read(LARGEST_VRT)).decode("utf-8", "replace")
    if found := ADDRESS.search(re.sub(r"xmlns\S*", "", text)):
        raise InputError(
            f"{path} reads from the network ({found[0]}), which nobody asked for; give the address itself as "
            "source=/vsicurl/..."
        )
    for name in PARTS_OF_VRT.findall(text):
        for part in (name, os.path.join(os.path.dirname(path), name)):
            if os.path.isfile(part):
                _check(part, seen)


def _palette(file: Any) -> np.ndarray:
    """(256, 3) uint8 red, green and blue of each value."""
    table = np.zeros((256, 3), np.uint8)
    for value, colour in file.colormap(1).items():
        if value < 256:
            table[value] = colour[:3]
    return table
