"""What a picture says of its size, read before anything of it is decoded."""

from __future__ import annotations

import io

from PIL import Image

from .refused import Refused

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
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
    pixels, page = 0, 0
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            while True:
                pixels, page = pixels + picture.width * picture.height, page + 1
                if pixels > most or page > PAGES:
                    break
                if picture.format != "TIFF":  # to go on in others is to decode them
                    break
                picture.seek(page)
    except EOFError:  # there are no more pages
        if page:
            return
        raise _unknown() from None
    except Exception:  # broken files raise errors of all kinds
        raise _unknown() from None
    if pixels > most:
        raise Refused(413, f"the picture has {pixels:,} pixels; this service opens up to {most:,}")
    if page > PAGES:
        raise Refused(413, f"the TIFF has more than {PAGES} pages; send one picture")


def _unknown() -> Refused:
    return Refused(422, "the upload is no picture that can be read; send a whole JPEG, PNG, WebP, BMP or TIFF file")
