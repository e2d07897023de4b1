"""Box losses: one minus a similarity of aligned boxes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from .. import boxes
from ..errors import InputError, above_zero, number
from ..registry import Registry, build


def iou2(a: Tensor, b: Tensor) -> Tensor:
    """Squared IoU of aligned boxes, the similarity of YOLOX's box loss; (N, 4) xyxy pixels -> (N,).

    Source: Megvii-BaseDetection/YOLOX (`IOUloss`).
    """
    return boxes.iou(a, b).square()


def l1(pred: Tensor, gt: Tensor, strides: Tensor) -> Tensor:
    """Distance of centres in cells and of the logarithms of the sides: what YOLOX calls L1, for boxes of any coder.

    Args:
        pred, gt: (N, 4) xyxy, pixels.
        strides: (N, 1) pixels per cell.
    Returns:
        (N,); sides below 1e-3 pixels count as that.
    Source: Megvii-BaseDetection/YOLOX (`get_l1_target`).
    """
    a, b = boxes.xyxy2xywh(pred.float()), boxes.xyxy2xywh(gt.float())
    shift = (a[..., :2] - b[..., :2]) / strides
    ratio = a[..., 2:].clamp(min=1e-3).log() - b[..., 2:].clamp(min=1e-3).log()
    return shift.abs().sum(-1) + ratio.abs().sum(-1)


class SimilarityLoss:
    """`1 - similarity(prediction, ground truth)` for each pair.

    Subclasses name the similarity; `weight` multiplies the term in the total.
    """

    similarity: Callable[[Tensor, Tensor], Tensor]

    def __init__(self, weight: float = 1.0):
        self.weight = weight

    def __call__(self, pred: Tensor, gt: Tensor) -> Tensor:
        """(P, 4) and (P, 4) xyxy pixels -> (P,), float32."""
        return 1 - type(self).similarity(pred, gt)


class IoULoss(SimilarityLoss):
    """1 - IoU."""

    similarity = boxes.iou


class IoU2Loss(SimilarityLoss):
    """1 - IoU^2: YOLOX's own. Source: see `iou2`."""

    similarity = iou2


class GIoULoss(SimilarityLoss):
    """1 - GIoU. Source: Rezatofighi et al. 2019."""

    similarity = boxes.giou


class DIoULoss(SimilarityLoss):
    """1 - DIoU. Source: Zheng et al. 2020, Eq. 7."""

    similarity = boxes.diou


class CIoULoss(SimilarityLoss):
    """1 - CIoU: YOLOv5's own. Source: Zheng et al. 2020, Eqs. 8-11."""

    similarity = boxes.ciou


class NWDLoss:
    """1 - NWD: it depends on the displacement in pixels and still pulls where the boxes do not overlap.

    Args:
        c: pixels of the network input; "auto" for the mean object size of the training boxes.
        ratio: share of NWD; the rest is the loss `of`, which is the sharper one once boxes nearly agree.
        of: a name in SIMILARITIES; left out, the detector's own box loss, None where that is no similarity. It is read
            where `ratio` is below 1.
        object_size: what a training run measured; 12.7, the paper's, until then.
        weight: multiplies the term in the total.
    Raises:
        InputError: a c that is not positive, a ratio outside 0..1, an unknown loss.
    Source: Wang et al. 2021 (arXiv 2110.13389), section 3.3.3; mixing with an IoU loss is common practice in YOLOv5.
    """

    def __init__(
        self,
        weight: float = 1.0,
        c: float | str = "auto",
        ratio: float = 1.0,
        of: str | None = "ciou",
        object_size: float = 12.7,
    ):
        self.weight = weight
        self.c = above_zero(object_size if c == "auto" else c, "box loss nwd: c", 12.7)
        if above_zero(ratio, "box loss nwd: ratio", 0.5) > 1:
            raise InputError(f"box loss nwd: ratio is the share of NWD and at most 1, not {ratio!r}")
        self.ratio = ratio
        rest = reshaped("nwd", of) if ratio < 1 or of is not None else None
        self.of = rest if ratio < 1 else None

    def __call__(self, pred: Tensor, gt: Tensor) -> Tensor:
        """(P, 4) and (P, 4) xyxy pixels -> (P,), float32."""
        lost = 1 - boxes.nwd(pred, gt, self.c)
        return lost if self.of is None else self.ratio * lost + (1 - self.ratio) * self.of(pred, gt)


class GWDLoss:
    """1 - GWD similarity, without the L1 part that `gwd_l1` adds.

    Args:
        sqrt: False for the paper's ln(1 + W^2), True for the ln(1 + W) of the authors' code.
        unit: pixels of one unit of distance; the paper counts in cells of stride 4.
        tau: 1 is the paper's; above, far boxes lose more beside near ones, and the least loss is 1 - 1 / tau.
        weight: multiplies the term in the total.
    Raises:
        InputError: a unit that is not positive, a sqrt that is not true or false, a tau below 1.
    Source: Liu et al. 2024 (YOLC), Eqs. 7-9.
    """

    def __init__(self, weight: float = 1.0, sqrt: bool = False, unit: float = 4.0, tau: float = 1.0):
        if not isinstance(sqrt, bool):
            raise InputError(f"box loss gwd: sqrt must be true or false, not {sqrt!r}")
        self.weight, self.sqrt, self.unit = weight, sqrt, above_zero(unit, "box loss gwd: unit", 4.0)
        self.tau = number(tau, "box loss gwd: tau", 1, example=2)

    def __call__(self, pred: Tensor, gt: Tensor) -> Tensor:
        """(P, 4) and (P, 4) xyxy pixels -> (P,), float32."""
        return 1 - boxes.gwd(pred, gt, self.sqrt, self.unit, self.tau)


SIMILARITIES = Registry(
    "similarity loss",
    {
        "iou": IoULoss,
        "iou2": IoU2Loss,
        "giou": GIoULoss,
        "diou": DIoULoss,
        "ciou": CIoULoss,
        "nwd": NWDLoss,
        "gwd": GWDLoss,
    },
)


def reshaped(loss: str, of: str | Mapping[str, Any] | None, **context: Any) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss that another one contains.

    Args:
        loss: the name of that other one, for messages.
        of: a name in SIMILARITIES or a mapping with its arguments; None where a detector's own box loss is not there.
        context: see `registry.build`.
    Raises:
        InputError: no `of`, or an unknown one.
    """
    if of is None:
        raise InputError(
            f"box loss {loss} reshapes another loss, and needs to be told which, because this detector's own is no "
            "similarity of boxes: write for example loss.box.of=ciou"
        )
    return build(of, SIMILARITIES, where="loss.box.of", **context)
