"""Box losses: one minus a similarity of aligned boxes."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from .. import boxes


def iou2(a: Tensor, b: Tensor) -> Tensor:
    """Squared IoU of aligned boxes, the similarity of YOLOX's box loss; (N, 4) xyxy pixels -> (N,)."""
    return boxes.iou(a, b).square()


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
    """1 - IoU^2: YOLOX's own."""

    similarity = iou2


class GIoULoss(SimilarityLoss):
    """1 - GIoU."""

    similarity = boxes.giou


class DIoULoss(SimilarityLoss):
    """1 - DIoU."""

    similarity = boxes.diou


class CIoULoss(SimilarityLoss):
    """1 - CIoU: YOLOv5's own."""

    similarity = boxes.ciou
