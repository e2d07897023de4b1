"""Priors inside ignore regions: neither positive nor negative."""

from __future__ import annotations

import torch
from torch import Tensor

from ..structures import Priors, Targets


def ignored_priors(priors: Priors, targets: Targets, positive: Tensor) -> Tensor | None:
    """(B, A) True where a cell centre lies in an ignore region and the prior is not `positive` (B, A); else None."""
    if not len(targets.ignore):
        return None
    inside = torch.zeros_like(positive)
    for i in targets.ignore_image.unique().tolist():
        region = targets.ignore[targets.ignore_image == i][:, None]  # (K, 1, 4)
        c = priors.centers
        inside[i] = ((c >= region[..., :2]) & (c <= region[..., 2:])).all(-1).any(0)
    return inside & ~positive
