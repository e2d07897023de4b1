"""The coder of FCOS: distances from a cell's centre to the four sides."""

from __future__ import annotations

import torch
from torch import Tensor

from ..structures import Priors
from .base import Coder


class LTRBCoder(Coder):
    """Distances to left, top, right and bottom in cells; a cell reaches the boxes that its centre lies in.

    Source: Tian et al. 2019 (FCOS), section 3.1; in cells as in torchvision's `BoxLinearCoder`.
    """

    regresses = True
    above_zero = True

    def reaches(self, boxes: Tensor, priors: Priors) -> Tensor:
        """Boxes (..., A, 4) or (..., 1, 4) xyxy pixels -> (..., A) True where the prior can become the box."""
        return (self.encode(boxes, priors) > 0).all(-1)

    def decode(self, raw: Tensor, priors: Priors) -> Tensor:
        """(..., A, 4) raw channels -> (..., A, 4) xyxy pixels."""
        away = raw * priors.strides
        return torch.cat((priors.centers - away[..., :2], priors.centers + away[..., 2:4]), -1)

    def sizes(self, raw: Tensor, priors: Priors) -> Tensor:
        """(..., A, 4) raw channels -> (..., A, 2) width and height, pixels."""
        return (raw[..., :2] + raw[..., 2:4]) * priors.strides

    def encode(self, boxes: Tensor, priors: Priors) -> Tensor:
        """(..., A, 4) xyxy pixels -> (..., A, 4) raw channels; below 0 where a side lies on the other side."""
        away = torch.cat((priors.centers - boxes[..., :2], boxes[..., 2:] - priors.centers), -1)
        return away / priors.strides
