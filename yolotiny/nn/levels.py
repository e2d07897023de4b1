"""What heads with one tower for all levels share: equal channels, shapes of anchors, and maps laid out by prior."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..errors import InputError, above_zero, whole

MOST = 100  # anchors of a cell


def laterals(ch: Sequence[int], channels: int) -> nn.ModuleList:
    """A 1x1 convolution for each level that has other channels than `channels`."""
    return nn.ModuleList(nn.Identity() if c == channels else nn.Conv2d(c, channels, 1) for c in ch)


def check_order(where: str, strides: Sequence[float], doubled: int = 0) -> None:
    """See that levels come from the finest to the coarsest, and that the first `doubled` of them halve each time.

    Raises:
        InputError: another order, or a level left out.
    """
    listed = ", ".join(f"{s:g}" for s in strides)
    if any(a >= b for a, b in zip(strides, strides[1:], strict=False)):
        raise InputError(f"{where}: levels must come from the finest to the coarsest, not with strides {listed}")
    if any(2 * a != b for a, b in zip(strides[:doubled], strides[1:doubled], strict=False)):
        raise InputError(
            f"{where}: proposals are cut out of levels each twice as coarse as the one before, not {listed}"
        )


def cell_anchors(where: str, scale: float, ratios: Sequence[float], octaves: int) -> Tensor:
    """Widths and heights of a cell's anchors.

    Args:
        where: the head, for messages.
        scale: side of a square anchor, in strides.
        ratios: height over width of the anchors of a size.
        octaves: sizes, from `scale` on to below twice as large.
    Returns:
        (octaves * ratios, 2) in strides, the sizes of a ratio together.
    Raises:
        InputError: a scale that is not positive, octaves below 1, ratios that are no list of positive numbers.
    Source: Lin et al. 2017 (RetinaNet), section 4; the order is torchvision's.
    """
    above_zero(scale, f"{where}: scale", 8)
    whole(octaves, f"{where}: octaves", 1, MOST, 3)
    if not isinstance(ratios, (list, tuple)) or not 0 < len(ratios) <= MOST:
        raise InputError(f"{where}: ratios must be a list of heights over widths such as [0.5, 1, 2], not {ratios!r}")
    tall = torch.tensor([math.sqrt(above_zero(r, f"{where}: ratios", 1)) for r in ratios])[:, None]
    side = scale * 2 ** (torch.arange(octaves) / octaves)
    return torch.stack((side / tall, side * tall), -1).flatten(0, 1)


def by_prior(y: Tensor, anchors: int) -> Tensor:
    """Lay a map of a level out by prior.

    Args:
        y: (B, K, H, W), K channels of which each anchor of a cell has c.
        anchors: of a cell.
    Returns:
        (B, A, c) of A anchors, by anchor x row x column.
    """
    return y.unflatten(1, (anchors, -1)).flatten(3).transpose(2, 3).flatten(1, 2)
