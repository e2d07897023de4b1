"""The loss step of R-CNN: sampled anchors for the proposal network, sampled proposals for the box head."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.models.detection._utils import BalancedPositiveNegativeSampler

from ..boxes import pairwise_iou, xyxy2xywh
from ..coders import CODERS
from ..errors import InputError
from ..losses import LOCALISATION
from ..nn.rcnn_head import priors_of
from ..registry import build
from ..structures import Assignment, RCNNPreds, Targets
from .base import Criterion, Parts

FIRST, STEP = 0.5, 0.1  # IoU from which a proposal is an object's, and how much more a next stage asks


class RCNNCriterion(Criterion):
    """Objectness and boxes of sampled anchors, classes and boxes of sampled proposals; every object is one of these.

    Box terms are sums over positives by the number of all samples. A stage of a cascade weighs half of the one before.
    Raises:
        InputError: as in `Criterion`; an assigner that looks at class predictions.
    Source: Ren et al. 2015 (Faster R-CNN), Eq. 1; Girshick 2015 (Fast R-CNN), Eq. 1; both as in torchvision.
    """

    mean = True
    assigner = "max_iou"
    terms = {
        "box": {"type": "smooth_l1", "weight": 1.0, "beta": 0.1111},
        "bins": {"type": "two_hot", "weight": 4.0},  # a mean of four coordinates, which smooth L1 sums
        "obj": {"weight": 1.0, "samples": 256, "positive": 0.5},
        "cls": {"weight": 1.0, "samples": 512, "positive": 0.25},
    }

    def __init__(self, cfg: dict[str, Any], coder: Any, nc: int):
        where = cfg.get("yaml_file") or "the configuration"
        self.roi_coder = build(cfg.get("roi_coder") or "delta", CODERS, where=f"{where}: roi_coder", nc=nc)
        super().__init__(cfg, coder, nc)
        if self.assign.needs_predictions:
            raise InputError(
                f"assigner in {where} looks at classes, which proposals have none of; write max_iou or rka"
            )
        self.check_raw_box(where, cfg, self.roi_coder)
        self.roi_bins = None
        if self.roi_coder.is_distributional:
            self.roi_bins = build(self.loss["bins"], LOCALISATION, where=f"{where}: loss.bins", coder=self.roi_coder)
        samplers = []
        for term in ("obj", "cls"):
            share = self.loss[term]["positive"]
            if share > 1:
                raise InputError(
                    f"loss.{term}.positive in {where} is a share of the samples and at most 1, not {share}"
                )
            samplers.append(BalancedPositiveNegativeSampler(int(self.loss[term]["samples"]), share))
        self.anchors, self.proposals = samplers

    def parts(self, preds: RCNNPreds, targets: Targets) -> Parts:  # type: ignore[override]
        """Terms of the proposal network (`obj`, `rpn_box`) and of the box head (`cls`, `box`), each a scalar."""
        out = self.first(preds, self.match(preds, targets), targets)
        boxes = [b[real] for b, real in zip(preds.proposals, preds.real, strict=True)]
        for stage in range(preds.stages):
            boxes, lost = self.second(preds, boxes, targets, stage)
            out = out | {k: v * 0.5**stage + out.get(k, 0) for k, v in lost.items()}
        return out

    def first(self, preds: RCNNPreds, found: Assignment, targets: Targets) -> Parts:
        """Terms of the proposal network by name, each a scalar."""
        assert preds.obj is not None
        obj = preds.obj.float()
        label = torch.zeros_like(obj)
        if found.ignored is not None:
            label[found.ignored] = -1
        label[found.image, found.prior] = 1
        positive, negative = (torch.stack(x).bool() for x in self.anchors(list(label)))
        sampled = positive | negative
        n = sampled.sum().clamp(min=1)
        lost = F.binary_cross_entropy_with_logits(obj[sampled], label[sampled], reduction="sum") / n
        keep = positive[found.image, found.prior]
        pairs = Assignment(found.image[keep], found.prior[keep], found.gt[keep])
        local = self.localise(preds, pairs, targets.boxes[pairs.gt])[1]
        return {"obj": lost * self.loss["obj"]["weight"]} | {f"rpn_{k}": v.sum() / n for k, v in local.items()}

    def second(self, preds: RCNNPreds, boxes: list[Tensor], targets: Targets, stage: int) -> tuple[list[Tensor], Parts]:
        """A stage of the box head.

        Args:
            boxes: per picture (n, 4) proposals, xyxy pixels.
            stage: of the cascade.
        Returns:
            Per picture (m, 4) xyxy pixels, where the chosen ones went, and the terms by name, each a scalar.
        """
        rois, label, gt = self.samples(boxes, targets, FIRST + STEP * stage)
        cls, raw = preds.ask(rois, stage)
        flat, n = torch.cat(rois), max(len(label), 1)
        lost = {"cls": F.cross_entropy(cls.float(), label, reduction="sum") / n * self.loss["cls"]["weight"]}
        at = label > 0
        local = self.regressed(raw[at].float(), flat[at], gt[at], stage)
        refined = preds.refine(raw.detach().float(), flat, stage).split([len(r) for r in rois])
        return list(refined), lost | {k: v.sum() / n + raw.sum() * 0 for k, v in local.items()}

    @torch.no_grad()
    def samples(self, boxes: list[Tensor], targets: Targets, least: float) -> tuple[list[Tensor], Tensor, Tensor]:
        """Choose what the box head learns from.

        Args:
            boxes: per picture (n, 4) proposals, xyxy pixels.
            targets: the objects, which are proposals themselves.
            least: IoU from which a proposal is an object's; below it is background.
        Returns:
            Per picture (m, 4) boxes; of all (N,) classes from 1, 0 for none, and (N, 4) the boxes of their objects.
        """
        rois, labels, wanted = [], [], []
        for i, proposals in enumerate(boxes):
            mine = targets.image == i
            gt, classes = targets.boxes[mine].float(), targets.labels[mine]
            rows = torch.cat((proposals, gt))
            rows = rows[(rows[:, 2:] > rows[:, :2]).all(1)]
            label, goal = torch.zeros(len(rows), dtype=torch.long, device=rows.device), rows.clone()
            if len(gt):
                overlap, which = pairwise_iou(gt, rows).max(0)
                label = torch.where(overlap >= least, classes[which] + 1, label)
                goal = gt[which]
            label = label.masked_fill((label == 0) & inside(rows, targets.ignore[targets.ignore_image == i]), -1)
            ((positive,), (negative,)) = self.proposals([label])
            chosen = (positive | negative).bool()
            rois.append(rows[chosen])
            labels.append(label[chosen])
            wanted.append(goal[chosen])
        return rois, torch.cat(labels), torch.cat(wanted)

    def regressed(self, raw: Tensor, boxes: Tensor, gt: Tensor, stage: int) -> Parts:
        """What each box loses by where it goes.

        Args:
            raw: (P, channels); boxes, gt: (P, 4) xyxy pixels.
            stage: of the cascade.
        Returns:
            By name (P,), weighted.
        """
        priors, coder = priors_of(boxes), self.roi_coder
        if self.roi_bins is None:
            if self.raw_box:
                return {"box": self.box(raw, coder.encode(gt, priors) * (stage + 1)) * self.box.weight}
            return {"box": self.box(coder.decode(raw / (stage + 1), priors), gt) * self.box.weight}
        ce, um = self.roi_bins.measure(raw, coder.distributions(gt, priors))
        weight = self.roi_bins.weight
        lost = {"ce": ce * weight, "um": um * weight * self.roi_bins.entropy, "box": ce * 0}
        if not self.raw_box and self.roi_bins.keep_iou:
            lost["box"] = self.box(coder.decode(raw, priors), gt) * self.box.weight
        return lost


def inside(boxes: Tensor, regions: Tensor) -> Tensor:
    """(N, 4) and (K, 4) xyxy pixels -> (N,) True where the middle of a box lies in a region."""
    middle = xyxy2xywh(boxes)[:, None, :2]
    return ((middle >= regions[None, :, :2]) & (middle <= regions[None, :, 2:])).all(-1).any(1)
