"""Picture files as they are: every band in the file's order and at the file's depth, turned upright."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from .files import Unreadable, check_file, decode, fault
from .tiff import SIDEWAYS, turn_of

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
PNG = b"\x89PNG\r\n\x1a\n"
JPEG_2000 = (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")
NODATA = "GDAL_NODATA"  # the tag that GIS programs write
OF_OPENCV = ("uint8", "uint16", "int16", "uint32", "int32", "float32", "float64")
COLOUR_TYPES = {0: (1, False), 2: (3, False), 3: (3, False), 4: (1, True), 6: (3, True)}  # of PNG: bands, alpha
logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what it says of odd tags is nothing that a user can act on


@dataclass(frozen=True)
class Header:
    """What a file says of its pixels.

    Attributes:
        bands: without alpha; 3 where a file has colours in another form, such as a palette.
        dtype: of the values.
        alpha: whether one more band says what can be seen through.
        nodata: the value of pixels that hold none.
        pages: grey pages of one size, which may be bands.
        planar: bands lie one behind the other.
        turn: as the EXIF tag of orientation numbers it.
    """

    bands: int = 3
    dtype: np.dtype = np.dtype(np.uint8)
    alpha: bool = False
    nodata: float | None = None
    pages: int = 1
    planar: bool = False
    turn: int = 1

    @property
    def samples(self) -> int:
        """Bands with alpha."""
        return self.bands + self.alpha

    @property
    def plain(self) -> bool:
        """Whether it is what everybody means by a picture: eight bits of grey or of red, green and blue."""
        return self.dtype == np.uint8 and self.bands in (1, 3) and not self.alpha and self.pages == 1

    def __str__(self) -> str:
        bands = f"{self.bands} band{'s' * (self.bands > 1)}"
        return f"{bands} of {self.dtype.name}{' and alpha' if self.alpha else ''}"


def header_of(path: str | Path) -> Header:
    """What the header of a file says; that of a format which has eight bits only is not looked at.

    Raises:
        Unreadable: there is no such file, or it is none.
    """
    check_file(path)
    try:
        with open(path, "rb") as file:
            start = file.read(32)
            if start.startswith(TIFF):
                file.seek(0)
                return _tiff_header(file)
    except (OSError, ValueError) as error:
        raise Unreadable(path, fault(path, error)) from None
    if start.startswith(PNG) and len(start) > 25:
        bands, alpha = COLOUR_TYPES.get(start[25], (3, False))
        return Header(bands, np.dtype(np.uint16 if start[24] == 16 else np.uint8), alpha)
    if start.startswith(JPEG_2000):
        return _of_array(decode(path, cv2.IMREAD_UNCHANGED))
    return Header()


def read_raw(path: str | Path, header: Header, stacked: bool = False) -> np.ndarray:
    """(H, W, n) all bands of a file, alpha last.

    Args:
        path: the file.
        header: what it says of itself.
        stacked: the grey pages of a TIFF are its bands.

    Raises:
        Unreadable: it does not decode.
    """
    with open(path, "rb") as file:
        start = file.read(8)
    if start.startswith(TIFF):
        return _tiff(path, header, stacked)
    if start.startswith(PNG):
        image = _in_file_order(decode(path, cv2.IMREAD_UNCHANGED))
        image = image[..., [0, 3]] if header.bands == 1 and image.shape[2] == 4 else image
        return upright(image, _exif_turn(path))
    return _in_file_order(decode(path, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH))


def upright(values: np.ndarray, turn: int) -> np.ndarray:
    """(H, W, n) as the tag of orientation, 1 to 8, wants it shown -> (H, W, n) or (W, H, n)."""
    values = values.transpose(1, 0, 2) if turn in SIDEWAYS else values
    values = values[::-1] if turn in (3, 4, 7, 8) else values
    return np.ascontiguousarray(values[:, ::-1] if turn in (2, 3, 6, 7) else values)


def _tiff_header(file: io.BufferedReader) -> Header:
    from tifffile import PHOTOMETRIC, TiffFile

    try:
        with TiffFile(file) as tiff:
            page = tiff.pages.first
            if page.photometric in (PHOTOMETRIC.PALETTE, PHOTOMETRIC.YCBCR) or page.bitspersample < 8:
                return Header()
            pages = len(tiff.pages) if page.samplesperpixel == 1 else 1
            if pages > 1 and any(p.shape != page.shape for p in tiff.pages):
                pages = 1
            alpha = page.samplesperpixel > 1 and any(x in (1, 2) for x in page.extrasamples[-1:])
            dtype = np.dtype(np.uint8 if page.dtype is None or page.dtype == bool else page.dtype)
            nodata = float(page.nodata) if NODATA in page.tags else None
            bands = page.samplesperpixel - alpha
            return Header(bands, dtype.newbyteorder("="), alpha, nodata, pages, page.planarconfig == 2, turn_of(page))
    except OSError:
        raise
    except Exception:  # OpenCV may know better, and says what is wrong else
        return Header()


def _exif_turn(path: str | Path) -> int:
    with Image.open(path) as picture:
        return int(picture.getexif().get(274, 1)) if "exif" in picture.info else 1


def _tiff(path: str | Path, header: Header, stacked: bool) -> np.ndarray:
    """All bands of a TIFF, by the library that reads its kind without loss.

    OpenCV mixes up bands that lie one behind the other, multiplies 8-bit colours with alpha, and knows no more than
    four; tifffile needs imagecodecs for most compressions.
    """
    paged = stacked and header.pages > 1
    if header.dtype == np.uint8 and header.samples in (1, 3, 4) and not paged and header.turn == 1:
        try:
            with Image.open(path) as picture:
                if len(picture.getbands()) == header.samples and picture.mode[0] in "LR":
                    return np.atleast_3d(np.asarray(picture))
        except OSError:
            pass  # a kind that Pillow does not read
    by_opencv = header.dtype.name in OF_OPENCV and header.dtype != np.uint8 and not header.planar and not paged
    if by_opencv and header.samples in (1, 3, 4):
        return _in_file_order(decode(path, cv2.IMREAD_UNCHANGED))
    return upright(_tifffile(path, header, paged), header.turn)


def _tifffile(path: str | Path, header: Header, paged: bool) -> np.ndarray:
    from tifffile import TiffFile

    try:
        with open(path, "rb") as file, TiffFile(file) as tiff:
            page = tiff.pages.first
            if paged:
                return np.stack([p.asarray() for p in tiff.pages], -1)
            return np.moveaxis(page.asarray(), 0, -1) if header.planar and header.samples > 1 else _cube(page.asarray())
    except (OSError, MemoryError) as error:
        raise Unreadable(path, fault(path, error)) from None
    except Exception as error:  # what tifffile raises for a damaged file has no bounds
        if "imagecodecs" in str(error) or "compression" in str(error):
            of = f"{header.bands} bands of {header.dtype.name}"
            reason = f"its compression of {of} needs the package imagecodecs: pip install imagecodecs"
            raise Unreadable(path, reason) from None
        raise Unreadable(path, "it does not decode") from None


def _cube(image: np.ndarray) -> np.ndarray:
    return image if image.ndim == 3 else image[..., None]


def _in_file_order(image: np.ndarray) -> np.ndarray:
    """(H, W, n) red first, as OpenCV has blue first."""
    image = _cube(image)
    return image if image.shape[2] < 3 else image[..., [2, 1, 0, *range(3, image.shape[2])]]


def _of_array(image: np.ndarray) -> Header:
    n = _cube(image).shape[2]
    return Header(n - (n in (2, 4)), image.dtype, n in (2, 4))
