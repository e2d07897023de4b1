"""The heads of RetinaNet and FCOS: two towers that all levels share, from torchvision's parts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection.fcos import FCOSClassificationHead, FCOSRegressionHead
from torchvision.models.detection.retinanet import RetinaNetClassificationHead, RetinaNetRegressionHead

from ..errors import InputError, whole
from ..limits import NUMBER
from ..structures import Preds
from .head import DenseDetect
from .levels import by_prior, cell_anchors, check_order, laterals

GROUPS = 32  # of FCOS's group norms
WIDE = 256  # channels of the papers' towers


class TowerNorm(nn.GroupNorm):
    """Group norm of 32 groups that is computed channel by channel in memory.

    Training on a CPU keeps maps pixel by pixel (channels_last), where torch's gradient of a group norm takes ten times
    as long and more.

    Args:
        c: channels.
    Source: Wu and He 2018 (group normalization), by torch.
    """

    def __init__(self, c: int):
        super().__init__(GROUPS, c)

    def forward(self, x: Tensor) -> Tensor:
        """(B, c, H, W) -> the same shape, kept in memory as it came."""
        by_pixel = not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last)
        y = super().forward(x.contiguous())
        return y.contiguous(memory_format=torch.channels_last) if by_pixel else y


class TowerDetect(DenseDetect):
    """Towers of four 3x3 convolutions for classes and for boxes.

    Args:
        nc: number of classes.
        hidden: channels of the towers before the width multiplier; levels with other channels pass a 1x1 convolution.
        width: the scale's width multiplier.
        candidates: see `chosen`.
        ch, strides, coder: given by the graph.
    Raises:
        InputError: candidates that are no number from 1 up.
    """

    cls: Any
    reg: Any

    def __init__(
        self,
        nc: int,
        ch: list[int],
        strides: list[float],
        coder: Any,
        hidden: int,
        width: float,
        candidates: int,
    ):
        super().__init__(nc, ch, strides, coder)
        self.channels = max(int(hidden * width), 1)
        self.candidates = whole(candidates, f"{type(self).__name__}: candidates", 1, NUMBER, 1000)
        self.lateral = laterals(ch, self.channels)

    def tower_norm(self, hidden: int, width: float) -> type[TowerNorm]:
        """The norm of towers whose channels it fits.

        Raises:
            InputError: they do not make 32 groups.
        """
        if self.channels % GROUPS:
            raise InputError(
                f"{type(self).__name__}: hidden={hidden} at width {width:g} is {self.channels} channels; write a "
                f"number that makes a multiple of {GROUPS}"
            )
        return TowerNorm

    def fit(self) -> None:
        """Let the box tower end in the channels that the coder asks for, and narrow towers start as loud as wide ones.

        torchvision's first weights, of a standard deviation of .01, are those of the papers' 256 channels.
        """
        for p in (p for tower in (self.cls, self.reg) for p in tower.parameters() if p.dim() == 4):
            p.data.mul_(math.sqrt(WIDE / self.channels))
        if self.coder.channels != 4:
            self.reg.bbox_reg = nn.Conv2d(self.channels, self.anchors_per_cell * self.coder.channels, 3, padding=1)
            nn.init.normal_(self.reg.bbox_reg.weight, std=0.01)
            nn.init.zeros_(self.reg.bbox_reg.bias)

    def by_class(self) -> list[Tensor]:
        """The last convolution of the class tower: (nc, anchors, c, 3, 3) and (nc, anchors)."""
        last = (self.cls.cls_logits.weight, self.cls.cls_logits.bias)
        return [p.unflatten(0, (self.anchors_per_cell, self.nc)).transpose(0, 1) for p in last]

    def raw(self, features: list[Tensor]) -> Preds:
        """Per-level (B, c, H, W) -> predictions laid out level x anchor x row x column."""
        made = [lateral(f) for lateral, f in zip(self.lateral, features, strict=True)]
        cls = [by_prior(self.cls.cls_logits(self.cls.conv(f)), self.anchors_per_cell) for f in made]
        towers = [self.reg.conv(f) for f in made]
        return Preds(self.regress(towers), torch.cat(cls, 1), self.centered(towers), self.priors(features))

    def boxes(self, features: Sequence[Tensor]) -> Tensor:
        """The box channels of `raw` alone: per-level (B, c, H, W) -> (B, A, channels)."""
        return self.regress([self.reg.conv(lateral(f)) for lateral, f in zip(self.lateral, features, strict=True)])

    def regress(self, towers: Sequence[Tensor]) -> Tensor:
        """Per-level (B, c, H, W) of the box tower -> (B, A, channels)."""
        rows = torch.cat([by_prior(self.reg.bbox_reg(t), self.anchors_per_cell) for t in towers], 1)
        return rows.relu() if getattr(self.coder, "above_zero", False) else rows

    def centered(self, towers: Sequence[Tensor]) -> Tensor | None:
        """Per-level (B, c, H, W) of the box tower -> (B, A) logits beside the classes; none here."""
        return None

    def chosen(self, preds: Preds) -> Preds:
        """The `candidates` best priors of each level, by their best class, each level's best first.

        Suppression would look at ten times as many, nearly all of which say nothing. An exported graph for any size of
        input keeps all: how many a level has is not known there.
        """
        if self.export and self.dynamic:
            return preds
        best = self.scores(preds).amax(-1).split(preds.priors.counts, 1)
        starts = accumulate(preds.priors.counts, initial=0)
        top = [s.topk(n, 1)[1] + start for s, n, start in zip(best, self.kept(preds), starts, strict=False)]
        index = torch.cat(top, 1)
        rows = lambda x: x.gather(1, index[..., None].expand(-1, -1, x.shape[2]))  # noqa: E731
        obj = None if preds.obj is None else preds.obj.gather(1, index)
        return replace(preds, box=rows(preds.box), cls=rows(preds.cls), obj=obj, priors=preds.priors.at(index))

    def kept(self, preds: Preds) -> list[int]:
        """How many priors of each level are chosen."""
        return [min(self.candidates, n) for n in preds.priors.counts]

    def decode(self, preds: Preds) -> Tensor:
        """Predictions -> (B, 4 + nc, N) of the N `chosen` priors; see `DenseDetect`.

        Of their scores the `candidates` best of each level stay, and the others become 0, as in torchvision.
        """
        y = super().decode(self.chosen(preds))
        if self.nc == 1 or (self.export and self.dynamic):
            return y
        levels = y[:, 4:].split(self.kept(preds), 2)
        counts = [min(self.candidates, self.nc * s.shape[2]) for s in levels]
        least = [s.flatten(1).topk(n, 1)[0][:, -1:, None] for s, n in zip(levels, counts, strict=True)]
        return torch.cat((y[:, :4], torch.cat([s * (s >= t) for s, t in zip(levels, least, strict=True)], 2)), 1)


class RetinaDetect(TowerDetect):
    """The head of RetinaNet, for boxes that start from anchors.

    Args:
        nc: number of classes.
        hidden: channels of the towers before the width multiplier.
        width: the scale's width multiplier.
        scale: side of the smallest square anchor, in strides.
        ratios: height over width of a cell's anchors.
        octaves: sizes of anchors in a cell, from `scale` on to below twice as large.
        norm: group norms of 32 groups in the towers, whose channels have to be a multiple of 32 then.
        candidates: best anchors of each level that are compared.
        ch, strides, coder: given by the graph.
    Raises:
        InputError: anchors that `cell_anchors` refuses, a norm that is not true or false or does not fit the channels.
    Source: Lin et al. 2017 (RetinaNet), section 4; with norms as in torchvision's second version. Anchors stand in the
        middle of their cells; torchvision has them at the corner.
    """

    criterion = "retina"

    def __init__(
        self,
        nc: int,
        ch: list[int],
        strides: list[float],
        coder: Any,
        hidden: int = 256,
        width: float = 1.0,
        scale: float = 4.0,
        ratios: Sequence[float] = (0.5, 1.0, 2.0),
        octaves: int = 3,
        norm: bool = False,
        candidates: int = 1000,
    ):
        super().__init__(nc, ch, strides, coder, hidden, width, candidates)
        self.shapes = cell_anchors("RetinaDetect", scale, ratios, octaves)
        self.anchors_per_cell = len(self.shapes)
        if not isinstance(norm, bool):
            raise InputError(f"RetinaDetect: norm must be true or false, not {norm!r}")
        layer = self.tower_norm(hidden, width) if norm else None
        self.cls = RetinaNetClassificationHead(self.channels, self.anchors_per_cell, nc, norm_layer=layer)
        self.reg = RetinaNetRegressionHead(self.channels, self.anchors_per_cell, norm_layer=layer)
        self.fit()

    def prior_sizes(self, level: int) -> Tensor:
        """(anchors, 2) pixels."""
        return self.shapes.to(self.stride.device) * self.stride[level].float()


class FCOSDetect(TowerDetect):
    """The head of FCOS: no anchors, and a third answer, how near the middle of its object a cell lies.

    Args:
        nc: number of classes.
        hidden: channels of the towers before the width multiplier; a multiple of 32 after it.
        width: the scale's width multiplier.
        candidates: best cells of each level that are compared.
        ch, strides, coder: given by the graph.
    Raises:
        InputError: channels that do not make 32 groups, levels in another order than from the finest on.
    Source: Tian et al. 2019 (FCOS), section 3. Cells answer from their middle; torchvision's from the corner.
    """

    criterion = "fcos"

    def __init__(
        self,
        nc: int,
        ch: list[int],
        strides: list[float],
        coder: Any,
        hidden: int = 256,
        width: float = 1.0,
        candidates: int = 1000,
    ):
        super().__init__(nc, ch, strides, coder, hidden, width, candidates)
        check_order("FCOSDetect", strides)
        layer = self.tower_norm(hidden, width)
        self.cls = FCOSClassificationHead(self.channels, 1, nc, norm_layer=layer)
        self.reg = FCOSRegressionHead(self.channels, 1, norm_layer=layer)
        self.fit()

    def prior_sizes(self, level: int) -> Tensor:
        """(1, 2) pixels: a point prior is as large as its cell."""
        return self.stride[level].expand(1, 2)

    def centered(self, towers: Sequence[Tensor]) -> Tensor:
        """Per-level (B, c, H, W) of the box tower -> (B, A) logits of centre-ness."""
        return torch.cat([self.reg.bbox_ctrness(t).flatten(1) for t in towers], 1)

    def scores(self, preds: Preds) -> Tensor:
        """(B, A, C): the square root of class probability times centre-ness, as in torchvision."""
        assert preds.obj is not None
        return (preds.cls.sigmoid() * preds.obj.sigmoid()[..., None]).sqrt()
