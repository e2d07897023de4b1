"""The coder of R-CNN: what a prior box has to be moved and stretched by."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..boxes import xywh2xyxy, xyxy2xywh
from ..structures import Priors
from .base import Coder, four

LARGEST = math.log(1000 / 16)  # of the logarithm of a size ratio, so that no box overflows early in training


class DeltaCoder(Coder):
    """Offset of the centre in widths and heights of the prior, and logarithm of the size over the prior's.

    Every prior reaches every box, but for sides above 62.5 times the prior's.

    Args:
        stds: of centre x, centre y, width and height: raw channels are the offsets divided by them. (.1, .1, .2, .2)
            is usual for boxes that start from proposals.
    Raises:
        InputError: stds that are not four numbers above 0.
    Source: Girshick et al. 2014 (R-CNN), appendix C; torchvision's `BoxCoder`, whose weights are 1 / stds.
    """

    regresses = True

    def __init__(self, stds: Sequence[float] = (1.0, 1.0, 1.0, 1.0)):
        self.stds = four(stds, "coder delta: stds")

    def decode(self, raw: Tensor, priors: Priors) -> Tensor:
        """(..., A, 4) raw channels -> (..., A, 4) xyxy pixels."""
        x, y = self.stds[:2]
        xy = priors.centers + torch.stack((raw[..., 0] * x, raw[..., 1] * y), -1) * priors.sizes
        return xywh2xyxy(torch.cat((xy, self.sizes(raw, priors)), -1))

    def sizes(self, raw: Tensor, priors: Priors) -> Tensor:
        """(..., A, 4) raw channels -> (..., A, 2) width and height, pixels."""
        w, h = self.stds[2:]
        return torch.stack((raw[..., 2] * w, raw[..., 3] * h), -1).clamp(max=LARGEST).exp() * priors.sizes

    def encode(self, boxes: Tensor, priors: Priors) -> Tensor:
        """(..., A, 4) xyxy pixels -> (..., A, 4) raw channels. Sizes below 1e-8 priors count as that."""
        b = xyxy2xywh(boxes)
        xy = (b[..., :2] - priors.centers) / priors.sizes
        wh = (b[..., 2:] / priors.sizes).clamp(min=1e-8).log()
        return torch.stack([t / s for t, s in zip((*xy.unbind(-1), *wh.unbind(-1)), self.stds, strict=True)], -1)
