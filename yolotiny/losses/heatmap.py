"""The focal loss of heat maps whose targets are Gaussians."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def gaussian_focal(
    logits: Tensor, target: Tensor, alpha: float = 2.0, gamma: float = 4.0, counted: Tensor | None = None
) -> Tensor:
    """Penalty-reduced focal loss, summed.

    Args:
        logits: of any shape, such as (B, C, H, W).
        target: same shape, in 0..1; exactly 1 at the centres.
        alpha: how much less a pixel counts that is nearly right.
        gamma: how much less a pixel counts that lies near a centre.
        counted: boolean, such as (B, 1, H, W), broadcasting to that shape: where False, only centres count. None counts
            everything.
    Returns:
        scalar: -(1 - p)^alpha ln p over the centres, plus -p^alpha (1 - y)^gamma ln(1 - p) over the others.
    Source: Law and Deng 2018 (CornerNet), Eq. 1; Liu et al. 2024 (YOLC), Eq. 3.
    """
    logits, target = logits.float(), target.float()
    rest = (1 - target) ** gamma  # zero at the centres
    if counted is not None:
        rest = rest * counted
    others = (logits.sigmoid() ** alpha * rest * F.softplus(logits)).sum()
    centres = logits[target == 1]
    return others + ((-centres).sigmoid() ** alpha * F.softplus(-centres)).sum()
