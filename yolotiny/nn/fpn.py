"""The feature pyramid of the papers' backbones."""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from ..errors import InputError


class FPN(nn.Module):
    """Levels with equal channels, each with what the coarser ones know.

    Args:
        ch: channels of the levels, the finest first.
        c2: channels out.
        extra: one more level, every second pixel of the coarsest.
    Raises:
        InputError: an extra that is not true or false.
    Source: Lin et al. 2017 (FPN), section 3, by torchvision.
    """

    def __init__(self, ch: list[int], c1: int, c2: int, extra: bool = False):
        super().__init__()
        if not isinstance(extra, bool):
            raise InputError(f"FPN: extra must be true or false, not {extra!r}")
        self.m = FeaturePyramidNetwork(list(ch), c2, LastLevelMaxPool() if extra else None)

    def forward(self, x: list[Tensor]) -> list[Tensor]:
        """Per level (B, c, H, W) -> per level (B, c2, H, W), and the extra one."""
        return list(self.m({str(i): f for i, f in enumerate(x)}).values())
