"""Heads that find objects as peaks of a heat map: YOLC's, and the plain one of CenterNet."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from ultralytics.nn.modules import Conv

from ..errors import InputError, number
from ..structures import CenterPreds
from .head import DenseDetect
from .peaks import blur, peaks
from .refine import BoxConv, points_in_box

PRIOR = 0.1  # what every pixel of a fresh heat map says (CenterNet)


def logit(p: float) -> float:
    """ln(p / (1 - p)); -2.19 for 0.1."""
    return math.log(p / (1 - p))


class CenterHead(DenseDetect):
    """What centre heads share: peaks of the last heat map become boxes, inside the graph and without suppression.

    In evaluation `y` is (B, K, 6): xyxy pixels, score, class, the best first, as from an end-to-end head.

    Attributes:
        max_det: K, detections given per picture; ultralytics sets it from the option of that name.
        heat_stride: pixels of the picture per pixel of the heat map.
        smooth: blur the probabilities before peaks are looked for.
        renorm: a peak of the blurred map has the score of the map before.
        show_map: an exported graph gives the best probability of each place, (B, H, W), beside the peaks.
    Source: Zhou et al. 2019 (CenterNet).
    """

    criterion = "center"
    max_det = 1000
    heat_stride = 1
    smooth = False
    renorm = False
    show_map = False

    def prior_sizes(self, level: int) -> Tensor:
        """(1, 2) pixels: a cell."""
        return self.stride[level].expand(1, 2)

    def forward(self, x: Tensor | list[Tensor]) -> Any:
        """One (B, c, H, W) of features, or one per stack -> maps in training; else decoded peaks as from `top`.

        In evaluation the maps come beside the peaks.
        """
        preds = self.raw(x if isinstance(x, list) else [x])
        if self.training:
            return preds
        heat = preds.heat[-1].float().sigmoid()
        seen = blur(heat, self.nc) if self.smooth else heat
        y = self.top(seen, preds, heat if self.renorm else None)
        if self.export:
            return (y, seen.amax(1)) if self.show_map else y
        return y, replace(preds, seen=seen.amax(1))

    def top(self, heat: Tensor, preds: CenterPreds, sharp: Tensor | None = None) -> Tensor:
        """(B, C, H, W) probabilities -> (B, K, 6) xyxy pixels, score, class.

        K is the smaller of `max_det` and all pixels of all classes. Scores are the values of `heat` at
        its peaks, or those of `sharp`, of the same shape.
        """
        score, label, y, x = peaks(heat, self.max_det)
        if sharp is not None:
            pixel = (label * heat.shape[2] + y) * heat.shape[3] + x
            score = sharp.flatten(1).gather(1, pixel) * (score > 0)
        step = round(float(self.stride[0]) / self.heat_stride)
        rows, cols = preds.priors.shapes[0][1:]
        cell = torch.div(y, step, rounding_mode="floor") * cols + torch.div(x, step, rounding_mode="floor")
        raw = preds.box[-1].float().flatten(2).transpose(1, 2)  # (B, h w, channels)
        raw, priors = raw.gather(1, cell[..., None].expand(-1, -1, raw.shape[2])), preds.priors.at(cell)
        boxes, sizes = self.coder.decode(raw, priors), self.coder.sizes(raw, priors)
        whole = (sizes > 0).all(-1)  # a box without area is no detection
        boxes, (score, order) = boxes * whole[..., None], (score * whole).topk(score.shape[1])
        rows = torch.cat((boxes, label[..., None].to(score.dtype)), -1).gather(1, order[..., None].expand(-1, -1, 5))
        return torch.cat((rows[..., :4], score[..., None], rows[..., 4:]), -1)

    def in_cells(self, raw: Tensor) -> Tensor:
        """(B, channels, h, w) -> (B, 4, h, w) centre from the cell's corner, half width and half height, cells."""
        if not self.coder.is_distributional:
            return raw
        t = self.coder.expected(raw.flatten(2).transpose(1, 2))
        t = torch.cat((t[..., :2] + 0.5 - self.coder.zero, t[..., 2:].exp() / 2), -1)
        return t.transpose(1, 2).reshape_as(raw[:, :4])

    @property
    def end2end(self) -> bool:
        """Peaks need no suppression; ultralytics asks."""
        return True

    @end2end.setter
    def end2end(self, value: bool) -> None:
        """ultralytics writes False here before every run; there is no other branch to switch to."""


