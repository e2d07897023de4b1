"""Scale-adaptive loss: any box loss, with more weight on the small objects of a batch.

Source: Scale-Adaptive Loss (SAL, also SFL) of the SARL-SAL paper. The printed IoU and the sum over a batch are put
right: IoU is intersection over union, and the criterion takes a mean. The paper's text speaks of the predicted size,
its formula of the object's; here it is the object's, so that no prediction gains by shrinking.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..boxes import area as box_area
from ..distributed import world_range
from ..errors import InputError, above_zero, number
from .box import reshaped

BETA = 2 / math.log(2)  # weights from 2 down to 0
EQUAL = 1e-3  # areas that differ by less, relative to the largest, are equal: corners of equal boxes round apart
NORMS = ("batch", "dataset")


def scale_weight(
    area: Tensor, beta: float = BETA, limits: Sequence[float | Tensor] | None = None, floor: float = 0.0
) -> Tensor:
    """Weight of each object by its size: beta * ln(2 - s), s running from 0 at the smallest to 1 at the largest area.

    Args:
        area: (n,) areas of the matched ground truths of the whole batch, square pixels of the network input.
        beta: the smallest object weighs beta * ln 2, the largest 0.
        limits: smallest and largest area, each a scalar in the unit of `area`; the batch's own when not given. Areas
            beyond them count as the limit.
        floor: least weight.
    Returns:
        (n,) float32 without gradient. All areas equal, or one alone: s is 0, the full weight.
    """
    area = area.detach().float()
    if not len(area):
        return area
    low, high = (area.min(), area.max()) if limits is None else (torch.as_tensor(x).to(area) for x in limits)
    span = high - low
    s = ((area - low) / span.clamp(min=torch.finfo(area.dtype).tiny)).clamp(0, 1)
    s = torch.where(span > EQUAL * high, s, torch.zeros_like(s))
    return (beta * torch.log(2 - s)).clamp(min=floor)


class ScaleAdaptiveLoss:
    """`scale_weight(area of the object) * loss` for each pair.

    Args:
        of: the loss that is reshaped, a name in SIMILARITIES or a mapping with its arguments; left out, the detector's
            own (`ciou` in YOLOv5, `iou2` in YOLOX, which is the paper's equation), None where that is no similarity.
        beta: see `scale_weight`.
        norm: "batch" takes the smallest and largest object of each batch as limits, as the paper does; "dataset" the
            1st and 99th percentile of the training boxes, so that one huge object does not make all others equal.
            Until a training run has measured those, "dataset" works as "batch".
        floor: least weight; above 0 the largest objects keep learning.
        weight: multiplies the term in the total (alpha in the paper).
        object_areas: what the training run measured.
        object_size: the same, for `of: nwd`.
    Raises:
        InputError: an unknown loss or norm, a beta that is not positive, a floor outside 0..beta ln 2.
    """

    def __init__(
        self,
        weight: float = 1.0,
        of: str | Mapping[str, Any] | None = "ciou",
        beta: float = BETA,
        norm: str = "batch",
        floor: float = 0.0,
        object_areas: Sequence[float] | None = None,
        object_size: float = 12.7,
    ):
        above_zero(beta, "box loss sal: beta", 2.88539)
        if norm not in NORMS:
            raise InputError(f"box loss sal: norm must be batch or dataset, not {norm!r}")
        number(floor, "box loss sal: floor", 0, beta * math.log(2))  # the weight of the smallest
        self.weight, self.beta, self.floor = weight, beta, floor
        self.limits = object_areas if norm == "dataset" else None
        self.of = reshaped("sal", of, object_size=object_size)

    def __call__(self, pred: Tensor, gt: Tensor) -> Tensor:
        """(P, 4) and (P, 4) xyxy pixels, all levels of the batch together -> (P,), float32."""
        area = box_area(gt.float())
        limits = world_range(area) if self.limits is None else self.limits
        return scale_weight(area, self.beta, limits, self.floor) * self.of(pred, gt)
