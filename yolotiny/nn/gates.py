"""Attention gates: weights in 0..1 for the channels or the places of a feature map.

Source: Woo et al. 2018 (CBAM), Eq. 2 and 3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ChannelGate(nn.Module):
    """One weight per channel, from the mean and the maximum of its map.

    Args:
        c: channels.
        hidden: channels between the two layers that both summaries share.
    """

    def __init__(self, c: int, hidden: int):
        super().__init__()
        self.mlp = nn.Sequential(nn.Conv2d(c, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, c, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, c, H, W) -> (B, c, 1, 1)."""
        mean, top = x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
        return (self.mlp(mean) + self.mlp(top)).sigmoid()


class SpatialGate(nn.Module):
    """One weight per place, from the mean and the maximum over channels in a 7 x 7 neighbourhood."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        """(B, c, H, W) -> (B, 1, H, W)."""
        return self.conv(torch.cat((x.mean(1, keepdim=True), x.amax(1, keepdim=True)), 1)).sigmoid()
