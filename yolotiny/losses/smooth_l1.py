"""Smooth L1 on the numbers that a coder regresses: the box loss of R-CNN and RetinaNet."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ..errors import number


class SmoothL1Loss:
    """Sum over the four channels of |d| - beta / 2, or of d^2 / (2 beta) where |d| is below beta.

    Args:
        weight: multiplies the term in the total.
        beta: where the square begins, in raw channels; 0 is L1 (RetinaNet of torchvision), 1/9 is its R-CNN's.
    Raises:
        InputError: a beta that is negative.
    Source: Girshick 2015 (Fast R-CNN), Eq. 3; beta as in torch.

    Attributes:
        of_raw: it compares raw channels and not boxes.
    """

    of_raw = True

    def __init__(self, weight: float = 1.0, beta: float = 0.1111):
        self.weight, self.beta = weight, number(beta, "box loss smooth_l1: beta", example=0.1111)

    def __call__(self, raw: Tensor, goal: Tensor) -> Tensor:
        """(P, 4) and (P, 4) raw channels, which are no pixels -> (P,) float32."""
        return F.smooth_l1_loss(raw.float(), goal.float(), reduction="none", beta=self.beta).sum(-1)
