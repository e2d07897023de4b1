"""The loss steps of detectors with one prediction per prior: YOLOv5's and YOLOX's."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..boxes import ciou, iou
from ..distributed import world_sum
from ..errors import InputError
from ..losses.box import l1
from ..structures import Assignment, Preds, Targets
from .base import Criterion, Parts


class AnchorCriterion(Criterion):
    """YOLOv5's loss: CIoU on matched anchors, objectness towards that CIoU, class BCE.

    Each term is a mean per level, summed over levels; objectness is weighted by `balance` per level. With `autoscale`
    the weights follow levels, classes and the grid as in the official training script. That one scales objectness by
    (picture / 640)^2, which holds the share of positive cells constant for a finest stride of 8; here the finest grid
    itself is counted (80 cells a side give 1), so a stride-4 level is not starved. The same for the official strides.
    An L1 term (see `losses.box.l1`) joins where `l1.weight` is above 0; YOLOv5 has none.
    With `obj.norm` "positives" objectness is a sum over priors, divided by the positives of all levels, as in YOLOX.
    Source: ultralytics/yolov5 v6 (`ComputeLoss`).
    """

    assigner = "wh_ratio"
    soft = True
    terms = {
        "box": {"type": "ciou", "weight": 0.05},
        "bins": {"type": "two_hot", "weight": 0.02},
        "obj": {"weight": 1.0, "balance": [4.0, 1.0, 0.4], "norm": ("priors", "positives")},
        "cls": {"weight": 0.5, "smoothing": 0.0},
        "l1": {"weight": 0.0},
        "autoscale": False,
    }

    def parts(self, preds: Preds, targets: Targets) -> Parts:
        """Box, objectness and class terms, each a scalar.

        Raises:
            InputError: see `balance`.
        """
        found = self.match(preds, targets)
        at = (found.image, found.prior)
        counts = preds.priors.counts
        gt = targets.boxes[found.gt]
        box, lost = self.localise(preds, found, gt)
        weight = self.loss["l1"]["weight"]
        if weight:
            lost["l1"] = l1(box, gt, preds.priors.strides[found.prior]) * weight
        lost = {k: of_pairs(v, targets.weights, found) for k, v in lost.items()}
        logits = preds.cls[at].float()
        off = self.loss["cls"]["smoothing"] / 2
        wanted = torch.full_like(logits, off)
        wanted[torch.arange(len(logits), device=logits.device), targets.labels[found.gt]] = 1 - off
        per_cls = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean(1)
        per_cls = of_pairs(per_cls, targets.weights, found)

        assert preds.obj is not None
        obj = preds.obj.float()
        overlap = of_pairs(ciou(box.detach(), gt).clamp(min=0), targets.scores, found)
        quality = of_last_pairs(obj.shape, at, overlap)
        per_obj = F.binary_cross_entropy_with_logits(obj, quality, reduction="none")
        counted = torch.ones_like(obj) if found.ignored is None else (~found.ignored).float()

        zero = obj.sum() * 0 + logits.sum() * 0  # all reach the head, always
        (here, held), seen = pairs_of_levels(preds, found), counted.split(counts, 1)
        pairs, over = self.over(world_sum(torch.cat((held, torch.stack([x.sum().long() for x in seen])))))
        mean = lambda v: sum((v[i].sum() / n for i, n in zip(here, pairs, strict=True)), zero)  # noqa: E731
        local, lcls = {k: mean(v) for k, v in lost.items()}, mean(per_cls) if self.nc > 1 else zero
        lobj, balance = zero, self.balance(len(counts))
        for value, n, weight in zip((per_obj * counted).split(counts, 1), over, balance, strict=True):
            lobj = lobj + value.sum() / n * weight
        wb, wo, wc = self.weights(len(counts), max(max(rows, columns) for _, rows, columns in preds.priors.shapes))
        local = {k: v * (1 if k == "l1" else wb) for k, v in local.items()}
        return {"box": local.pop("box"), "obj": lobj * wo, "cls": lcls * wc} | local

    def over(self, tally: Tensor) -> tuple[Tensor, Tensor]:
        """What sums are divided by, per level: (2 L,) pairs, then priors -> (L,) for pairs, (L,) for objectness."""
        pairs, priors = tally.clamp(min=1).chunk(2)
        if self.loss["obj"]["norm"] == "priors":
            return pairs, priors
        return pairs, tally.chunk(2)[0].sum().clamp(min=1).expand_as(pairs)

    def balance(self, levels: int) -> list[float]:
        """Objectness weight of each level.

        Raises:
            InputError: a list that does not fit the head.
        """
        values = self.loss["obj"]["balance"]
        if len(values) != levels:
            raise InputError(f"loss.obj.balance has {len(values)} values for {levels} levels; give one per level")
        return values

    def weights(self, levels: int, cells: int) -> tuple[float, float, float]:
        """Factor of the box terms, weights of objectness and class; `cells`: longer side of the finest grid."""
        box, obj, cls = 1.0, self.loss["obj"]["weight"], self.loss["cls"]["weight"]
        if self.loss["autoscale"]:
            per_level = 3 / levels
            share = (cells / 80) ** 2 if self.loss["obj"]["norm"] == "priors" else 1.0
            return box * per_level, obj * per_level * share, cls * per_level * self.nc / 80
        return box, obj, cls


def of_pairs(values: Tensor, factors: Tensor | None, found: Assignment) -> Tensor:
    """Values of pairs, each times the factor of its object.

    Args:
        values: (P, ...).
        factors: (M,); None for 1.
        found: the pairs.
    Returns:
        (P, ...).
    """
    return values if factors is None else values * factors[found.gt].view(-1, *[1] * (values.dim() - 1))


def of_last_pairs(shape: torch.Size, at: tuple[Tensor, Tensor], values: Tensor) -> Tensor:
    """Each prior's value by the last of its pairs, as a CPU writes them one after the other; a card picks any of them.

    Args:
        shape: (B, A).
        at: (n,) images and (n,) priors, several pairs of which may mean one prior.
        values: (n,).
    Returns:
        (B, A), 0 where a prior is in no pair.
    """
    images, priors = shape
    numbers = torch.arange(len(values), device=values.device)
    last = numbers.new_full((images * priors,), -1).scatter_reduce_(0, at[0] * priors + at[1], numbers, "amax")
    return torch.cat((values, values.new_zeros(1)))[last].view(shape)  # -1 is the zero


def pairs_of_levels(preds: Preds, found: Assignment) -> tuple[tuple[Tensor, ...], Tensor]:
    """The numbers of the pairs of each level, ascending, and how many these are: the one thing a GPU is waited for.

    Returns:
        For each of L levels (n,) numbers of pairs, and the (L,) counts.
    """
    level = preds.priors.level(found.prior)
    counts = torch.stack([(level == i).sum() for i in range(len(preds.priors.counts))])
    return level.argsort(stable=True).split(counts.tolist()), counts


class YOLOXCriterion(Criterion):
    """YOLOX's loss: IoU^2 on SimOTA's positives, class BCE towards their IoU, objectness over all priors.

    All terms are sums over the batch divided by the number of positives, objectness by that of all priors with
    `obj.norm` "priors". L1 on the raw channels joins when mosaic ends.
    Source: Ge et al. 2021 (YOLOX); Megvii-BaseDetection/YOLOX.
    """

    mean = True
    assigner = "simota"
    soft = True
    terms = {
        "box": {"type": "iou2", "weight": 5.0},
        "bins": {"type": "two_hot", "weight": 1.0},
        "obj": {"weight": 1.0, "norm": ("positives", "priors")},
        "cls": {"weight": 1.0},
        "l1": {"weight": 1.0, "always": False},
    }

    def __init__(self, cfg: dict[str, Any], coder: Any, nc: int):
        super().__init__(cfg, coder, nc)
        self.use_l1 = bool(self.loss["l1"]["always"])

    def last_epochs(self) -> None:
        """Switch L1 on."""
        self.use_l1 = True

    def parts(self, preds: Preds, targets: Targets) -> Parts:
        """Box, objectness, class and L1 terms, each a scalar; L1 is zero until the last epochs."""
        found = self.match(preds, targets)
        at = (found.image, found.prior)
        n = world_sum(preds.cls.new_full((), len(found.prior), dtype=torch.long)).clamp(min=1)
        gt = targets.boxes[found.gt]
        decoded, lost = self.localise(preds, found, gt)
        lost = {k: of_pairs(v, targets.weights, found) for k, v in lost.items()}
        quality = found.iou if found.iou is not None else iou(decoded.detach(), gt)
        logits = preds.cls[at].float()
        wanted = torch.zeros_like(logits)
        wanted[torch.arange(len(logits), device=logits.device), targets.labels[found.gt]] = quality.to(logits.dtype)

        assert preds.obj is not None
        obj = preds.obj.float()
        positive = of_last_pairs(obj.shape, at, of_pairs(obj.new_ones(len(gt)), targets.scores, found))
        per_obj = F.binary_cross_entropy_with_logits(obj, positive, reduction="none")
        counted = torch.ones_like(obj) if found.ignored is None else (~found.ignored).to(obj.dtype)
        per_obj = per_obj * counted
        over = n if self.loss["obj"]["norm"] == "positives" else world_sum(counted.sum().long()).clamp(min=1)

        counts = None if targets.weights is None else targets.weights[found.gt][:, None]
        parts = {
            "box": lost.pop("box").sum() / n,
            "obj": per_obj.sum() / over * self.loss["obj"]["weight"],
            "cls": F.binary_cross_entropy_with_logits(logits, wanted, counts, reduction="sum")
            / n
            * self.loss["cls"]["weight"],
        }
        far = decoded.sum() * 0
        if self.use_l1 and self.bins is None:
            raw = preds.box[at].float()
            far = (raw - self.coder.encode(gt, preds.priors.at(found.prior))).abs()
            far = of_pairs(far, targets.weights, found).sum() / n
        elif self.use_l1:
            far = of_pairs(l1(decoded, gt, preds.priors.strides[found.prior]), targets.weights, found).sum() / n
        return parts | {k: v.sum() / n for k, v in lost.items()} | {"l1": far * self.loss["l1"]["weight"]}
