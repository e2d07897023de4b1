"""A crop as it is cut: whole pixels of the picture, and the size it is shown at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

# Pixels of the picture per pixel shown, from which they are averaged. Between fewer, interpolation skips none, as in
# training, and takes a sixth of the time.
AVERAGED = 2


@dataclass(frozen=True)
class Window:
    """A piece of a picture and the size at which a network sees it.

    Attributes:
        x, y, w, h: left, top, width and height, whole pixels of the picture.
        shown: (width, height) the piece is resized to.
    """

    x: int
    y: int
    w: int
    h: int
    shown: tuple[int, int]

    @classmethod
    def of(
        cls,
        crop: Sequence[float],
        picture: tuple[int, int],
        scale: float,
        max_side: float = math.inf,
        fit: tuple[int, int] | None = None,
    ) -> Window:
        """The window of a crop.

        Args:
            crop: xyxy, pixels of the picture; cut to the picture, at least one pixel is left.
            picture: (height, width).
            scale: pixels shown per pixel of the picture.
            max_side: the longer side shown is not longer than this; a larger crop is shown smaller.
            fit: (height, width) that the crop shown is to fit into.
        """
        h, w = picture
        x1, y1 = min(max(int(crop[0]), 0), w - 1), min(max(int(crop[1]), 0), h - 1)
        x2, y2 = min(max(math.ceil(crop[2]), x1 + 1), w), min(max(math.ceil(crop[3]), y1 + 1), h)
        scale = min(scale, max_side / max(x2 - x1, y2 - y1))
        if fit is not None:
            scale = min(scale, fit[1] / (x2 - x1), fit[0] / (y2 - y1))
        shown = max(round((x2 - x1) * scale), 1), max(round((y2 - y1) * scale), 1)
        return cls(x1, y1, x2 - x1, y2 - y1, shown)

    def cut(self, picture: np.ndarray) -> np.ndarray:
        """(H, W, C) picture -> the piece at the size it is shown at."""
        piece = picture[self.y : self.y + self.h, self.x : self.x + self.w]
        averages = AVERAGED * self.shown[0] <= self.w
        out = cv2.resize(piece, self.shown, interpolation=cv2.INTER_AREA if averages else cv2.INTER_LINEAR)
        return out if out.ndim == picture.ndim else out[..., None]

    @property
    def box(self) -> tuple[int, int, int, int]:
        """xyxy, pixels of the picture."""
        return self.x, self.y, self.x + self.w, self.y + self.h
