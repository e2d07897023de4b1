"""The local scale module of YOLC: clusters of small objects, found in a heat map by counting, without parameters."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ..errors import InputError
from .cropper import Box, Cropper

REFERENCE = 1024 * 640  # pixels of the map that `min_area` of the component is meant for: the paper's input


def lsm(
    heat: Any,
    k: int = 2,
    grid: tuple[int, int] = (16, 10),
    top_k: int = 50,
    threshold: float = 0.09,
    enlarge: float = 1.2,
    min_area: float = 96**2,
) -> list[Box]:
    """Find at most `k` rectangles in which objects gather.

    The map is cut into cells, pixels above the threshold are counted in each, the fullest cells are joined where they
    touch (corners count), and the largest of the rectangles round them are enlarged.

    Args:
        heat: (H, W) or (C, H, W) probabilities, an array or a tensor; classes count by their maximum.
        k: rectangles at most.
        grid: cells along the longer and along the shorter side; the last cell takes what does not divide.
        top_k: fullest cells that are looked at; empty ones never are.
        threshold: a pixel counts when its probability is above.
        enlarge: factor on both sides of a rectangle, about its centre, before it is cut to the picture.
        min_area: pixels; a smaller rectangle (before it is enlarged) goes, also when that leaves fewer than `k`.

    Returns:
        xyxy in pixels of the map, the largest first.

    Raises:
        InputError: a value that makes no sense.

    Source: Liu et al. 2024 (YOLC, arXiv 2404.06180), Algorithm 1. Corrected: its cell is W/16 x H/10 pixels. As in the
    official code, the `k` largest are taken before the small ones go. Its cells beyond the non-empty ones, which gave
    crops of background, are left out here.
    """
    check(k, grid, top_k, threshold, enlarge, min_area)
    seen = np.asarray(heat)
    seen = seen.max(0) if seen.ndim == 3 else seen
    if seen.ndim != 2 or 0 in seen.shape:
        raise InputError(f"lsm: the heat map has shape {np.shape(heat)}; expected (H, W) or (C, H, W)")
    h, w = seen.shape
    across, down = grid if w >= h else grid[::-1]
    xs, ys = _edges(w, across), _edges(h, down)
    counts = np.add.reduceat((seen > threshold).view(np.uint8), ys[:-1], axis=0, dtype=np.int32)
    counts = np.add.reduceat(counts, xs[:-1], axis=1)
    # Columns first, as Algorithm 1 loops: that decides which of equally full cells are among the first.
    order = np.argsort(-counts.T.ravel(), kind="stable")[:top_k]
    chosen = np.zeros(counts.size, np.uint8)
    chosen[order] = counts.T.ravel()[order] > 0
    cells = np.ascontiguousarray(chosen.reshape(counts.T.shape).T)
    _, _, stats, _ = cv2.connectedComponentsWithStats(cells, connectivity=8)
    boxes = [(xs[x], ys[y], xs[x + a], ys[y + b]) for x, y, a, b, _ in stats[1:]]
    boxes.sort(key=lambda b: -_area(b))
    return [_enlarged(b, enlarge, w, h) for b in boxes[:k] if _area(b) >= min_area]


def check(k: int, grid: Any, top_k: int, threshold: float, enlarge: float, min_area: float) -> None:
    """Raise InputError for a setting of `lsm` that makes no sense."""
    whole = lambda v: isinstance(v, int) and not isinstance(v, bool)  # noqa: E731
    number = lambda v: isinstance(v, (int, float)) and not isinstance(v, bool)  # noqa: E731
    if not whole(k) or k < 0:
        raise InputError(f"lsm: k={k!r} is no number of crops; give a whole number from 0 up")
    if not isinstance(grid, (tuple, list)) or len(grid) != 2 or not all(whole(v) and 0 < v <= 1000 for v in grid):
        raise InputError(f"lsm: grid={grid!r}; give the cells along the longer and the shorter side, such as [16, 10]")
    if not whole(top_k) or top_k < 1:
        raise InputError(f"lsm: top_k={top_k!r} is no number of cells; give a whole number from 1 up")
    if not number(threshold) or not 0 <= threshold < 1:
        raise InputError(f"lsm: threshold={threshold!r} must lie in 0..1")
    if not number(enlarge) or enlarge < 1:
        raise InputError(f"lsm: enlarge={enlarge!r} must be 1 or more")
    if not number(min_area) or min_area < 0:
        raise InputError(f"lsm: min_area={min_area!r} must be a number of pixels from 0 up")


class LSM(Cropper):
    """`lsm` as a component of a model file: heat map in, crops out.

    Args:
        min_area: pixels at an input of 1024x640; it shrinks and grows with the area of the map.
        k, grid, top_k, threshold, enlarge: see `lsm`.
    """

    def __init__(
        self,
        k: int = 2,
        grid: tuple[int, int] = (16, 10),
        top_k: int = 50,
        threshold: float = 0.09,
        enlarge: float = 1.2,
        min_area: float = 96**2,
    ):
        check(k, grid, top_k, threshold, enlarge, min_area)
        self.k, self.grid, self.top_k = k, (grid[0], grid[1]), top_k
        self.threshold, self.enlarge, self.min_area = threshold, enlarge, min_area

    def __call__(self, heat: Any) -> list[Box]:
        """(H, W) or (C, H, W) probabilities -> crops, xyxy in pixels of the map."""
        if not self.k:
            return []
        pixels = int(np.prod(np.shape(heat)[-2:]))
        least = self.min_area * pixels / REFERENCE
        return lsm(heat, self.k, self.grid, self.top_k, self.threshold, self.enlarge, least)

    def find(self, heat: Any, size: tuple[int, int], scale: float, canvas: tuple[int, int]) -> list[Box]:
        """Clusters of a picture; see `Cropper`."""
        sy, sx = size[0] / np.shape(heat)[-2], size[1] / np.shape(heat)[-1]
        return [(x1 * sx, y1 * sy, x2 * sx, y2 * sy) for x1, y1, x2, y2 in self(heat)]


def _edges(length: int, cells: int) -> np.ndarray:
    """(n + 1,) borders of n equal cells along a side; the last cell reaches the end."""
    cells = min(cells, length)
    edges = np.arange(cells + 1) * (length // cells)
    edges[-1] = length
    return edges


def _area(box: Any) -> float:
    return float(box[2] - box[0]) * float(box[3] - box[1])


def _enlarged(box: Any, factor: float, w: int, h: int) -> Box:
    """The rectangle enlarged about its centre and cut to the picture's first and last pixel."""
    x1, y1, x2, y2 = map(float, box)
    cx, cy, rx, ry = (x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / 2 * factor, (y2 - y1) / 2 * factor
    return max(cx - rx, 0.0), max(cy - ry, 0.0), min(cx + rx, w - 1.0), min(cy + ry, h - 1.0)
