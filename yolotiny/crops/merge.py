"""Detections of the whole picture and of its crops, as one list.

Rows are (n, 6): xyxy pixels of the picture, score, class. A merge is called as
`merge(coarse, crops, fine) -> rows`, the best first; `fine` are the rows found in any of the crops.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..boxes import area
from ..errors import InputError
from ..suppression import batched_nms, close_pairs, greedy

# IoU from which two boxes of a class are one object. YOLC's own files suppress nothing, as its paper does.
DOUBLE = 0.6
MERGE = {"type": "replace", "iou": DOUBLE}  # where nobody says: a crop shows better what it holds whole


def within(boxes: Tensor, crops: Tensor) -> Tensor:
    """(n, 4) boxes, (m, 4) crops -> (n,) True where one of the crops holds the whole box, its border included."""
    if not len(crops):
        return torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    regions = crops.to(boxes)
    low = (boxes[:, None, :2] >= regions[None, :, :2]).all(-1)
    high = (boxes[:, None, 2:] <= regions[None, :, 2:]).all(-1)
    return (low & high).any(1)


class Replace:
    """A coarse detection goes where a crop holds all of it; everything else stays.

    Args:
        iou: overlap above which the lower-scored of two boxes of a class goes; None: nothing is suppressed, and an
            object on the border of a crop may be there twice.
    Source: Liu et al. 2024 (YOLC), section III-D, which suppresses nothing.
    """

    def __init__(self, iou: float | None = None):
        self.iou = None if iou is None else _overlap("replace", iou)

    def __call__(self, coarse: Tensor, crops: Tensor, fine: Tensor) -> Tensor:
        """Coarse rows, (m, 4) crops and the rows found in them -> rows."""
        rows = torch.cat((coarse[~within(coarse[:, :4], crops)], fine))
        return _best_first(rows) if self.iou is None else _suppressed(rows, self.iou)


class NMS:
    """Everything is kept that no better box of its class overlaps.

    Args:
        iou: overlap above which the lower-scored of two boxes goes.
    """

    def __init__(self, iou: float = 0.6):
        self.iou = _overlap("nms", iou)

    def __call__(self, coarse: Tensor, crops: Tensor, fine: Tensor) -> Tensor:
        """Coarse rows and the rows found in crops -> rows."""
        return _suppressed(torch.cat((coarse, fine)), self.iou)


class NMM:
    """Boxes of a class that overlap become one: the box round both, with the better score.

    For objects larger than the overlap of tiles, of which each tile sees a piece.

    Args:
        threshold: overlap above which a box joins a better one.
        metric: `iou`, or `ios`, intersection over the smaller box, which joins a piece to its whole, and in a crowd of
            small objects many a neighbour too.

    Source: the greedy merging of Akyon et al. 2022 (SAHI), whose default is `ios` at 0.5.
    """

    def __init__(self, threshold: float = 0.5, metric: str = "iou"):
        if metric not in ("iou", "ios"):
            raise InputError(f"merge nmm: metric={metric!r} must be 'iou' or 'ios'")
        self.threshold, self.metric = _overlap("nmm", threshold, "threshold"), metric

    def __call__(self, coarse: Tensor, crops: Tensor, fine: Tensor) -> Tensor:
        """Coarse rows and the rows found in crops -> rows."""
        rows = _best_first(torch.cat((coarse, fine)))
        better, worse, overlap = _pairs(rows, self.metric)
        close = overlap > self.threshold
        better, worse, overlap = better[close], worse[close], overlap[close]
        stays = greedy(better, worse, len(rows))
        joins = stays[better] & ~stays[worse]
        better, worse = better[joins], worse[joins]
        order = overlap[joins].argsort(stable=True)  # of several the nearest is written last
        home = torch.arange(len(rows), device=rows.device)
        for i, j in zip(worse[order].tolist(), better[order].tolist(), strict=True):
            home[i] = j
        low, high = rows[:, :2].clone(), rows[:, 2:4].clone()
        index = home[:, None].expand(-1, 2)
        low.scatter_reduce_(0, index, rows[:, :2], "amin")
        high.scatter_reduce_(0, index, rows[:, 2:4], "amax")
        return torch.cat((low, high, rows[:, 4:]), 1)[stays]


def _pairs(rows: Tensor, metric: str) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs of overlapping rows of one class, rows being sorted: the better one, the worse one, their overlap."""
    none = torch.zeros(2, 0, dtype=torch.long, device=rows.device)
    found = [torch.stack(pair) for pair in close_pairs(rows[:, 0], rows[:, 2] - rows[:, 0], rows[:, 5])]
    i, j = torch.cat([none, *found], 1)
    a, b = rows[i, :4].float(), rows[j, :4].float()
    shared = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(1)
    one, two = area(a), area(b)
    over = shared / ((one + two - shared) if metric == "iou" else torch.minimum(one, two)).clamp(min=1e-9)
    return torch.minimum(i, j), torch.maximum(i, j), over


def _best_first(rows: Tensor) -> Tensor:
    return rows[rows[:, 4].argsort(descending=True, stable=True)]


def _suppressed(rows: Tensor, iou: float) -> Tensor:
    return rows[batched_nms(rows[:, :4].float(), rows[:, 4].float(), rows[:, 5], iou)]


def _overlap(merge: str, value: Any, name: str = "iou") -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
        raise InputError(f"merge {merge}: {name}={value!r} must lie in 0..1")
    return float(value)
