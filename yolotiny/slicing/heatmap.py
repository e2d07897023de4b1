"""A heat map from what a detector says of a whole image: the best score of each place, before any decision."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np

from ..ops.letterbox import Letterbox

CELL_PX = 4.0  # network pixels of a heat map's cell: decoded centres are finer than the strides of most heads


def scatter(centres: np.ndarray, scores: np.ndarray, size: tuple[int, int], cell: float) -> np.ndarray:
    """The best score in each cell of a grid over an image.

    Args:
        centres: (n, 2) x, y in pixels of the image; those beside it (in the padding of an input) are left out.
        scores: (n,) best class score of each prediction.
        size: (height, width) of the image, pixels.
        cell: side of a cell, pixels; more than the prior spacing of the detector, or the map has holes.

    Returns:
        (h, w) scores, 0 where nothing was said: as many cells as cover the image.
    """
    h, w = (max(math.ceil(side / cell), 1) for side in size)
    there = ((centres >= 0) & (centres < np.array([size[1], size[0]], centres.dtype))).all(1)
    place = (centres[there] / np.float32(cell)).astype(np.int64)
    heat = np.zeros(h * w, scores.dtype)
    np.maximum.at(heat, place[:, 1] * w + place[:, 0], scores[there])
    return heat.reshape(h, w)


def from_rows(y: np.ndarray, letterbox: Letterbox, least: float = 0.0) -> np.ndarray:
    """The heat map over an image from a network's output, whatever its head.

    The best score of each prediction counts at its decoded centre, however low it is.

    Args:
        y: (4 + C, A) xywh in pixels of the input and class scores, or (n, 6) xyxy, score, class from a head or an
            exported file that suppresses by itself.
        letterbox: how the image lies in the input.
        least: predictions need not be there that score no more; most of them, and it takes time to place them.

    Returns:
        (h, w) scores, cells of `CELL_PX` network pixels.
    """
    if y.shape[-1] == 6:
        rows = y[y[:, 4] > least].astype(np.float32)
        centres, scores = (rows[:, :2] + rows[:, 2:4]) / 2, rows[:, 4]
    else:
        # one class after the other: numpy's max is slow over a short axis that lies innermost, as heads give it
        best = reduce(np.maximum, y[4:]).astype(np.float32)
        index = np.flatnonzero(best > least)
        centres, scores = y[:2, index].T.astype(np.float32), best[index]
    (ry, rx), pad = letterbox.ratio_pad
    places = (centres - np.array(pad, np.float32)) / np.array([rx, ry], np.float32)
    return scatter(places, scores, letterbox.image_size, CELL_PX / letterbox.ratio)


def from_map(seen: np.ndarray, letterbox: Letterbox) -> np.ndarray:
    """The part of a detector's own map that shows the image.

    Args:
        seen: (h, w) best class probability of each place of the input.
        letterbox: how the image lies in the input.

    Returns:
        (h2, w2) probabilities over the image, without the padding.
    """
    sy, sx = seen.shape[0] / letterbox.input_size[0], seen.shape[1] / letterbox.input_size[1]
    inside = letterbox.inside
    x1, y1, x2, y2 = round(inside[0] * sx), round(inside[1] * sy), round(inside[2] * sx), round(inside[3] * sy)
    return seen[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)].astype(np.float32, copy=False)
