"""A tile as it is cut: whole pixels of the image, and the size it is shown at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

# Pixels of the image per pixel shown, from which they are averaged. Between fewer, interpolation skips none, as in
# training, and takes a sixth of the time.
AVERAGED_FROM = 2


@dataclass(frozen=True)
class Tile:
    """A part of an image and the size at which a network sees it.

    Attributes:
        x, y, w, h: left, top, width and height, whole pixels of the image.
        shown: (width, height) the part is resized to, pixels of the network input.
    """

    x: int
    y: int
    w: int
    h: int
    shown: tuple[int, int]

    @classmethod
    def of(
        cls,
        box: Sequence[float],
        image_size: tuple[int, int],
        scale: float,
        max_side: float = math.inf,
        room: tuple[int, int] | None = None,
    ) -> Tile:
        """The tile round a box.

        Args:
            box: xyxy, pixels of the image; cut to the image, at least one pixel is left.
            image_size: (height, width), pixels.
            scale: pixels shown per pixel of the image.
            max_side: the longer side shown is not longer than this; a larger tile is shown smaller.
            room: (height, width) that the tile shown is to fit into.
        """
        h, w = image_size
        x1, y1 = min(max(int(box[0]), 0), w - 1), min(max(int(box[1]), 0), h - 1)
        x2, y2 = min(max(math.ceil(box[2]), x1 + 1), w), min(max(math.ceil(box[3]), y1 + 1), h)
        scale = min(scale, max_side / max(x2 - x1, y2 - y1))
        if room is not None:
            scale = min(scale, room[1] / (x2 - x1), room[0] / (y2 - y1))
        shown = max(round((x2 - x1) * scale), 1), max(round((y2 - y1) * scale), 1)
        return cls(x1, y1, x2 - x1, y2 - y1, shown)

    def cut(self, image: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """The part at the size it is shown at.

        Args:
            image: (H, W, C) uint8.
            out: (h, w, C) uint8 to draw it to; new memory where there is none.

        Returns:
            (h, w, C) uint8.
        """
        part = image[self.y : self.y + self.h, self.x : self.x + self.w]
        averages = AVERAGED_FROM * self.shown[0] <= self.w
        if averages and image.shape[2:] > (4,):  # which OpenCV averages one by one only
            bands = [cv2.resize(band, self.shown, interpolation=cv2.INTER_AREA) for band in cv2.split(part)]
            return np.stack(bands, 2, out=out)
        out = cv2.resize(part, self.shown, out, interpolation=cv2.INTER_AREA if averages else cv2.INTER_LINEAR)
        return out if out.ndim == image.ndim else out[..., None]

    @property
    def box(self) -> tuple[int, int, int, int]:
        """xyxy, pixels of the image."""
        return self.x, self.y, self.x + self.w, self.y + self.h
