"""Pictures of a data set as our reader decodes them: ultralytics' own knows no bands and no depth."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from ultralytics.data.dataset import YOLODataset
from ultralytics.utils import LOGGER

from ..pictures.reader import PictureReader


class DecodedDataset(YOLODataset):
    """ultralytics' data set whose pictures come from `reader`.

    Attributes:
        reader: decodes pictures.
    """

    reader: PictureReader

    def full(self, index: int) -> np.ndarray:
        """(H, W, C) a picture at its file's own size; with `cache=disk` from its .npy beside it.

        Raises:
            Unreadable: the file has gone or cannot be decoded any more.
        """
        saved = self._saved(index) if self.cache == "disk" else None
        return self.reader.read(self.im_files[index]) if saved is None else saved

    def load_image(self, i: int, rect_mode: bool = True, resize_short: bool = False) -> tuple[np.ndarray, Any, Any]:
        """The picture (H, W, C), uint8, its longer side that of the input, its own (height, width), and the shown one.

        ultralytics' other ways to resize are for other tasks.
        """
        if self.ims[i] is not None:
            return self.ims[i], self.im_hw0[i], self.im_hw[i]
        picture = self.full(i)
        h, w = picture.shape[:2]
        picture = self.shrunk(picture)
        if self.augment and self.cache != "ram":  # mosaic takes its other pictures from those read last
            self.ims[i], self.im_hw0[i], self.im_hw[i] = picture, (h, w), picture.shape[:2]
            self.buffer.append(i)
            if 1 < len(self.buffer) >= self.max_buffer_length:
                gone = self.buffer.pop(0)
                self.ims[gone] = self.im_hw0[gone] = self.im_hw[gone] = None
        return picture, (h, w), picture.shape[:2]

    def shrunk(self, picture: np.ndarray) -> np.ndarray:
        """A picture of any size (H, W, C), 0..255 -> (h, w, C), its longer side that of the input."""
        side = max(self.imgsz) if isinstance(self.imgsz, (tuple, list)) else self.imgsz
        fits = max(picture.shape[:2]) == side
        return np.require(picture, requirements="W") if fits else resized(picture, side)

    def at_input(self, index: int) -> np.ndarray:
        """(H, W, C) the picture that `load_image` gives, without being offered to mosaic; not to be written to."""
        known = self.ims[index]
        return self.shrunk(self.full(index) if known is None else known)

    def check_cache_disk(self, *args: Any, **kwargs: Any) -> bool:
        """Whether the disk has room; the .npy of pictures that are read in another way have other names."""
        if tag := self.reader.tag:
            self.npy_files = [file.with_suffix(f".{tag}.npy") for file in self.npy_files]
        return super().check_cache_disk(*args, **kwargs)

    def cache_images_to_disk(self, i: int) -> None:
        """Save a picture as an .npy, unless a fresh one is there."""
        if self._saved(i) is not None:
            return
        file = self.npy_files[i]
        try:
            np.save(file.as_posix(), self.reader.read(self.im_files[i]), allow_pickle=False)
        except OSError as error:
            file.unlink(missing_ok=True)
            LOGGER.warning(f"{self.prefix}{file} cannot be written: {error.strerror or error}")

    def _saved(self, index: int) -> np.ndarray | None:
        """What an .npy holds, of which only the rows that are used are read; None where it is old or another's."""
        file = self.npy_files[index]
        try:
            if file.stat().st_mtime < Path(self.im_files[index]).stat().st_mtime:
                return None
            picture = np.load(file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError):
            return None
        picture = picture if picture.ndim == 3 else picture[..., None]
        fits = picture.ndim == 3 and picture.dtype == np.uint8 and picture.shape[2] == self.channels
        return picture if fits else None


def resized(picture: np.ndarray, side: int) -> np.ndarray:
    """A picture, 0..255, with its longer side made `side` pixels, as ultralytics rounds: (H, W, C) -> (h, w, C)."""
    h, w = picture.shape[:2]
    ratio = side / max(h, w)
    shown = (min(math.ceil(w * ratio), side), min(math.ceil(h * ratio), side))
    picture = cv2.resize(picture, shown, interpolation=cv2.INTER_LINEAR)
    return picture if picture.ndim == 3 else picture[..., None]
