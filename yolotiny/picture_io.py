"""Picture files by OpenCV alone: what is wrong with one, and writing that tells when it fails."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

import cv2
import numpy as np

from .errors import InputError
from .files import write_bytes

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


def check_file(path: str | Path) -> None:
    """Raise Unreadable for a device or a pipe, reading from which might never end."""
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        raise Unreadable(path, "it is a device or a pipe")


def too_large(size: tuple[int, int]) -> str:
    """Why a picture of `size` (width, height) is not opened, and how it would be; "" where it is."""
    pixels, given = size[0] * size[1], os.environ.get(LIMIT, "")
    most = int(given) if given.isdigit() else MOST
    return "" if pixels <= most else f"{size[0]}x{size[1]} pixels are over the limit; set {LIMIT}={pixels} to raise it"


def unopened(path: str | Path) -> str:
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
