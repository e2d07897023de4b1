"""Blocks and head of YOLOX. Parameters inside a layer keep their official names; a YAML's `official:` maps layers.

Source: Ge et al. 2021 (YOLOX, arXiv 2107.08430); Megvii-BaseDetection/YOLOX.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from ultralytics.nn.modules import Conv

from ..structures import Preds
from .head import DenseDetect, statistics_kept


class DWSConv(nn.Module):
    """Depthwise k x k convolution, then 1x1: the cheap convolution of YOLOX nano."""

    def __init__(self, c1: int, c2: int, k: int = 3, s: int = 1):
        super().__init__()
        self.dconv = Conv(c1, c1, k, s, g=c1)
        self.pconv = Conv(c1, c2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, c1, H, W) -> (B, c2, H/s, W/s)."""
        return self.pconv(self.dconv(x))


def conv3(c1: int, c2: int, s: int = 1, depthwise: bool = False) -> nn.Module:
    """A 3x3 convolution, depthwise separable where the model asks for it: `XConv` in YAML rows."""
    return DWSConv(c1, c2, 3, s) if depthwise else Conv(c1, c2, 3, s)


class XBottleneck(nn.Module):
    """1x1 then 3x3 convolution with an optional shortcut."""

    def __init__(self, c: int, shortcut: bool, depthwise: bool):
        super().__init__()
        self.conv1 = Conv(c, c, 1)
        self.conv2 = conv3(c, c, 1, depthwise)
        self.add = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """(B, c, H, W) -> same shape."""
        y = self.conv2(self.conv1(x))
        return x + y if self.add else y


class XCSP(nn.Module):
    """Cross-stage partial layer of YOLOX: half of the channels pass through `n` bottlenecks."""

    def __init__(self, c1: int, c2: int, n: int = 1, shortcut: bool = True, depthwise: bool = False):
        super().__init__()
        c = c2 // 2
        self.conv1, self.conv2 = Conv(c1, c, 1), Conv(c1, c, 1)
        self.conv3 = Conv(2 * c, c2, 1)
        self.m = nn.Sequential(*(XBottleneck(c, shortcut, depthwise) for _ in range(n)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, c1, H, W) -> (B, c2, H, W)."""
        return self.conv3(torch.cat((self.m(self.conv1(x)), self.conv2(x)), 1))


class YOLOXDetect(DenseDetect):
    """Decoupled head: two 3x3 convolutions for classes, two for box and objectness, per level.

    Args:
        nc: number of classes.
        hidden: channels of the branches before the width multiplier.
        width: the scale's width multiplier.
        depthwise: use depthwise separable 3x3 convolutions.
        ch, strides, coder: given by the graph.
    Source: Ge et al. 2021 (YOLOX), section 2.1.
    """

    criterion = "yolox"

    def __init__(
        self,
        nc: int,
        ch: list[int],
        strides: list[float],
        coder: Any,
        hidden: int = 256,
        width: float = 1.0,
        depthwise: bool = False,
    ):
        super().__init__(nc, ch, strides, coder)
        c = int(hidden * width)
        branch = lambda: nn.Sequential(conv3(c, c, 1, depthwise), conv3(c, c, 1, depthwise))  # noqa: E731
        self.stems = nn.ModuleList(Conv(x, c, 1) for x in ch)
        self.cls_convs = nn.ModuleList(branch() for _ in ch)
        self.reg_convs = nn.ModuleList(branch() for _ in ch)
        self.cls_preds = nn.ModuleList(nn.Conv2d(c, nc, 1) for _ in ch)
        self.reg_preds = nn.ModuleList(nn.Conv2d(c, coder.channels, 1) for _ in ch)
        self.obj_preds = nn.ModuleList(nn.Conv2d(c, 1, 1) for _ in ch)
        self.bias_init()

    def bias_init(self) -> None:
        """Every class and objectness starts at a probability of .01 (RetinaNet, section 3.3)."""
        for conv in (*self.cls_preds, *self.obj_preds):
            conv.bias.data.fill_(-math.log((1 - 0.01) / 0.01))

    def by_class(self) -> list[Tensor]:
        """(nc, c, 1, 1) and (nc,) of each level."""
        return [p for conv in self.cls_preds for p in (conv.weight, conv.bias)]

    def prior_sizes(self, level: int) -> Tensor:
        """(1, 2) pixels: a point prior is as large as its cell."""
        return self.stride[level].expand(1, 2)

    def raw(self, features: list[Tensor]) -> Preds:
        """Per-level (B, c, H, W) -> predictions laid out level x row x column."""
        box, obj, cls = [], [], []
        for i, f in enumerate(features):
            x = self.stems[i](f)
            r = self.reg_convs[i](x)
            box.append(self.reg_preds[i](r).flatten(2))
            obj.append(self.obj_preds[i](r).flatten(2))
            cls.append(self.cls_preds[i](self.cls_convs[i](x)).flatten(2))
        return Preds(
            torch.cat(box, 2).transpose(1, 2),
            torch.cat(cls, 2).transpose(1, 2),
            torch.cat(obj, 2).squeeze(1),
            self.priors(features),
        )

    def boxes(self, features: Sequence[Tensor]) -> Tensor:
        """The box channels of `raw` alone: per-level (B, c, H, W) -> (B, A, channels); no batch statistics change."""
        rows = []
        with statistics_kept(self):
            for i, f in enumerate(features):
                rows.append(self.reg_preds[i](self.reg_convs[i](self.stems[i](f))).flatten(2))
        return torch.cat(rows, 2).transpose(1, 2)
