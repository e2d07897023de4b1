"""What travels through sliced inference: what the coarse pass said, what both found, and what it took."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CoarsePass:
    """What a detector said of a whole image.

    Attributes:
        rows: (n, 6) xyxy in pixels of the image, score, class.
        heatmap: (h, w) scores over the image; None where the slicer needs none.
        ratio: network pixels per pixel of the image.
    """

    rows: np.ndarray
    heatmap: np.ndarray | None
    ratio: float


@dataclass(frozen=True)
class SlicedDetections:
    """What both passes over an image found.

    Attributes:
        rows: (n, 6) xyxy in pixels of the image, score, class; the best first.
        tiles: (m, 4) xyxy in pixels of the image, where was looked twice.
    """

    rows: np.ndarray
    tiles: np.ndarray


@dataclass
class SlicingStats:
    """What the fine pass took so far.

    Attributes:
        images, tiles, forwards: how many; a batch is one forward, and the coarse pass is not counted.
        seconds: of all fine passes.
        last_scale: network pixels per pixel of the image that tiles of the last image were shown at.
    """

    images: int = 0
    tiles: int = 0
    forwards: int = 0
    seconds: float = 0.0
    last_scale: float = 0.0
