"""Detections of the whole picture and of its crops, as one list.

Rows are (n, 6): xyxy pixels of the picture, score, class. A merge is called as
`merge(coarse, crops, parts) -> rows`, the best first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torchvision
from torch import Tensor

from ..errors import InputError


def within(boxes: Tensor, crops: Sequence[Sequence[float]]) -> Tensor:
    """(n, 4) boxes -> (n,) True where one of the crops holds the whole box, its border included."""
    if not len(crops):
        return torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    regions = torch.as_tensor(crops, dtype=boxes.dtype, device=boxes.device)
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

    def __call__(self, coarse: Tensor, crops: Sequence[Sequence[float]], parts: Sequence[Tensor]) -> Tensor:
        """Coarse rows, crops (xyxy) and the rows found in each of them -> rows."""
        rows = torch.cat((coarse[~within(coarse[:, :4], crops)], *parts))
        return _best_first(rows) if self.iou is None else _suppressed(rows, self.iou)


class NMS:
    """Everything is kept that no better box of its class overlaps.

    Args:
        iou: overlap above which the lower-scored of two boxes goes.
    """

    def __init__(self, iou: float = 0.6):
        self.iou = _overlap("nms", iou)

    def __call__(self, coarse: Tensor, crops: Sequence[Sequence[float]], parts: Sequence[Tensor]) -> Tensor:
        """Coarse rows and the rows found in each crop -> rows."""
        return _suppressed(torch.cat((coarse, *parts)), self.iou)


def _best_first(rows: Tensor) -> Tensor:
    return rows[rows[:, 4].argsort(descending=True, stable=True)]


def _suppressed(rows: Tensor, iou: float) -> Tensor:
    return rows[torchvision.ops.batched_nms(rows[:, :4].float(), rows[:, 4].float(), rows[:, 5], iou)]


def _overlap(merge: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
        raise InputError(f"merge {merge}: iou={value!r} must lie in 0..1")
    return float(value)
