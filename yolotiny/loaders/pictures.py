"""Pictures as ultralytics decodes them, for training, validation and prediction alike."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from ultralytics.utils.patches import imread

from ..data.pictures import Unreadable, check_file, fault


def read_picture(path: str | Path, flags: int = cv2.IMREAD_COLOR) -> np.ndarray:
    """Decode a picture to (H, W, C), BGR where it has colours.

    Raises:
        Unreadable: it cannot be read or decoded, with the reason.
    """
    check_file(path)
    try:
        picture = imread(str(path), flags)
    except Exception as error:  # OpenCV and Pillow's plug-ins raise all kinds
        raise Unreadable(path, fault(path, error)) from None
    if picture is None or not picture.size:
        raise Unreadable(path, fault(path))
    return picture
