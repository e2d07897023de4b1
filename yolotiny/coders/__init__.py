"""Box coders: raw head channels to xyxy pixels and back, relative to the priors they started from.

`Coder` in base.py says what a coder is; a new one is a class and a line here.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..boxes import xywh2xyxy, xyxy2xywh
from ..registry import Registry
from ..structures import Priors
from .base import Coder
from .bins import BinsCoder
from .delta import DeltaCoder
from .ltrb import LTRBCoder

__all__ = ["CODERS", "BinsCoder", "CenterCoder", "Coder", "DeltaCoder", "LTRBCoder", "V5Coder", "YOLOXCoder"]


class V5Coder(Coder):
    """Offsets and sizes of YOLOv5 v6, both squashed by a sigmoid.

    centre = cell centre + (2 sigmoid(t_xy) - 1) * stride, so within 1.5 cells of the cell's corner;
    size = anchor * (2 sigmoid(t_wh))^2, so at most four times the anchor.
    Source: ultralytics/yolov5 v6 (the box regression that replaced YOLOv3's exponential).
    """

    reach = 1.0

    def reaches(self, boxes: Tensor, priors: Priors) -> Tensor:
        """Boxes (..., A, 4) or (..., 1, 4) xyxy pixels -> (..., A) True where the prior can become the box."""
        b = xyxy2xywh(boxes)
        near = ((b[..., :2] - priors.centers).abs() < self.reach * priors.strides).all(-1)
        return near & (b[..., 2:] < 4 * priors.sizes).all(-1)

    def decode(self, raw: Tensor, priors: Priors) -> Tensor:
        """(..., A, 4) raw channels -> (..., A, 4) xyxy pixels."""
        xy = priors.centers + (raw[..., :2].sigmoid() * 2 - 1) * priors.strides
        return xywh2xyxy(torch.cat((xy, self.sizes(raw, priors)), -1))

    def sizes(self, raw: Tensor, priors: Priors) -> Tensor:
        """(..., A, 4) raw channels -> (..., A, 2) width and height, pixels."""
        return (raw[..., 2:4].sigmoid() * 2).square() * priors.sizes

    def encode(self, boxes: Tensor, priors: Priors) -> Tensor:
        """(..., A, 4) xyxy pixels -> (..., A, 4) raw channels; boxes out of reach are clamped."""
        b = xyxy2xywh(boxes)
        xy = ((b[..., :2] - priors.centers) / priors.strides + 1) / 2
        wh = (b[..., 2:] / priors.sizes).clamp(min=0).sqrt() / 2
        return torch.logit(torch.cat((xy, wh), -1), eps=1e-6)


class YOLOXCoder(Coder):
    """Offsets from the cell's corner in cells, and the logarithm of the size in cells.

    Source: Ge et al. 2021 (YOLOX, arXiv 2107.08430), the anchor-free head.
    """

    regresses = True

    def decode(self, raw: Tensor, priors: Priors) -> Tensor:
        """(..., A, 4) raw channels -> (..., A, 4) xyxy pixels."""
        corner = priors.centers / priors.strides - 0.5  # whole cells: the official order of rounding
        xy = (raw[..., :2] + corner) * priors.strides
        return xywh2xyxy(torch.cat((xy, self.sizes(raw, priors)), -1))

    def sizes(self, raw: Tensor, priors: Priors) -> Tensor:
        """(..., A, 4) raw channels -> (..., A, 2) width and height, pixels."""
        return raw[..., 2:4].exp() * priors.strides

    def encode(self, boxes: Tensor, priors: Priors) -> Tensor:
        """(..., A, 4) xyxy pixels -> (..., A, 4) raw channels, the L1 targets of the last epochs.

        Sizes below 1e-8 cells count as that.
        """
        b = xyxy2xywh(boxes)
        xy = (b[..., :2] - priors.centers) / priors.strides + 0.5
        wh = (b[..., 2:] / priors.strides).clamp(min=1e-8).log()
        return torch.cat((xy, wh), -1)


class CenterCoder(Coder):
    """Offset of the centre from the cell's corner, and half width and half height, all in cells and all linear.

    Source: Liu et al. 2024 (YOLC), section III-C; Zhou et al. 2019 (CenterNet) has whole sizes.
    """

    regresses = True

    def decode(self, raw: Tensor, priors: Priors) -> Tensor:
        """(..., A, 4) raw channels -> (..., A, 4) xyxy pixels; a negative size turns the box inside out."""
        centre = priors.centers + (raw[..., :2] - 0.5) * priors.strides
        half = raw[..., 2:4] * priors.strides
        return torch.cat((centre - half, centre + half), -1)

    def sizes(self, raw: Tensor, priors: Priors) -> Tensor:
        """(..., A, 4) raw channels -> (..., A, 2) width and height, pixels."""
        return raw[..., 2:4] * 2 * priors.strides

    def encode(self, boxes: Tensor, priors: Priors) -> Tensor:
        """(..., A, 4) xyxy pixels -> (..., A, 4) raw channels."""
        b = xyxy2xywh(boxes)
        xy = (b[..., :2] - priors.centers) / priors.strides + 0.5
        return torch.cat((xy, b[..., 2:] / 2 / priors.strides), -1)


CODERS = Registry(
    "coder",
    {
        "v5": V5Coder,
        "yolox": YOLOXCoder,
        "center": CenterCoder,
        "delta": DeltaCoder,
        "ltrb": LTRBCoder,
        "bins": BinsCoder,
    },
)
