"""A heat map from what a detector says of a whole picture: the best score of each place, before any decision."""

from __future__ import annotations

import math

from torch import Tensor


def scatter(centres: Tensor, scores: Tensor, size: tuple[int, int], cell: float) -> Tensor:
    """The best score in each cell of a grid over a picture.

    Args:
        centres: (n, 2) x, y in pixels of the picture; those beside it (in the padding of an input) are left out.
        scores: (n,) best class score of each prediction.
        size: (height, width) of the picture.
        cell: side of a cell, pixels; more than the prior spacing of the detector, or the map has holes.

    Returns:
        (ceil(height / cell), ceil(width / cell)) scores, 0 where nothing was said.
    """
    h, w = (max(math.ceil(side / cell), 1) for side in size)
    there = ((centres >= 0) & (centres < centres.new_tensor([size[1], size[0]]))).all(1)
    place = (centres[there] / cell).long()
    heat = scores.new_zeros(h * w)
    return heat.scatter_reduce_(0, place[:, 1] * w + place[:, 0], scores[there], "amax").view(h, w)


def of_rows(y: Tensor, least: float = 0.0) -> tuple[Tensor, Tensor]:
    """Centres and best scores of a network's output, whatever its head.

    Args:
        y: (4 + C, A) xywh and class scores of one picture, or (n, 6) xyxy, score, class from a head or an exported file
            that suppresses by itself.
        least: only predictions of a higher score.

    Returns:
        (k, 2) centres in pixels of the input, (k,) scores.
    """
    if y.shape[-1] == 6:
        y = y[y[:, 4] > least].float()
        return (y[:, :2] + y[:, 2:4]) / 2, y[:, 4]
    best = y[4:].amax(0).float()
    index = (best > least).nonzero()[:, 0]
    return y[:2, index].T.float(), best[index]


def of_map(seen: Tensor, size: tuple[int, int], inside: tuple[float, float, float, float]) -> Tensor:
    """The part of a detector's own map that shows the picture.

    Args:
        seen: (h, w) best class probability of each place of the input.
        size: (H, W) of the input, pixels.
        inside: xyxy of the picture within the input, without the padding, pixels of the input.
    """
    sy, sx = seen.shape[0] / size[0], seen.shape[1] / size[1]
    x1, y1, x2, y2 = round(inside[0] * sx), round(inside[1] * sy), round(inside[2] * sx), round(inside[3] * sy)
    return seen[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)].float()
