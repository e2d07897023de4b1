"""A deformable convolution whose samples cannot leave a box."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def points_in_box(box: Tensor, share: Tensor) -> Tensor:
    """Where the nine taps of each cell look.

    Args:
        box: (B, 4, H, W) centre offset x, y and half width, half height of each cell's box, cells; negative sizes
            count as zero.
        share: (B, 18, H, W) in 0..1, for each tap first y and then x: 0 is the box's top or left border, 1 the other.

    Returns:
        (B, 9, 2, H, W) y and x in cells, where the middle of a cell has whole numbers.
    Source: Liu et al. 2024 (YOLC), section III-C.
    """
    b, _, h, w = box.shape
    row = torch.arange(h, device=box.device, dtype=box.dtype).view(1, 1, h, 1)
    col = torch.arange(w, device=box.device, dtype=box.dtype).view(1, 1, 1, w)
    dx, dy, rx, ry = box.unbind(1)
    rx, ry = rx.clamp(min=0), ry.clamp(min=0)
    s = share.reshape(b, 9, 2, h, w)
    y = row + (dy - ry)[:, None] + 2 * ry[:, None] * s[:, :, 0]
    x = col + (dx - rx)[:, None] + 2 * rx[:, None] * s[:, :, 1]
    return torch.stack((y, x), 2)


class BoxConv(nn.Module):
    """A 3x3 deformable convolution without bias whose taps look at given points.

    It equals `torchvision.ops.deform_conv2d` with the offsets that lead to those points. Computed the other way round:
    every tap's weights first, as one 1x1 convolution, and then bilinear samples of the few resulting channels, which is
    less work when there are fewer outputs than inputs, and every runtime knows the operator (GridSample).

    Args:
        c1, c2: channels in and out.
    Source: Dai et al. 2017 (deformable convolution); Liu et al. 2024 (YOLC), section III-C.
    """

    least_opset = 16  # of ONNX, whose operator GridSample is as old

    def __init__(self, c1: int, c2: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(c2, c1, 3, 3))
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))  # as nn.Conv2d

    def forward(self, x: Tensor, points: Tensor) -> Tensor:
        """(B, c1, H, W) features and (B, 9, 2, H, W) points (y, x in cells) -> (B, c2, H, W), float32.

        Outside the map features are zero.
        """
        b, _, h, w = x.shape
        c2 = self.weight.shape[0]
        taps = self.weight.flatten(2).permute(2, 0, 1).flatten(0, 1)[..., None, None]  # (9 c2, c1, 1, 1), tap first
        v = F.conv2d(x, taps.to(x.dtype)).float().reshape(b * 9, c2, h, w)
        y, x_ = points.float().flatten(0, 1).unbind(1)  # (9 B, H, W)
        grid = torch.stack(((2 * x_ + 1) / w - 1, (2 * y + 1) / h - 1), -1)
        sampled = F.grid_sample(v, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        return sampled.reshape(b, 9, c2, h, w).sum(1)
