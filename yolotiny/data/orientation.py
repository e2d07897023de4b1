"""A camera's rotation tag: training sees a picture turned by it, an annotation file may not know of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

TAG = 274  # of EXIF: 1 for none, 2 to 4 mirrored or upside down, 5 to 8 with width and height swapped


def orientation(path: Path) -> int:
    """The tag of a picture, 1 to 8, from its header; 1 where there is none, or no picture that can be read."""
    try:
        with Image.open(path) as picture:
            tags = picture.getexif() if picture.format != "PNG" or "exif" in picture.info else {}
            found = int(tags.get(TAG, 1))
    except Exception:  # what Pillow raises for a damaged file has no bounds
        return 1
    return found if found in range(1, 9) else 1


def turn(boxes: np.ndarray, tag: int, width: int, height: int) -> np.ndarray:
    """Boxes of the stored pixels -> the same boxes in the picture as it is shown.

    Args:
        boxes: (N, 4) xyxy, pixels.
        tag: see `orientation`.
        width, height: of the picture as shown, pixels.
    Returns:
        (N, 4) xyxy, pixels.
    Source: Exif 2.32, 4.6.4, tag Orientation.
    """
    x, y = boxes[:, ::2], boxes[:, 1::2]
    if tag >= 5:
        x, y = y, x
    if tag in (2, 3, 6, 7):
        x = width - x[:, ::-1]
    if tag in (3, 4, 7, 8):
        y = height - y[:, ::-1]
    return np.stack((x, y), 2).reshape(-1, 4)
