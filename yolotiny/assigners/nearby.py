"""The priors near an object: the grid says which ones those are, so no assigner has to look at all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..structures import Priors


def nearby_priors(boxes: Tensor, priors: Priors, radius: float | Sequence[float]) -> tuple[Tensor, Tensor]:
    """List the priors whose cell centre lies less than `radius` cells from an object's centre, along x and along y.

    Args:
        boxes: (M, 4) xyxy, pixels.
        priors: the grid, any number of levels and of anchors per cell.
        radius: half the side of the square, in cells of each level; one for all levels or one per level.
    Returns:
        (M, K) index into the A priors, and (M, K) True where that entry is a prior in the square; the others are
        padding (index 0). K is (ceil(2 * radius) + 1) squared times the anchors, summed over levels.
        In a row the indices rise.
    """
    radii = [radius] * len(priors.shapes) if isinstance(radius, (int, float)) else radius
    center = (boxes[:, :2] + boxes[:, 2:]) / 2
    index, valid, start = [], [], 0
    for (anchors, rows, columns), count, radius in zip(priors.shapes, priors.counts, radii, strict=True):
        step = torch.arange(math.ceil(2 * radius) + 1, device=boxes.device)
        stride = priors.strides[start].float()  # (1,)
        origin = priors.centers[start].float()  # the centre of the first cell
        first = ((center - origin) / stride - radius).floor().clamp(-(2**31), 2**31).long()  # (M, 2) column, row
        column, row = first[:, :1] + step, first[:, 1:] + step  # (M, S)
        x, y = (column * stride + origin[0] - center[:, :1]).abs(), (row * stride + origin[1] - center[:, 1:]).abs()
        column_ok = (x < radius * stride) & (column >= 0) & (column < columns)
        row_ok = (y < radius * stride) & (row >= 0) & (row < rows)
        cell = (row[:, :, None] * columns + column[:, None, :]).flatten(1)  # (M, S * S)
        cell_ok = (row_ok[:, :, None] & column_ok[:, None, :]).flatten(1)
        shift = start + rows * columns * torch.arange(anchors, device=boxes.device)
        index.append((cell[:, None] + shift[:, None]).flatten(1))  # (M, anchors * S * S)
        valid.append(cell_ok[:, None].expand(-1, anchors, -1).flatten(1))
        start += count
    ok = torch.cat(valid, 1)
    return torch.cat(index, 1).masked_fill(~ok, 0), ok
