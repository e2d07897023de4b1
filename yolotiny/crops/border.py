"""Objects that the border of a crop cuts: a piece is no detection where somebody else saw the whole."""

from __future__ import annotations

import torch
from torch import Tensor

from ..boxes import iou

SAME = 0.5  # IoU from which a piece and the visible part of a whole box are the same thing
PAIRS = 2**20  # of pieces and whole boxes that are compared at once
WEAKER = 0.5  # a whole box below this share of the piece's score does not replace it


def _inner(windows: Tensor, size: tuple[int, int]) -> Tensor:
    """(m, 4) True for sides of windows that are no border of the picture."""
    h, w = size
    return torch.cat((windows[:, :2] > 0, windows[:, 2:] < windows.new_tensor([w, h])), 1)


def at_border(boxes: Tensor, windows: Tensor, size: tuple[int, int], reach: Tensor) -> Tensor:
    """(n, 4) boxes, each seen in a window of its own -> (n,) True where one ends at an inner border of it.

    Args:
        boxes, windows: (n, 4) xyxy, pixels of the picture.
        size: (height, width) of the picture, whose own border cuts nothing.
        reach: (n,) how near the border is, pixels of the picture.
    """
    return (_inner(windows, size) & ((boxes - windows).abs() <= reach[:, None])).any(1)


def without_rim(windows: Tensor, size: tuple[int, int], rims: Tensor) -> Tensor:
    """Windows less a rim along their inner borders: where their detections count.

    Args:
        windows: (m, 4) xyxy, pixels of the picture.
        size: (height, width) of the picture; along its own border nothing is taken off.
        rims: (m,) of each window, pixels of the picture.
    """
    return windows + _inner(windows, size) * rims[:, None] * windows.new_tensor([1, 1, -1, -1])


def centred(boxes: Tensor, windows: Tensor) -> Tensor:
    """(n, 4) boxes, each with a window of its own -> (n,) True where the middle of one lies in its window."""
    middle = (boxes[:, :2] + boxes[:, 2:4]) / 2
    return ((middle >= windows[:, :2]) & (middle < windows[:, 2:])).all(1)


def _across(rows: Tensor, windows: Tensor) -> Tensor:
    """(n, 6) rows -> those that lie on a border of any window: few, and the only ones that can explain a piece."""
    boxes, windows = rows[:, None, :4], windows[None]
    meets = (boxes[..., :2] < windows[..., 2:]) & (boxes[..., 2:] > windows[..., :2])
    leaves = (boxes[..., :2] < windows[..., :2]) | (boxes[..., 2:] > windows[..., 2:])
    return rows[(meets.all(-1) & leaves.any(-1)).any(1)]


def whole_only(coarse: Tensor, rows: Tensor, windows: Tensor, size: tuple[int, int], reach: Tensor) -> Tensor:
    """Which detections of windows are no pieces of objects that another look shows whole.

    A piece ends at an inner border of its window. It is explained by a box of its class, itself not cut, that reaches
    across that border, whose part inside the window is the piece (IoU of 0.5) and whose score is at least half of the
    piece's. A piece that nothing explains stays: half an object is better than none.

    Args:
        coarse: (k, 6) rows of the look at the whole picture, which cuts nothing.
        rows: (n, 6) rows found in windows.
        windows: (n, 4) the window of each row, xyxy in pixels of the picture.
        size: (height, width) of the picture.
        reach: (n,) how near to its window's border a box is cut, pixels of the picture.

    Returns:
        (n,) True for rows that stay.
    """
    cut = at_border(rows[:, :4], windows, size, reach)
    stays = torch.ones_like(cut)
    if not bool(cut.any()):
        return stays
    whole = _across(torch.cat((coarse, rows[~cut])), windows[cut].unique(dim=0))
    for index in cut.nonzero()[:, 0].split(max(1, PAIRS // max(len(whole), 1))):
        piece, inside = rows[index], windows[index][:, None]
        likely = (piece[:, None, 5] == whole[None, :, 5]) & (whole[None, :, 4] >= WEAKER * piece[:, None, 4])
        low, high = (
            torch.maximum(whole[None, :, :2], inside[..., :2]),
            torch.minimum(whole[None, :, 2:4], inside[..., 2:]),
        )
        likely &= (low < high).all(-1)
        # A whole box has to reach across the border; one that ends inside is the piece's neighbour.
        likely &= ((whole[None, :, :2] < inside[..., :2]) | (whole[None, :, 2:4] > inside[..., 2:])).any(-1)
        i, j = likely.nonzero(as_tuple=True)
        same = iou(piece[i, :4], torch.cat((low[i, j], high[i, j]), 1)) >= SAME
        stays[index[i[same]]] = False
    return stays
