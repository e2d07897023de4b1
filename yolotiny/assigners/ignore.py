"""Priors inside ignore regions: neither positive nor negative."""

from __future__ import annotations

import torch
from torch import Tensor

from ..structures import Priors, Targets

TOGETHER = 64  # regions looked at at once: tables of 64 x A


def ignored_priors(priors: Priors, targets: Targets, positive: Tensor) -> Tensor | None:
    """The priors whose cell centre lies in an ignore region.

    Args:
        priors: A priors.
        targets: of B images; its ignore regions are looked at.
        positive: (B, A) bool, priors that answer for an object: these are never ignored.
    Returns:
        (B, A) bool, or None when the batch has no ignore region.
    """
    if not len(targets.ignore):
        return None
    regions = torch.zeros_like(positive, dtype=torch.int32)  # how many hold each centre
    c = priors.centers
    for image, region in zip(targets.ignore_image.split(TOGETHER), targets.ignore.split(TOGETHER), strict=True):
        low, high = region[:, None].split(2, -1)  # (k, 1, 2)
        regions.index_add_(0, image, ((c >= low) & (c <= high)).all(-1).int())
    return (regions > 0) & ~positive
