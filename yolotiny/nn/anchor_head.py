"""The anchor-based head of YOLOv5 v6."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError
from ..structures import Preds
from .head import DenseDetect
from .levels import by_prior

START = [1.25, 1.6, 2.0, 3.75, 4.1, 2.9]  # in strides: the finest level's anchors of the official models


def read(anchors: Any) -> Tensor:
    """Anchors as written in a YAML -> (levels, anchors, 2) pixels.

    Raises:
        InputError: not a list of levels, each with equally many pairs of positive numbers.
    """
    try:
        pixels = torch.stack([torch.tensor(row, dtype=torch.float32).reshape(-1, 2) for row in anchors])
    except (TypeError, ValueError, RuntimeError):
        pixels = torch.zeros(1)
    if not pixels.numel() or not (pixels > 0).all():
        raise InputError(f"anchors: expected 'auto' or a row of w,h pairs per level, above 0, not {anchors!r}")
    return pixels


class AnchorDetect(DenseDetect):
    """One 1x1 convolution per level predicts box, objectness and classes for each anchor of a cell.

    Args:
        nc: number of classes.
        anchors: per level the anchors' widths and heights in pixels, flat (`[w, h, w, h, ...]`) or as pairs; "auto"
            starts from three shapes scaled with the stride, until `set_anchors` is called with fitted ones.
        ch, strides, coder: given by the graph.
    Raises:
        InputError: anchors that `read` refuses, or not one row for each level.
    Source: ultralytics/yolov5 v6 (`Detect`).

    State: `m.{level}.{weight,bias}` and the buffer `anchors` (levels, anchors, 2) in units of the stride, as in the
    official checkpoints.
    """

    criterion = "anchor"

    def __init__(self, nc: int, anchors: list | str, ch: list[int], strides: list[float], coder: Any):
        super().__init__(nc, ch, strides, coder)
        pixels = self.stride.view(-1, 1, 1) * torch.tensor(START).view(1, -1, 2) if anchors == "auto" else read(anchors)
        if len(pixels) != self.nl:
            raise InputError(f"anchors: {len(pixels)} rows for {self.nl} levels; give one row of w,h pairs per level")
        self.anchors_per_cell = pixels.shape[1]
        # Written past register_buffer, which refuses a name that the base class uses for a class attribute.
        self._buffers["anchors"] = pixels / self.stride.view(-1, 1, 1)
        self.m = nn.ModuleList(nn.Conv2d(c, self.anchors_per_cell * self.no, 1) for c in ch)
        self.bias_init()

    @property
    def anchors(self) -> Tensor:  # type: ignore[override]
        """(levels, anchors, 2) widths and heights in strides."""
        return self._buffers["anchors"]

    def bias_init(self) -> None:
        """Start from about 8 objects in a 640-px image and equally rare classes (RetinaNet, section 3.3)."""
        for conv, s in zip(self.m, self.stride.tolist(), strict=True):
            b = conv.bias.data.view(self.anchors_per_cell, -1)
            b[:, -self.nc - 1] += math.log(8 / (640 / s) ** 2)
            b[:, -self.nc :] += math.log(0.6 / (self.nc - 0.99999))

    def set_anchors(self, pixels: Tensor) -> None:
        """Replace the anchors by (levels, anchors, 2) widths and heights in pixels."""
        self.anchors.copy_(pixels.to(self.anchors) / self.stride.to(self.anchors.device).view(-1, 1, 1))
        self._priors = None

    def pixels(self) -> list[list[float]]:
        """Widths and heights in pixels as a YAML has them: one row `[w, h, w, h, ...]` per level."""
        sizes = self.anchors.float() * self.stride.to(self.anchors.device).view(-1, 1, 1)
        return [[round(v, 2) for v in level.flatten().tolist()] for level in sizes]

    def prior_sizes(self, level: int) -> Tensor:
        """(anchors, 2) pixels."""
        return self.anchors[level].float() * self.stride[level].to(self.anchors.device)

    def raw(self, features: list[Tensor]) -> Preds:
        """Per-level (B, c, H, W) -> predictions laid out level x anchor x row x column."""
        k = self.coder.channels
        if self.export:
            box, obj, cls = (self.planes(features, part).transpose(1, 2) for part in (slice(k), k, slice(k + 1, None)))
            return Preds(box, cls, obj.squeeze(2), self.priors(features))
        rows = [by_prior(conv(f), self.anchors_per_cell) for conv, f in zip(self.m, features, strict=True)]
        y = torch.cat(rows, 1)  # (B, A, k + 1 + C)
        return Preds(y[..., :k], y[..., k + 1 :], y[..., k], self.priors(features))

    def planes(self, features: Sequence[Tensor], part: slice | int) -> Tensor:
        """Some channels of every anchor, for an exported graph: per-level (B, c, H, W) -> (B, n, A).

        The convolutions answer by channel x anchor, not by anchor x channel as in training, so that their maps only
        have to be read as wider ones. Moving the numbers of 19,200 priors and 80 classes would take a fifth of the time
        of a nano network.
        """
        maps = []
        for conv, f in zip(self.m, features, strict=True):
            weight, bias = (self.of_anchors(p, part).transpose(0, 1) for p in (conv.weight, conv.bias))
            y = F.conv2d(f, weight.flatten(0, 1), bias.flatten())
            maps.append(y.unflatten(1, (-1, self.anchors_per_cell)).flatten(2))
        return torch.cat(maps, 2)

    def of_anchors(self, parameter: Tensor, part: slice | int) -> Tensor:
        """Some channels of each anchor: a convolution's parameter (R, ...) -> (a, n, ...); R = a (k + 1 + C)."""
        rows = parameter.unflatten(0, (self.anchors_per_cell, self.no))
        return rows[:, part : part + 1] if isinstance(part, int) else rows[:, part]

    def boxes(self, features: Sequence[Tensor]) -> Tensor:
        """The box channels of `raw` alone: per-level (B, c, H, W) -> (B, A, channels)."""
        rows = []
        for conv, f in zip(self.m, features, strict=True):
            weight, bias = (
                self.of_anchors(p, slice(self.coder.channels)).flatten(0, 1) for p in (conv.weight, conv.bias)
            )
            rows.append(by_prior(F.conv2d(f, weight, bias), self.anchors_per_cell))
        return torch.cat(rows, 1)

    def by_class(self) -> list[Tensor]:
        """The last channels of each anchor: (nc, anchors, c, 1, 1) and (nc, anchors) of each level."""
        parameters = [p for conv in self.m for p in (conv.weight, conv.bias)]
        return [p.unflatten(0, (self.anchors_per_cell, self.no))[:, -self.nc :].transpose(0, 1) for p in parameters]
