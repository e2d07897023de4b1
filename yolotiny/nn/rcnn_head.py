"""The two stages of R-CNN as one head, from torchvision's parts: proposals, and what each of them shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection.faster_rcnn import TwoMLPHead
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import MultiScaleRoIAlign, batched_nms, clip_boxes_to_image

from ..boxes import xyxy2xywh
from ..errors import number, whole
from ..structures import Preds, Priors, RCNNPreds
from .head import DenseDetect
from .levels import by_prior, cell_anchors, check_order, laterals

MOST = 3000  # proposals of a picture, and detections
WIDE = 256  # channels for which torchvision's first weights are meant
POOLED = 7  # side of what is cut out of the features for a proposal
SMALLEST = 1e-3  # side of a proposal, pixels


class RCNNDetect(DenseDetect):
    """A region proposal network, and a box head that looks at each proposal.

    In evaluation a prediction is a proposal: y is (B, 4 + nc, `proposals`), and places without one have score 0. Boxes
    are regressed once for all classes. With a cascade the boxes of a stage are the proposals of the next, whose offsets
    count twice and three times as fine, and scores are means over the stages.

    Args:
        nc: number of classes.
        hidden: channels of the levels before the width multiplier; a 1x1 convolution brings those with others to it.
        fc: channels of the box head's two fully connected layers, before the width multiplier.
        width: the scale's width multiplier.
        scale: side of a square anchor, in strides.
        ratios: height over width of a cell's anchors.
        candidates: best anchors of each level that are compared.
        proposals: kept of a picture, up to 3,000.
        nms: IoU above which the lower-scored of two candidates of a level goes.
        cascade: stages of the box head.
        pooled: finest levels that proposals are cut out of; 4 leaves a fifth to the proposals alone.
        ch, strides, coder: given by the graph; the coder is that of the proposals.
        roi_coder: that of the box head.
    Raises:
        InputError: anchors that `cell_anchors` refuses, numbers out of range, levels that proposals cannot be cut from.
    Source: Ren et al. 2015 (Faster R-CNN) with the levels of Lin et al. 2017 (FPN); Cai and Vasconcelos 2018 (Cascade
        R-CNN). Anchors stand in the middle of their cells; torchvision has them at the corner.
    """

    criterion = "rcnn"
    one_size = True

    def __init__(
        self,
        nc: int,
        ch: list[int],
        strides: list[float],
        coder: Any,
        roi_coder: Any,
        hidden: int = 256,
        fc: int = 1024,
        width: float = 1.0,
        scale: float = 8.0,
        ratios: Sequence[float] = (0.5, 1.0, 2.0),
        candidates: int = 1000,
        proposals: int = 1000,
        nms: float = 0.7,
        cascade: int = 1,
        pooled: int = 4,
    ):
        super().__init__(nc, ch, strides, coder)
        self.candidates = whole(candidates, "RCNNDetect: candidates", 1, MOST, 1000)
        self.count = whole(proposals, "RCNNDetect: proposals", 1, MOST, 1000)
        self.nms = number(nms, "RCNNDetect: nms", 0, 1, "(]", 0.7)
        self.levels = whole(pooled, "RCNNDetect: pooled", 1, example=4)
        check_order("RCNNDetect", strides, self.levels)
        self.roi_coder, self.shapes = roi_coder, cell_anchors("RCNNDetect", scale, ratios, 1)
        self.finest = float(strides[0])  # `stride` may lie on a GPU
        self.anchors_per_cell = len(self.shapes)
        c, f = max(int(hidden * width), 1), max(int(fc * width), 1)
        self.lateral = laterals(ch, c)
        self.rpn = RPNHead(c, self.anchors_per_cell)
        self.rpn.conv[0][0].weight.data.mul_(math.sqrt(WIDE / c))
        if coder.channels != 4:
            self.rpn.bbox_pred = nn.Conv2d(c, self.anchors_per_cell * coder.channels, 1)
            nn.init.normal_(self.rpn.bbox_pred.weight, std=0.01)
            nn.init.zeros_(self.rpn.bbox_pred.bias)
        stages = range(whole(cascade, "RCNNDetect: cascade", 1, 10, 3))
        self.pool = MultiScaleRoIAlign([str(i) for i in range(min(self.levels, self.nl))], POOLED, sampling_ratio=2)
        self.heads = nn.ModuleList(TwoMLPHead(c * POOLED**2, f) for _ in stages)
        self.cls = nn.ModuleList(nn.Linear(f, nc + 1) for _ in stages)  # the first is that of no object
        self.reg = nn.ModuleList(nn.Linear(f, roi_coder.channels) for _ in stages)

    def by_class(self) -> list[Tensor]:
        """(nc, fc) and (nc,) of each stage."""
        return [p[1:] for layer in self.cls for p in (layer.weight, layer.bias)]

    def prior_sizes(self, level: int) -> Tensor:
        """(anchors, 2) pixels."""
        return self.shapes.to(self.stride.device) * self.stride[level].float()

    def raw(self, features: list[Tensor]) -> RCNNPreds:
        """Per-level (B, c, H, W) -> what the proposal network says of its anchors, and its proposals."""
        levels = [lateral(f) for lateral, f in zip(self.lateral, features, strict=True)]
        towers = [self.rpn.conv(f) for f in levels]
        obj = torch.cat([by_prior(self.rpn.cls_logits(t), self.anchors_per_cell) for t in towers], 1)[..., 0]
        box, priors = self.regress(towers), self.priors(features)
        size = tuple(round(int(n) * self.finest) for n in features[0].shape[2:])
        boxes, real = self.propose(box.detach().float(), obj.detach().float(), priors, size)
        return RCNNPreds(
            box,
            box.new_zeros(*obj.shape, 0),
            obj,
            priors,
            proposals=boxes,
            real=real,
            stages=len(self.heads),
            ask=partial(self.ask, levels[: self.levels], size),
            refine=partial(self.refine, size),
        )

    def boxes(self, features: Sequence[Tensor]) -> Tensor:
        """The box channels of `raw` alone: per-level (B, c, H, W) -> (B, A, channels)."""
        return self.regress([self.rpn.conv(lateral(f)) for lateral, f in zip(self.lateral, features, strict=True)])

    def regress(self, towers: Sequence[Tensor]) -> Tensor:
        """Per-level (B, c, H, W) of the proposal network -> (B, A, channels)."""
        return torch.cat([by_prior(self.rpn.bbox_pred(t), self.anchors_per_cell) for t in towers], 1)

    @torch.no_grad()
    def propose(self, box: Tensor, obj: Tensor, priors: Priors, size: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """The best boxes of the proposal network that do not overlap, as many in every picture.

        Args:
            box: (B, A, channels); obj: (B, A) logits; size: height and width of the input, pixels.
        Returns:
            (B, R, 4) xyxy pixels, and (B, R) True where there is a proposal.
        """
        top = [part.topk(min(self.candidates, part.shape[1]), 1)[1] for part in obj.split(priors.counts, 1)]
        starts = [sum(priors.counts[:i]) for i in range(len(top))]
        index = torch.cat([t + start for t, start in zip(top, starts, strict=True)], 1)  # (B, N)
        boxes = clip_boxes_to_image(self.coder.decode(box, priors), size).gather(1, index[..., None].expand(-1, -1, 4))
        score = obj.gather(1, index).sigmoid()
        level = torch.cat([torch.full_like(t, i) for i, t in enumerate(top)], 1)
        group = level + len(top) * torch.arange(len(obj), device=obj.device)[:, None]
        kept = batched_nms(boxes.flatten(0, 1), score.flatten(), group.flatten(), self.nms)
        stays = torch.zeros_like(score).flatten().scatter(0, kept, 1.0).view_as(score)
        whole_ = (boxes[..., 2:] - boxes[..., :2] >= SMALLEST).all(-1)
        score = torch.where((stays > 0) & whole_, score, -1.0)
        score, best = score.topk(min(self.count, score.shape[1]), 1)
        return boxes.gather(1, best[..., None].expand(-1, -1, 4)), score >= 0

    def ask(
        self, levels: Sequence[Tensor], size: tuple[int, int], boxes: list[Tensor], stage: int
    ) -> tuple[Tensor, Tensor]:
        """What the box head says of boxes.

        Args:
            levels: (B, c, H, W) each; size: of the input, pixels.
            boxes: per picture (n, 4) xyxy pixels.
            stage: of the cascade.
        Returns:
            Logits (N, 1 + C), the first of no object, and (N, channels) of N boxes, picture after picture.
        """
        maps = {str(i): f.float() for i, f in enumerate(levels)}
        pooled = self.pool(maps, boxes, [size] * len(boxes))
        seen = self.heads[stage](pooled.to(self.cls[stage].weight.dtype))
        return self.cls[stage](seen), self.reg[stage](seen)

    def refine(self, size: tuple[int, ...], raw: Tensor, boxes: Tensor, stage: int) -> Tensor:
        """(..., channels) of a stage and (..., 4) its boxes -> (..., 4) xyxy pixels inside the input."""
        return clip_boxes_to_image(self.roi_coder.decode(sharper(self.roi_coder, raw, stage), priors_of(boxes)), size)

    def decode(self, preds: Preds) -> Tensor:
        """Proposals -> (B, 4 + nc, R): boxes in pixels and class scores; see `DenseDetect`."""
        assert isinstance(preds, RCNNPreds)
        boxes, total = preds.proposals, 0.0
        for stage in range(len(self.heads)):
            cls, raw = preds.ask(list(boxes.unbind(0)), stage)
            total = total + cls.float().softmax(-1)[:, 1:]
            boxes = preds.refine(raw.float().view(*boxes.shape[:2], -1), boxes, stage)
        scores = (total / len(self.heads)).view(*boxes.shape[:2], -1) * preds.real[..., None]
        boxes = boxes if self.xyxy else xyxy2xywh(boxes)
        return torch.cat((boxes, scores), -1).transpose(1, 2)


def priors_of(boxes: Tensor) -> Priors:
    """(..., 4) xyxy pixels -> priors without a grid, for a coder."""
    b = xyxy2xywh(boxes)
    return Priors(b[..., :2], b[..., 2:], torch.ones_like(b[..., :1]), ())


def sharper(coder: Any, raw: Tensor, stage: int) -> Tensor:
    """(..., k) raw channels of a later stage -> (..., k) in units of the first, whose steps are larger."""
    return raw if coder.is_distributional else raw / (stage + 1)