class HeatBranch(nn.Module):
    """Features at stride 4 -> class logits of every pixel of the picture.

    A 1x1 convolution, two transposed convolutions that double the size, and a 1x1 convolution in one group per class.
    Nothing stands between the last two, so their product is one transposed convolution: it is computed by its folded
    weights, and the map of `per_class` channels per class at full size, the largest of the network, never exists.

    Args:
        c1: channels in.
        nc: number of classes.
        per_class: channels of each class before the last convolution.
        coupled: let every class read the channels of all.
    Source: Liu et al. 2024 (YOLC), section III-C.
    """

    def __init__(self, c1: int, nc: int, per_class: int = 8, coupled: bool = False):
        super().__init__()
        c = per_class * nc
        self.nc, self.coupled = nc, coupled
        self.conv = Conv(c1, c1, 1, act=nn.ReLU())
        self.up1 = nn.ConvTranspose2d(c1, c, 4, 2, 1)
        self.up2 = nn.ConvTranspose2d(c, c, 4, 2, 1)
        self.out = nn.Conv2d(c, nc, 1, groups=1 if coupled else nc)

    def forward(self, x: Tensor) -> Tensor:
        """(B, c1, H, W) -> (B, nc, 4 H, 4 W)."""
        weight, bias = self.folded()
        x = self.up1(self.conv(x)).relu()
        return F.conv_transpose2d(x, weight.to(x.dtype), bias.to(x.dtype), stride=2, padding=1)

    def by_class(self) -> list[Tensor]:
        """(nc, ...) of what follows the last layer that all classes share."""
        up = [self.up2.weight.transpose(0, 1), self.up2.bias]
        split = [p.unflatten(0, (self.nc, -1)) for p in up if p is not None and not self.coupled]
        return [*split, *self.out.parameters()]

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight (c, nc, 4, 4) and bias (nc,) of `out` after `up2` as one transposed convolution."""
        w, b, out = self.up2.weight, self.up2.bias, self.out.weight.flatten(1)  # (c, c, 4, 4), (c,), (nc, c or c / nc)
        assert b is not None and self.out.bias is not None
        if self.coupled:
            weight = (w.flatten(2).transpose(1, 2) @ out.T.to(w.dtype)).transpose(1, 2).unflatten(2, (4, 4))
            return weight, self.out.bias + out @ b
        weight = (w.unflatten(1, (self.nc, -1)) * out[None, :, :, None, None]).sum(2)
        return weight, self.out.bias + (b.view(self.nc, -1) * out).sum(1)


class YOLCDetect(CenterHead):
    """Heat map at full size, coarse boxes at stride 4, and boxes refined by what lies inside the coarse ones.

    Args:
        nc: number of classes.
        hidden: channels of the box branch before the width multiplier.
        width: the scale's width multiplier.
        coupled: the heat map's last convolution reads the channels of all classes (the paper's ablation).
        refine: refine the boxes; False leaves the coarse ones (the paper's ablation).
        blur: smooth the heat map by a Gaussian (3x3, sigma 1) before peaks are looked for, as the official code does.
        renorm: take the score from the map before it was blurred. Blurring leaves .2 of a peak that is one pixel wide,
            so the official scores of the tiniest objects are low beside those of larger ones.
        prior: what every pixel of a fresh heat map says. At full size 16 times as many pixels are empty as at stride 4,
            so that a short training spends much of its time on unlearning the usual 0.1.
        swapped: look into the coarse box with x and y of its place and size exchanged. The official code does, and its
            checkpoints have learnt it.
        ch, strides, coder: given by the graph.
    Raises:
        InputError: a prior outside 0..1, a renorm without blur, a swapped without refine or that is not true or false.
    Source: Liu et al. 2024 (YOLC, arXiv 2404.06180), section III. Offsets are in the order (y, x) that deformable
        convolution defines; the official code writes them the other way round (`swapped`).
    """

    def __init__(
        self,
        nc: int,
        ch: list[int],
        strides: list[float],
        coder: Any,
        hidden: int = 96,
        width: float = 1.0,
        coupled: bool = False,
        refine: bool = True,
        blur: bool = True,
        renorm: bool = False,
        prior: float = PRIOR,
        swapped: bool = False,
    ):
        super().__init__(nc, ch, strides, coder)
        number(prior, "YOLCDetect: prior", 0, 1, "()", PRIOR)
        if not isinstance(swapped, bool):
            raise InputError(f"YOLCDetect: swapped must be true or false, not {swapped!r}")
        if swapped and not refine:
            raise InputError("YOLCDetect: swapped=true is about the refined boxes; leave it out with refine=false")
        if renorm and not blur:
            raise InputError(
                "YOLCDetect: renorm=true restores scores that blurring lowers; leave it out with blur=false"
            )
        self.prior, self.swapped = prior, swapped
        c = max(round(hidden * width / 8) * 8, 8)
        self.smooth, self.renorm = blur, renorm
        self.heat = HeatBranch(ch[0], nc, coupled=coupled)
        self.reg = nn.Sequential(nn.Conv2d(ch[0], c, 3, padding=1), nn.ReLU(), nn.Conv2d(c, c, 3, padding=1))
        self.coarse = nn.Conv2d(c, coder.channels, 1)
        self.offset = nn.Conv2d(c, 18, 1) if refine else None
        self.refined = BoxConv(c, coder.channels) if refine else None
        self.bias_init()

    def bias_init(self) -> None:
        """Objects are rare, and boxes start as a cell's middle with sides of two cells; distributions start level."""
        nn.init.constant_(self.heat.out.bias, logit(self.prior))  # type: ignore[arg-type]
        if self.coder.is_distributional:
            return
        with torch.no_grad():
            self.coarse.bias.copy_(torch.tensor([0.5, 0.5, 1.0, 1.0]))  # type: ignore[union-attr]

    def by_class(self) -> list[Tensor]:
        """(nc, ...) of the heat map."""
        return self.heat.by_class()

    def raw(self, features: list[Tensor]) -> CenterPreds:
        """One level (B, c, H, W) at stride 4 -> maps."""
        f = self.reg(features[0])
        box = [self.coarse(f)]
        if self.refined is not None and self.offset is not None:
            coarse = self.in_cells(box[0].detach().float())
            coarse = coarse[:, [1, 0, 3, 2]] if self.swapped else coarse
            points = points_in_box(coarse, self.offset(f).float().sigmoid())
            box.append(self.refined(f, points))
        return CenterPreds((self.heat(features[0]),), tuple(box), self.priors(features))


class CenterNetDetect(CenterHead):
    """The plain head of CenterNet: heat map, size and offset at stride 4, once for each stack of the backbone.

    Args:
        nc: number of classes.
        hidden: channels of each branch before the width multiplier.
        width: the scale's width multiplier.
        ch, strides, coder: given by the graph; one feature map per stack, the last one is used.
    Source: Zhou et al. 2019 (Objects as Points, arXiv 1904.07850).
    """

    heat_stride = 4

    def __init__(self, nc: int, ch: list[int], strides: list[float], coder: Any, hidden: int = 256, width: float = 1.0):
        super().__init__(nc, ch, strides, coder)
        c = max(round(hidden * width / 8) * 8, 8)
        self.heat_stride = round(strides[0])
        branch = lambda x, n: nn.Sequential(nn.Conv2d(x, c, 3, padding=1), nn.ReLU(), nn.Conv2d(c, n, 1))  # noqa: E731
        self.heat = nn.ModuleList(branch(x, nc) for x in ch)
        offset = 2 * len(coder.grids[0]) if coder.is_distributional else 2
        self.size = nn.ModuleList(branch(x, coder.channels - offset) for x in ch)
        self.shift = nn.ModuleList(branch(x, offset) for x in ch)
        self.bias_init()

    def bias_init(self) -> None:
        """Objects are rare."""
        for branch in self.heat:
            nn.init.constant_(branch[-1].bias, logit(PRIOR))  # type: ignore[index]

    def by_class(self) -> list[Tensor]:
        """(nc, c, 1, 1) and (nc,) of the heat map of each stack."""
        return [p for branch in self.heat for p in branch[-1].parameters()]  # type: ignore[index, union-attr]

    def raw(self, features: list[Tensor]) -> CenterPreds:
        """Per stack (B, c, H, W) -> maps."""
        heat = tuple(branch(f) for branch, f in zip(self.heat, features, strict=True))
        parts = zip(self.shift, self.size, features, strict=True)
        box = tuple(torch.cat((shift(f), size(f)), 1) for shift, size, f in parts)
        return CenterPreds(heat, box, self.priors(features[:1]))
