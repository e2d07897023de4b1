"""Picture files as Pillow and OpenCV see them: their size, what is wrong with one, and decoding."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ..picture_io import Unreadable, check_file, check_video, save_picture, too_large, unopened
from .tiff import is_tiff, tiff_size

__all__ = ["Unreadable", "check_file", "check_video", "decode", "fault", "image_size", "save_picture"]


def image_size(path: Path) -> tuple[int, int]:
    """Return (width, height) in pixels as a viewer shows the picture, reading the header only.

    A camera's rotation tag swaps the two, as the training loader and OpenCV do.

    Raises:
        Unreadable: no picture, one without pixels, or one with more of them than OpenCV opens.
    """
    check_file(path)
    if is_tiff(path) and all(size := tiff_size(path)):
        if reason := too_large(size):
            raise Unreadable(path, reason)
        return size
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # satellite scenes are large, and nothing is decoded
    try:
        with Image.open(path) as picture:
            # A PNG without a tag in its header would be decoded whole in search of one behind the pixels.
            tags = picture.getexif() if picture.format != "PNG" or "exif" in picture.info else {}
            size = picture.size[::-1] if tags.get(274) in (5, 6, 7, 8) else picture.size
    except Exception:  # what Pillow raises for a damaged file has no bounds
        size = (0, 0)
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    if reason := too_large(size) if all(size) else unopened(path) or "no picture":
        raise Unreadable(path, reason)
    return size


def fault(path: str | Path, error: BaseException | None = None) -> str:
    """What is wrong with a picture that did not decode, in a few words; `error` is what was raised, if anything."""
    if reason := unopened(path):
        return reason
    if "MAX_IMAGE" in str(error):  # how OpenCV names its limits
        try:
            image_size(Path(path))
        except Unreadable as found:
            return found.reason
    return "it does not decode"


def decode(path: str | Path, flags: int = cv2.IMREAD_COLOR) -> np.ndarray:
    """Decode a picture as OpenCV does with `flags`; one that ends early is an error, not filled up with grey.

    Returns:
        (H, W, 3) uint8 BGR; other channels or depths where `flags` ask for them.

    Raises:
        Unreadable: it cannot be read or decoded, with the reason.
    """
    try:
        check_file(path)
        content = np.fromfile(path, np.uint8)
        picture = cv2.imdecode(content, flags) if content.size else None
    except Unreadable:
        raise
    except Exception as error:  # OpenCV and numpy raise all kinds
        raise Unreadable(path, fault(path, error)) from None
    if picture is None or not picture.size:
        raise Unreadable(path, fault(path))
    return picture
