"""Pictures as a network takes them: fitted into its input, RGB, 0..1."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from ..errors import InputError

SHARE = np.arange(256, dtype=np.float32) / np.float32(255)  # of each value of a byte


def to_input(images: Sequence[np.ndarray], dtype: str = "float32", out: np.ndarray | None = None) -> np.ndarray:
    """Pictures as a network takes them.

    Args:
        images: (H, W, C) uint8 each, of one size; BGR where they have three channels.
        dtype: of the input.
        out: (B, C, H, W) float32 to write to; fresh memory costs more than filling it.

    Returns:
        (B, C, H, W) in 0..1, RGB.
    """
    h, w, channels = images[0].shape
    shape = len(images), channels, h, w
    out = np.empty(shape, np.float32) if out is None or out.shape != shape else out
    for image, planes in zip(images, out, strict=True):
        parts = cv2.split(image)
        for plane, part in zip(planes, reversed(parts) if channels == 3 else parts, strict=True):
            cv2.LUT(part, SHARE, plane)
    return out.astype(dtype, copy=False)


def whole_strides(imgsz: int | Sequence[int], stride: int) -> tuple[int, int]:
    """(height, width) of an input from what a user gave, rounded up to whole strides.

    Raises:
        InputError: no size.
    """
    sides = [imgsz, imgsz] if isinstance(imgsz, (int, float)) else list(imgsz)
    good = all(isinstance(s, int) and not isinstance(s, bool) and 0 < s <= 1 << 16 for s in sides)
    if len(sides) == 1:
        sides = sides * 2
    if len(sides) != 2 or not good:
        raise InputError(f"imgsz={imgsz!r} must be one or two whole numbers of pixels, such as 640")
    h, w = (max(math.ceil(side / stride), 1) * stride for side in sides)
    return h, w


def as_picture(image: np.ndarray, channels: int, where: str) -> np.ndarray:
    """An array in memory as (H, W, C) uint8 with the channels of the network, as ultralytics takes it.

    Args:
        image: (H, W) or (H, W, C), 8 or 16 bits, BGR; of 16 bits the upper 8 stay, grey is repeated, alpha dropped.
        channels: of the network.
        where: the picture, for messages.

    Returns:
        (H, W, channels) uint8.

    Raises:
        InputError: it is no picture, or has other channels.
    """
    image = (image >> 8).astype(np.uint8) if image.dtype == np.uint16 else image
    image = image[..., None] if image.ndim == 2 else image
    if image.ndim != 3 or not image.size or image.dtype != np.uint8:
        raise InputError(
            f"{where}: an array of shape {image.shape} and type {image.dtype} is no picture; "
            "give (H, W, C) uint8, BGR as OpenCV reads it"
        )
    if (image.shape[2], channels) in ((2, 1), (2, 3)):
        image = image[..., :1]
    if (image.shape[2], channels) in _CONVERTED:
        image = cv2.cvtColor(image, _CONVERTED[image.shape[2], channels])
        image = image[..., None] if image.ndim == 2 else image
    if image.shape[2] != channels:
        raise InputError(f"{where} has {image.shape[2]} channels, and the network takes {channels}")
    return np.ascontiguousarray(image)


# (channels of a picture, channels of a network): how one becomes the other.
_CONVERTED = {
    (1, 3): cv2.COLOR_GRAY2BGR,
    (4, 3): cv2.COLOR_BGRA2BGR,
    (3, 1): cv2.COLOR_BGR2GRAY,
    (4, 1): cv2.COLOR_BGRA2GRAY,
}
