"""What a picture says of its size, read before anything of it is decoded."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

from PIL import Image

from .refused import Refused

FORMATS = ("JPEG", "PNG", "WEBP", "BMP")  # and TIFF
TIFF, BIG_TIFF = (b"II*\0", b"MM\0*"), (b"II+\0", b"MM\0+")
PAGES, TAGS = 64, 1024  # of a TIFF at most; some programs write a band a page
WIDTH, HEIGHT = 256, 257  # tags
KINDS = {3: "H", 4: "I", 16: "Q"}  # of their numbers
Image.MAX_IMAGE_PIXELS = None  # nothing is decoded by Pillow, and the bound below is asked first


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
    if content.startswith(TIFF + BIG_TIFF):
        yield from _pages(content)
    else:
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            yield picture.size


def _pages(content: bytes) -> Iterator[tuple[int, int]]:
    """Those of a TIFF. Pillow would read what every tag points to, and the same bytes for thousands of tags."""
    big, order = content.startswith(BIG_TIFF), "<" if content.startswith(b"II") else ">"
    number, count, head, length = ("Q", "Q", 16, 20) if big else ("I", "H", 8, 12)
    size = struct.calcsize(order + number)
    (at,) = struct.unpack_from(order + number, content, head - size)
    while at:
        (tags,) = struct.unpack_from(order + count, content, at)
        at += struct.calcsize(order + count)
        if tags > TAGS:
            raise ValueError(tags)
        sides = {}
        for i in range(at, at + tags * length, length):
            tag, kind = struct.unpack_from(order + "HH", content, i)
            if tag in (WIDTH, HEIGHT):
                (sides[tag],) = struct.unpack_from(order + KINDS[kind], content, i + length - size)
        yield sides[WIDTH], sides[HEIGHT]
        (at,) = struct.unpack_from(order + number, content, at + tags * length)
