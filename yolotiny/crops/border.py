"""Objects that the border of a crop cuts: a piece is no detection where somebody else saw the whole."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..boxes import pairwise_iou

SAME = 0.5  # IoU from which a piece and the visible part of a whole box are the same thing
WEAKER = 0.5  # a whole box below this share of the piece's score does not replace it


def at_border(boxes: Tensor, window: Sequence[float], size: tuple[int, int], reach: float) -> Tensor:
    """(n, 4) boxes seen in a window -> (n,) True where one ends at an inner border of it.

    Args:
        boxes, window: xyxy, pixels of the picture.
        size: (height, width) of the picture, whose own border cuts nothing.
        reach: how near the border is, pixels of the picture.
    """
    x1, y1, x2, y2 = window
    cut = torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    for inner, distance in (
        (x1 > 0, boxes[:, 0] - x1),
        (y1 > 0, boxes[:, 1] - y1),
        (x2 < size[1], x2 - boxes[:, 2]),
        (y2 < size[0], y2 - boxes[:, 3]),
    ):
        if inner:
            cut |= distance <= reach
    return cut


def without_rim(
    windows: Sequence[Sequence[float]], size: tuple[int, int], rims: Sequence[float]
) -> list[tuple[float, float, float, float]]:
    """Windows less a rim along their inner borders: where their detections count.

    Args:
        windows: xyxy, pixels of the picture.
        size: (height, width) of the picture; along its own border nothing is taken off.
        rims: of each window, pixels of the picture.
    """
    h, w = size
    return [
        (x1 + rim * (x1 > 0), y1 + rim * (y1 > 0), x2 - rim * (x2 < w), y2 - rim * (y2 < h))
        for (x1, y1, x2, y2), rim in zip(windows, rims, strict=True)
    ]


def centred(boxes: Tensor, window: Sequence[float]) -> Tensor:
    """(n, 4) boxes -> (n,) True where the middle of one lies in the window."""
    middle = (boxes[:, :2] + boxes[:, 2:4]) / 2
    return ((middle >= middle.new_tensor(window[:2])) & (middle < middle.new_tensor(window[2:]))).all(1)


def drop_cut(
    coarse: Tensor,
    windows: Sequence[Sequence[float]],
    parts: Sequence[Tensor],
    size: tuple[int, int],
    reaches: Sequence[float],
) -> list[Tensor]:
    """Drop pieces of objects at inner borders of windows where another look shows the whole.

    A piece is explained by a box of its class, itself not cut, whose part inside the window is the piece (IoU of 0.5)
    and whose score is at least half of the piece's. A piece that nothing explains stays: half an object is better
    than none.

    Args:
        coarse: (n, 6) rows of the look at the whole picture, which cuts nothing.
        windows: xyxy of each window, pixels of the picture.
        parts: (m, 6) rows found in each window.
        size: (height, width) of the picture.
        reaches: for each window how near to its border a box is cut, pixels of the picture.

    Returns:
        The parts without such pieces.
    """
    cuts = [at_border(p[:, :4], w, size, r) for p, w, r in zip(parts, windows, reaches, strict=True)]
    if not any(bool(c.any()) for c in cuts):
        return list(parts)
    whole = torch.cat((coarse, *(p[~c] for p, c in zip(parts, cuts, strict=True))))
    out = []
    for part, cut, window in zip(parts, cuts, windows, strict=True):
        index = cut.nonzero()[:, 0]
        if len(index):
            low, high = whole.new_tensor(window[:2]), whole.new_tensor(window[2:])
            # A whole box has to reach across the border; one that ends inside is the piece's neighbour.
            outside = ((whole[:, :2] < low) | (whole[:, 2:4] > high)).any(1)
            near = whole[outside & ((whole[:, 2:4] > low) & (whole[:, :2] < high)).all(1)]
            seen = torch.cat((torch.maximum(near[:, :2], low), torch.minimum(near[:, 2:4], high)), 1)
            pieces = part[index]
            same = pairwise_iou(pieces[:, :4], seen) >= SAME
            same &= (pieces[:, None, 5] == near[None, :, 5]) & (near[None, :, 4] >= WEAKER * pieces[:, None, 4])
            keep = torch.ones(len(part), dtype=torch.bool, device=part.device)
            keep[index[same.any(1)]] = False
            part = part[keep]
        out.append(part)
    return out
