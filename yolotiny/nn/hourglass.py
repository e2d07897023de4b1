"""The stacked hourglass of CornerNet and CenterNet.

Source: Law and Deng 2018 (CornerNet), section 3.5.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from ultralytics.nn.modules import Conv

SIZES = (256, 256, 384, 384, 384, 512)  # channels on each of the six floors
BLOCKS = (2, 2, 2, 2, 2, 4)  # residual blocks on each floor


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which is a 1x1 convolution where size or channels change."""

    def __init__(self, c1: int, c2: int, s: int = 1):
        super().__init__()
        self.conv1 = Conv(c1, c2, 3, s, act=nn.ReLU())
        self.conv2 = Conv(c2, c2, 3, act=False)
        self.skip = nn.Identity() if (c1, s) == (c2, 1) else Conv(c1, c2, 1, s, act=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, c1, H, W) -> (B, c2, H/s, W/s)."""
        return (self.conv2(self.conv1(x)) + self.skip(x)).relu()


def residuals(c1: int, c2: int, n: int, s: int = 1) -> nn.Sequential:
    """`n` residual blocks; the first changes channels and size."""
    return nn.Sequential(Residual(c1, c2, s), *(Residual(c2, c2) for _ in range(n - 1)))


class Floor(nn.Module):
    """One floor of an hourglass and all below it: a branch at this size, and one by way of half the size."""

    def __init__(self, sizes: tuple[int, ...], blocks: tuple[int, ...]):
        super().__init__()
        here, below = sizes[:2]
        self.up = residuals(here, here, blocks[0])
        self.down = residuals(here, below, blocks[0], 2)
        self.inner = Floor(sizes[1:], blocks[1:]) if len(sizes) > 2 else residuals(below, below, blocks[1])
        self.back = nn.Sequential(*(Residual(below, below) for _ in range(blocks[0] - 1)), Residual(below, here))

    def forward(self, x: Tensor) -> Tensor:
        """(B, c, H, W) -> same shape; sides need not be even."""
        low = self.back(self.inner(self.down(x)))
        return self.up(x) + F.interpolate(low, size=x.shape[-2:], mode="nearest")


class Hourglass(nn.Module):
    """Hourglass networks one behind the other, at stride 4; two of them make Hourglass-104.

    Args:
        c1: channels of the picture.
        stacks: how many.
        width: the scale's width multiplier.
    Source: Law and Deng 2018 (CornerNet), section 3.5; Zhou et al. 2019 (CenterNet).
    """

    def __init__(self, c1: int, stacks: int = 2, width: float = 1.0):
        super().__init__()
        sizes = tuple(max(round(s * width / 8) * 8, 8) for s in SIZES)
        c = sizes[0]
        act = nn.ReLU()
        self.stem = nn.Sequential(Conv(c1, max(c // 2, 8), 7, 2, act=act), Residual(max(c // 2, 8), c, 2))
        self.glass = nn.ModuleList(Floor(sizes, BLOCKS) for _ in range(stacks))
        self.out = nn.ModuleList(Conv(c, c, 3, act=act) for _ in range(stacks))
        self.keep = nn.ModuleList(Conv(c, c, 1, act=False) for _ in range(stacks - 1))
        self.hand = nn.ModuleList(Conv(c, c, 1, act=False) for _ in range(stacks - 1))
        self.join = nn.ModuleList(Residual(c, c) for _ in range(stacks - 1))

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, c1, H, W) -> one (B, c, H/4, W/4) per stack."""
        x = self.stem(x)
        outputs = []
        for i, glass in enumerate(self.glass):
            y = self.out[i](glass(x))
            outputs.append(y)
            if i < len(self.join):
                x = self.join[i]((self.keep[i](x) + self.hand[i](y)).relu())
        return outputs
