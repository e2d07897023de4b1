"""What a picture says of its size, read before anything of it is decoded."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator

from PIL import Image
from PIL.TiffImagePlugin import IMAGELENGTH, IMAGEWIDTH, ImageFileDirectory_v2

from .refused import Refused

FORMATS = ("JPEG", "PNG", "WEBP", "BMP")  # and TIFF
TIFF, BIG_TIFF = (b"II*\0", b"MM\0*"), (b"II+\0", b"MM\0+")
PAGES = 64  # of a TIFF at most; some programs write a band a page
Image.MAX_IMAGE_PIXELS = None  # this process decodes nothing, and the bound below is its own


def check_header(content: bytes, most: int) -> None:
    """Look at the head of a picture file.

    Args:
        content: the file.
        most: pixels of all its pages.

    Raises:
        Refused: no picture of a known format, or too large a one.
    """
    pixels = 0
    try:
        for page, (width, height) in enumerate(_sizes(content), 1):
            pixels += width * height
            if pixels > most or page > PAGES:
                break
    except Exception:  # broken files raise errors of all kinds
        pixels = 0
    if not pixels:
        raise Refused(422, "the upload is no picture that can be read; send a whole JPEG, PNG, WebP, BMP or TIFF file")
    if pixels > most:
        raise Refused(413, f"the picture has {pixels:,} pixels; this service opens up to {most:,}")
    if page > PAGES:
        raise Refused(413, f"the TIFF has more than {PAGES} pages; send one picture")


def _sizes(content: bytes) -> Iterator[tuple[int, int]]:
    """(width, height) of each page, pixels."""
    file = io.BytesIO(content)
    if not content.startswith(TIFF + BIG_TIFF):
        with Image.open(file, formats=FORMATS) as picture:
            yield picture.size
        return
    # Pillow opens no TIFF of five bands, or of numbers that it has no word for, but it reads their directories.
    directory = ImageFileDirectory_v2(content[: 16 if content.startswith(BIG_TIFF) else 8])
    while directory.next:
        file.seek(directory.next)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is wrong with a file is said to its sender
            directory.load(file)
        yield directory[IMAGEWIDTH], directory[IMAGELENGTH]
