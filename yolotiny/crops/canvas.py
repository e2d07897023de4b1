"""What one forward pass sees: windows of a picture on a canvas, and the way of its detections back to the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .packing import pack
from .window import Window

GREY = 114  # of the padding, as ultralytics pads


@dataclass(frozen=True)
class Canvas:
    """Windows of one picture beside each other.

    Attributes:
        size: (height, width) of the network input, pixels.
        places: each window and the (x, y) of its upper left corner.
    """

    size: tuple[int, int]
    places: tuple[tuple[Window, int, int], ...]

    @classmethod
    def of(cls, window: Window, stride: int, fixed: tuple[int, int] | None = None) -> Canvas:
        """A canvas for one window: its size rounded up to whole strides, or the only size that a file takes."""
        w, h = window.shown
        up = math.ceil(h / stride) * stride, math.ceil(w / stride) * stride
        return cls(fixed or up, ((window, 0, 0),))

    @classmethod
    def packed(
        cls, windows: Sequence[Window], most: tuple[int, int], stride: int, fixed: tuple[int, int] | None = None
    ) -> list[Canvas]:
        """Canvases of at most `most` (height, width) for many windows, several on one; see `of`."""
        strided = lambda side: math.ceil(side / stride) * stride  # noqa: E731
        sizes = [(strided(w.shown[1]), strided(w.shown[0])) for w in windows]
        limit = max([strided(most[0])] + [h for h, _ in sizes]), max([strided(most[1])] + [w for _, w in sizes])
        places, taken = pack(sizes, limit)
        held: list[list[tuple[Window, int, int]]] = [[] for _ in taken]
        for window, (number, x, y) in zip(windows, places, strict=True):
            held[number].append((window, x, y))
        return [cls(fixed or size, tuple(inside)) for size, inside in zip(taken, held, strict=True)]

    def draw(self, picture: np.ndarray) -> np.ndarray:
        """(H, W, C) picture -> (h, w, C) canvas."""
        if len(self.places) == 1 and self.places[0][0].shown == self.size[::-1]:
            return self.places[0][0].cut(picture)
        out = np.full((*self.size, picture.shape[2]), GREY, np.uint8)
        for window, x, y in self.places:
            w, h = window.shown
            out[y : y + h, x : x + w] = window.cut(picture)
        return out


def gather(canvases: Sequence[Canvas], found: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Detections on the canvases of a picture -> detections in the picture.

    What is centred in the padding or between windows belongs to nobody; boxes are cut to their window.

    Args:
        canvases: at least one.
        found: for each (n, 6) xyxy in pixels of the canvas, score, class.
    Returns:
        (k, 6) rows in pixels of the picture, (k,) the number of the window of each, counted through all canvases.
    """
    rows = torch.cat(list(found))
    counts = torch.tensor([len(part) for part in found], device=rows.device)
    table = [(x, y, *w.shown, w.x, w.y, w.w / w.shown[0], w.h / w.shown[1]) for c in canvases for w, x, y in c.places]
    places = rows.new_tensor(table)
    held = torch.tensor([len(c.places) for c in canvases], device=rows.device)
    each = held.repeat_interleave(counts)  # windows on the canvas of each row
    index = torch.arange(len(rows), device=rows.device).repeat_interleave(each)
    first = (held.cumsum(0) - held).repeat_interleave(counts)
    window = first[index] + torch.arange(len(index), device=rows.device) - (each.cumsum(0) - each)[index]
    here, box = places[window], rows[index]
    middle = (box[:, :2] + box[:, 2:4]) / 2 - here[:, :2]
    mine = ((middle >= 0) & (middle < here[:, 2:4])).all(1)
    here, box, window = here[mine], box[mine], window[mine]
    corners = (box[:, :4].view(-1, 2, 2) - here[:, None, :2]).clamp(min=0)
    corners = torch.minimum(corners, here[:, None, 2:4]) * here[:, None, 6:] + here[:, None, 4:6]
    return torch.cat((corners.view(-1, 4), box[:, 4:]), 1), window
