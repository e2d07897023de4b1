"""Picture and video files: what is wrong with one that cannot be read, and writing that tells when it fails."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ..errors import InputError
from ..files import write_bytes
from .tiff import is_tiff, tiff_size

LIMIT = "OPENCV_IO_MAX_IMAGE_PIXELS"  # an environment variable of OpenCV
MOST = 1 << 30  # pixels that OpenCV opens without it


class Unreadable(InputError):
    """A picture that cannot be read or decoded; among others it is named, counted and left out.

    Args:
        path: the file.
        reason: in a few words.
    """

    def __init__(self, path: str | Path, reason: str):
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"cannot read image {self.path}: {self.reason}"


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
    if reason := too_large(size) if all(size) else _unopened(path) or "no picture":
        raise Unreadable(path, reason)
    return size


def check_file(path: str | Path) -> None:
    """Raise Unreadable for a device or a pipe, reading from which might never end."""
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        raise Unreadable(path, "it is a device or a pipe")


def too_large(size: tuple[int, int]) -> str:
    """Why a picture of `size` (width, height) is not opened, and how it would be; "" where it is."""
    pixels, given = size[0] * size[1], os.environ.get(LIMIT, "")
    most = int(given) if given.isdigit() else MOST
    return "" if pixels <= most else f"{size[0]}x{size[1]} pixels are over the limit; set {LIMIT}={pixels} to raise it"


def _unopened(path: str | Path) -> str:
    """Why a file is no picture, as far as its first bytes tell; "" where it may be one."""
    try:
        with open(path, "rb") as file:
            if not file.read(1):
                return "an empty file"
    except (OSError, ValueError) as error:  # ValueError: a name that cannot be one
        return (getattr(error, "strerror", None) or "no name of a file").lower()
    with contextlib.suppress(cv2.error, UnicodeError, SystemError):  # names that are no text
        return "" if cv2.haveImageReader(str(path)) else "no picture"
    return ""


def fault(path: str | Path, error: BaseException | None = None) -> str:
    """What is wrong with a picture that did not decode, in a few words; `error` is what was raised, if anything."""
    if reason := _unopened(path):
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


def save_picture(path: str | Path, image: np.ndarray) -> None:
    """Write (H, W, C) BGR pixels in the format of the suffix, whole or not at all.

    Raises:
        InputError: it cannot be written, or there is no such format.
    """
    try:
        done, code = cv2.imencode(Path(path).suffix, image)
    except cv2.error:
        done = False
    if not done:
        raise InputError(f"cannot write {path}: no format for such a picture has the suffix {Path(path).suffix!r}")
    write_bytes(path, code.tobytes())


def check_video(path: str | Path, frames: int) -> None:
    """Raise OSError unless a video that was written has all its frames, as OpenCV's writer says nothing of failure.

    Args:
        path: the video.
        frames: how many were written to it.
    """
    video = cv2.VideoCapture(str(path))
    there = int(video.get(cv2.CAP_PROP_FRAME_COUNT)) if video.isOpened() else 0
    video.release()
    if there < frames:
        raise OSError(errno.EIO, f"only {max(there, 0)} of {frames} frames are in it", str(path))
