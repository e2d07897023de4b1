"""Pictures in memory, arrays and those of Pillow, as a reader of pictures takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageOps

from .reader import PictureReader


def in_bytes(item: Any, pictures: PictureReader) -> Any:
    """An array, or a PIL picture, of another depth as (H, W, C) uint8; what is none of these as it is.

    Raises:
        Unclear: nobody can tell what its values mean.
    """
    item = as_array(item, pictures)
    return pictures.of_array(item) if isinstance(item, np.ndarray) and pictures.takes(item) else item


def as_array(item: Any, pictures: PictureReader) -> Any:
    """The values of a PIL picture that is deep, or is to be read in another way; anything else as it is."""
    if not isinstance(item, Image.Image) or not (item.mode[0] in "IF" or pictures.depth.asked):
        return item
    item = ImageOps.exif_transpose(item)
    if item.mode[0] not in "IF" and not (pictures.depth.bands and item.mode in ("L", "LA", "RGB", "RGBA")):
        item = item.convert("L" if item.mode in ("1", "L", "LA") else "RGB")
    array = np.asarray(item)
    colours = array.ndim == 3 and array.shape[2] > 2 and not pictures.depth.bands  # arrays have blue first
    return array[..., [2, 1, 0, *range(3, array.shape[2])]] if colours else array
