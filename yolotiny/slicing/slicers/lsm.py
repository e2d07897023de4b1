"""The local scale module of YOLC: clusters of small objects, found in a heat map by counting, without parameters.

Source: Liu et al. 2024 (YOLC, arXiv 2404.06180), Algorithm 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from ...errors import InputError, number, whole
from .base import Box, Slicer

REFERENCE_AREA_PX = 1024 * 640  # pixels of the map that `min_area` of the component is meant for: the paper's input


@dataclass(frozen=True)
class LSMConfig:
    """Settings of the local scale module.

    Attributes:
        k: rectangles at most.
        grid: cells along the longer and along the shorter side; the last cell takes what does not divide.
        top_k: fullest cells that are looked at; empty ones never are.
        threshold: a pixel counts when its probability is above.
        enlarge: factor on both sides of a rectangle, about its centre, before it is cut to the image.
        min_area: pixels; a smaller rectangle (before it is enlarged) goes, also when that leaves fewer than `k`.

    Raises:
        InputError: a value that makes no sense.
    """

    k: int = 2
    grid: tuple[int, int] = (16, 10)
    top_k: int = 50
    threshold: float = 0.09
    enlarge: float = 1.2
    min_area: float = 96**2

    def __post_init__(self) -> None:
        whole(self.k, "lsm: k")
        whole(self.top_k, "lsm: top_k", 1)
        number(self.enlarge, "lsm: enlarge", 1)
        number(self.min_area, "lsm: min_area")
        if number(self.threshold, "lsm: threshold", 0, 1) == 1:
            raise InputError("lsm: threshold=1 counts nothing; give less")
        if not isinstance(self.grid, (tuple, list)) or len(self.grid) != 2:
            raise InputError(f"lsm: grid={self.grid!r}; give cells along the longer and shorter side, such as [16, 10]")
        for cells in self.grid:
            whole(cells, f"lsm: grid={self.grid!r}: cells", 1, 1000)


def lsm(heatmap: Any, config: LSMConfig = LSMConfig()) -> list[Box]:  # noqa: B008
    """Find at most `k` rectangles in which objects gather.

    The map is cut into cells, pixels above the threshold are counted in each, the fullest cells are joined where they
    touch (corners count), and the largest of the rectangles round them are enlarged.

    Args:
        heatmap: (H, W) or (C, H, W) probabilities; classes count by their maximum.
        config: see `LSMConfig`.

    Returns:
        xyxy in pixels of the map, the largest first.

    Raises:
        InputError: a map of another shape.

    Source: Liu et al. 2024 (YOLC, arXiv 2404.06180), Algorithm 1. Corrected: its cell is W/16 x H/10 pixels. As in the
    official code, the `k` largest are taken before the small ones go. Its cells beyond the non-empty ones, which gave
    tiles of background, are left out here.
    """
    xs, ys, _, cells = fullest_cells(heatmap, config)
    h, w = int(ys[-1]), int(xs[-1])
    _, _, stats, _ = cv2.connectedComponentsWithStats(cells, connectivity=8)
    boxes = [(xs[x], ys[y], xs[x + a], ys[y + b]) for x, y, a, b, _ in stats[1:]]
    boxes.sort(key=lambda b: -_area(b))
    return [_enlarged(b, config.enlarge, w, h) for b in boxes[: config.k] if _area(b) >= config.min_area]


def fullest_cells(heatmap: Any, config: LSMConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Count the hot pixels of each cell, and choose the fullest cells.

    Args:
        heatmap, config: see `lsm`.

    Returns:
        (columns + 1,) and (rows + 1,) borders of the cells, pixels of the map; (rows, columns) hot pixels in each, and
        (rows, columns) uint8, 1 where a cell is chosen.

    Raises:
        InputError: a map of another shape.
    """
    seen = np.asarray(heatmap)
    seen = seen.max(0) if seen.ndim == 3 else seen
    if seen.ndim != 2 or 0 in seen.shape:
        raise InputError(f"lsm: the heat map has shape {np.shape(heatmap)}; expected (H, W) or (C, H, W)")
    h, w = seen.shape
    across, down = config.grid if w >= h else config.grid[::-1]
    xs, ys = _edges(w, across), _edges(h, down)
    counts = np.add.reduceat((seen > config.threshold).view(np.uint8), ys[:-1], axis=0, dtype=np.int32)
    counts = np.add.reduceat(counts, xs[:-1], axis=1)
    # Columns first, as Algorithm 1 loops: that decides which of equally full cells are among the first.
    order = np.argsort(-counts.T.ravel(), kind="stable")[: config.top_k]
    chosen = np.zeros(counts.size, np.uint8)
    chosen[order] = counts.T.ravel()[order] > 0
    return xs, ys, counts, np.ascontiguousarray(chosen.reshape(counts.T.shape).T)


class LSM(Slicer):
    """`lsm` as a component of a model file: heat map in, tiles out.

    Args:
        min_area: pixels at an input of 1024x640; it shrinks and grows with the area of the map.
        k, grid, top_k, threshold, enlarge: see `LSMConfig`.

    Raises:
        InputError: see `LSMConfig`.
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
        self.config = LSMConfig(k, grid, top_k, threshold, enlarge, min_area)
        self.threshold = threshold

    def __call__(self, heatmap: Any) -> list[Box]:
        """(H, W) or (C, H, W) probabilities -> tiles, xyxy in pixels of the map."""
        if not self.config.k:
            return []
        pixels = int(np.prod(np.shape(heatmap)[-2:]))
        return lsm(heatmap, replace(self.config, min_area=self.config.min_area * pixels / REFERENCE_AREA_PX))

    def find(
        self, heatmap: np.ndarray | None, size: tuple[int, int], scale: float, input_size: tuple[int, int]
    ) -> list[Box]:
        """Clusters of an image; see `Slicer`."""
        seen = np.asarray(heatmap)
        sy, sx = size[0] / seen.shape[-2], size[1] / seen.shape[-1]
        return [(x1 * sx, y1 * sy, x2 * sx, y2 * sy) for x1, y1, x2, y2 in self(seen)]


def _edges(length: int, cells: int) -> np.ndarray:
    """(n + 1,) borders of n equal cells along a side; the last cell reaches the end."""
    cells = min(cells, length)
    edges = np.arange(cells + 1) * (length // cells)
    edges[-1] = length
    return edges


def _area(box: Any) -> float:
    return float(box[2] - box[0]) * float(box[3] - box[1])


def _enlarged(box: Any, factor: float, w: int, h: int) -> Box:
    """The rectangle enlarged about its centre and cut to the image's first and last pixel."""
    x1, y1, x2, y2 = map(float, box)
    cx, cy, rx, ry = (x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / 2 * factor, (y2 - y1) / 2 * factor
    return max(cx - rx, 0.0), max(cy - ry, 0.0), min(cx + rx, w - 1.0), min(cy + ry, h - 1.0)
