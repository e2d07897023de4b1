"""One picture in every depth, layout and number of bands that people have, with the same eight bits in all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL import Image

H, W = 48, 64
_small = np.random.default_rng(0).integers(0, 256, (12, 16, 5)).astype(np.uint8)
BANDS = cv2.resize(_small, (W, H), interpolation=cv2.INTER_NEAREST)  # (H, W, 5), red, green, blue and two more
BANDS[0, :2] = [[0], [255]]
RGB = np.ascontiguousarray(BANDS[..., :3])
BGR = np.ascontiguousarray(RGB[..., ::-1])
GREY = np.repeat(RGB[..., :1], 3, 2)


def deep(bits: int, bands: np.ndarray = RGB) -> np.ndarray:
    """The picture in uint16, in so many bits, with something in the bits that are lost."""
    return (bands.astype(np.uint16) << (bits - 8)) | (3 if bits > 9 else 0)


def tiff(file: Path, values: np.ndarray, planar: bool = False, **options: object) -> Path:
    """Write (H, W, n) bands as a TIFF, with `planar` one behind the other."""
    layout = "separate" if planar else "contig" if values.ndim == 3 else None
    kind = "rgb" if values.ndim == 3 and values.shape[2] == 3 else "minisblack"
    values = np.ascontiguousarray(np.moveaxis(values, -1, 0)) if planar else values
    tifffile.imwrite(file, values, **({"photometric": kind, "planarconfig": layout} | options))
    return file


def _png(bits: int) -> Callable[[Path], object]:
    return lambda p: cv2.imwrite(str(p), deep(bits)[..., ::-1])


def _rgbx(values: np.ndarray, last: str) -> Callable[[Path], object]:
    return lambda p: tiff(p, values, photometric="rgb", extrasamples=[last])


FLOATS = RGB / np.float32(255)
DIGITAL_NUMBERS = RGB.astype(np.float32) * 31 - 700
DIGITAL_NUMBERS[5:9] = np.nan
WITHOUT_DATA = deep(12).astype(np.int16)
WITHOUT_DATA[5:9] = -9999
# Files that need no option, and what is seen.
SEEN: dict[str, tuple[Callable[[Path], object], np.ndarray]] = {
    "8.png": (lambda p: cv2.imwrite(str(p), BGR), BGR),
    "10.png": (_png(10), BGR),
    "12.png": (_png(12), BGR),
    "14.png": (_png(14), BGR),
    "16.png": (_png(16), BGR),
    "12.tif": (lambda p: tiff(p, deep(12)), BGR),
    "12 planar.tif": (lambda p: tiff(p, deep(12), planar=True), BGR),
    "14 tiled.tif": (lambda p: tiff(p, deep(14), tile=(16, 16), compression="zlib"), BGR),
    "12 grey.tif": (lambda p: tiff(p, deep(12)[..., 0]), GREY),
    "32 bits.tif": (lambda p: tiff(p, deep(12)[..., 0].astype(np.uint32)), GREY),
    "0 to 1.tif": (lambda p: tiff(p, FLOATS), BGR),
    "double.tif": (lambda p: tiff(p, FLOATS[..., 0].astype(np.float64)), GREY),
    "half.tif": (lambda p: tiff(p, FLOATS[..., 0].astype(np.float16)), GREY),
    "0 to 255.tif": (lambda p: tiff(p, RGB.astype(np.float32)), BGR),
    "rgba.png": (lambda p: Image.fromarray(np.ascontiguousarray(BANDS[..., :4]), "RGBA").save(p), BGR),
    "rgba 12.png": (lambda p: cv2.imwrite(str(p), deep(12, BANDS)[..., [2, 1, 0, 3]]), BGR),
    "rgba.tif": (_rgbx(BANDS[..., :4], "unassalpha"), BGR),
    "la.png": (lambda p: Image.fromarray(np.ascontiguousarray(BANDS[..., :2]), "LA").save(p), GREY),
    "four.tif": (_rgbx(BANDS[..., :4], "unspecified"), BGR),
    "four 12.tif": (_rgbx(deep(12, BANDS[..., :4]), "unspecified"), BGR),
    "four planar.tif": (lambda p: tiff(p, deep(12, BANDS[..., :4]), planar=True), BGR),
    "no data.tif": (
        lambda p: tiff(p, WITHOUT_DATA, extratags=[(42113, "s", 0, "-9999", True)]),
        np.where(WITHOUT_DATA[..., ::-1] < 0, 0, BGR).astype(np.uint8),
    ),
}
# Files that nobody can read without an option: what is said, and the option and what is seen with it.
ASKED: dict[str, tuple[Callable[[Path], object], str, dict, np.ndarray]] = {
    "five.tif": (lambda p: tiff(p, BANDS), "it has 5 bands and nothing", {"bands": [1, 2, 3]}, BGR),
    "five 12.tif": (lambda p: tiff(p, deep(12, BANDS)), "for example bands=[3,2,1]", {"bands": [1, 2, 3]}, BGR),
    "five planar.tif": (lambda p: tiff(p, deep(12, BANDS), planar=True), "5 bands", {"bands": [1, 2, 3]}, BGR),
    "two.tif": (lambda p: tiff(p, BANDS[..., :2]), "it has 2 bands", {"bands": 1}, GREY),
    "numbers.tif": (
        lambda p: tiff(p, DIGITAL_NUMBERS),
        "floats from -700 to 7205, which fill neither 0 to 1 nor 0 to 255; stretch=percentile or stretch=minmax",
        {"stretch": "minmax"},
        np.where(np.isnan(DIGITAL_NUMBERS[..., ::-1]), 0, BGR).astype(np.uint8),
    ),
    "negative.tif": (
        lambda p: tiff(p, RGB.astype(np.int16) * 4 - 100),
        "whole numbers from -100 to 920",
        {"stretch": "minmax"},
        BGR,
    ),
}


def write(to: Path, name: str) -> Path:
    """Write one of them below a folder; return the file."""
    to.mkdir(parents=True, exist_ok=True)
    (SEEN[name] if name in SEEN else ASKED[name])[0](to / name)
    return to / name
