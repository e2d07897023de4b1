"""What one forward pass sees: tiles of an image on a canvas, and the way of its detections back to the image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..ops.letterbox import GREY
from .packing import pack
from .tile import Tile


@dataclass(frozen=True)
class Canvas:
    """Tiles of one image beside each other.

    Attributes:
        size: (height, width) of the network input, pixels.
        places: each tile and the (x, y) of its upper left corner, pixels.
    """

    size: tuple[int, int]
    places: tuple[tuple[Tile, int, int], ...]

    @classmethod
    def of(cls, tile: Tile, stride: int, fixed: tuple[int, int] | None = None) -> Canvas:
        """A canvas for one tile: its size rounded up to whole strides, or the only size that a file takes."""
        w, h = tile.shown
        up = math.ceil(h / stride) * stride, math.ceil(w / stride) * stride
        return cls(fixed or up, ((tile, 0, 0),))

    @classmethod
    def packed(
        cls, tiles: Sequence[Tile], most: tuple[int, int], stride: int, fixed: tuple[int, int] | None = None
    ) -> list[Canvas]:
        """Canvases of at most `most` (height, width) for many tiles, several on one; see `of`."""
        strided = lambda side: math.ceil(side / stride) * stride  # noqa: E731
        sizes = [(strided(t.shown[1]), strided(t.shown[0])) for t in tiles]
        limit = max([strided(most[0])] + [h for h, _ in sizes]), max([strided(most[1])] + [w for _, w in sizes])
        places, taken = pack(sizes, limit)
        held: list[list[tuple[Tile, int, int]]] = [[] for _ in taken]
        for tile, (number, x, y) in zip(tiles, places, strict=True):
            held[number].append((tile, x, y))
        return [cls(fixed or size, tuple(inside)) for size, inside in zip(taken, held, strict=True)]

    @property
    def pixels(self) -> int:
        """Area, pixels."""
        return self.size[0] * self.size[1]

    def draw(self, image: np.ndarray) -> np.ndarray:
        """(H, W, C) uint8 image -> (h, w, C) uint8 canvas, which may be a view of the image."""
        tile = self.places[0][0]
        if len(self.places) == 1 and tile.shown == self.size[::-1]:
            same = tile.shown == (tile.w, tile.h)
            return image[tile.y : tile.y + tile.h, tile.x : tile.x + tile.w] if same else tile.cut(image)
        out = np.full((*self.size, image.shape[2]), GREY, np.uint8)
        for tile, x, y in self.places:
            w, h = tile.shown
            tile.cut(image, out[y : y + h, x : x + w])
        return out


def gather(canvases: Sequence[Canvas], found: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Detections on the canvases of an image -> detections in the image.

    What is centred in the padding or between tiles belongs to nobody; boxes are cut to their tile.

    Args:
        canvases: at least one.
        found: for each (n, 6) xyxy in pixels of the canvas, score, class.

    Returns:
        (k, 6) rows in pixels of the image, (k,) the number of the tile of each, counted through all canvases.
    """
    rows = np.concatenate(list(found))
    table = [(x, y, *t.shown, t.x, t.y, t.w / t.shown[0], t.h / t.shown[1]) for c in canvases for t, x, y in c.places]
    places = np.array(table, rows.dtype)
    counts = np.array([len(part) for part in found])
    held = np.array([len(c.places) for c in canvases])
    each = np.repeat(held, counts)  # tiles on the canvas of each row
    index = np.repeat(np.arange(len(rows)), each)
    first = np.repeat(np.cumsum(held) - held, counts)
    tile = first[index] + np.arange(len(index)) - (np.cumsum(each) - each)[index]
    here, box = places[tile], rows[index]
    middle = (box[:, :2] + box[:, 2:4]) / 2 - here[:, :2]
    mine = ((middle >= 0) & (middle < here[:, 2:4])).all(1)
    here, box, tile = here[mine], box[mine], tile[mine]
    corners = np.maximum(box[:, :4].reshape(-1, 2, 2) - here[:, None, :2], 0)
    corners = np.minimum(corners, here[:, None, 2:4]) * here[:, None, 6:] + here[:, None, 4:6]
    return np.concatenate((corners.reshape(-1, 4), box[:, 4:]), 1), tile
