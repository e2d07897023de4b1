"""The story of a loss step: targets -> assignment -> terms -> weighted sum. One class per family of detectors.

A criterion is called as `criterion(preds, batch)` with ultralytics' batch and gives ultralytics' pair: the loss vector
to back-propagate (its sum is the total) and a dict of detached parts with the same keys in every step.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .assigners import ASSIGNERS
from .boxes import ciou, iou, xywh2xyxy
from .errors import InputError, did_you_mean
from .losses import BOX_LOSSES, LOCALISATION
from .losses.box import l1
from .registry import Registry, build
from .structures import Assignment, Preds, Targets

Batch = dict[str, Any]
Parts = dict[str, Tensor]


def targets_of(batch: Batch) -> Targets:
    """Read ultralytics' batch.

    Args:
        batch: `img` (B, 3, H, W), `batch_idx` (M,), `cls` (M, 1), `bboxes` (M, 4) normalised xywh; optionally
            `ignore_idx` (K,) and `ignore_bboxes` (K, 4) normalised xywh.
    """
    img = batch["img"]
    b, _, h, w = img.shape
    size = torch.tensor([w, h, w, h], device=img.device, dtype=torch.float32)

    def pixels(rows: Tensor) -> Tensor:
        return xywh2xyxy(rows.to(img.device).float().view(-1, 4) * size)

    none = torch.zeros(0, device=img.device)
    return Targets(
        boxes=pixels(batch["bboxes"]),
        labels=batch["cls"].to(img.device).long().view(-1),
        image=batch["batch_idx"].to(img.device).long().view(-1),
        ignore=pixels(batch.get("ignore_bboxes", none)),
        ignore_image=batch.get("ignore_idx", none).to(img.device).long().view(-1),
        batch_size=b,
        imgsz=(h, w),
        areas=(batch["bboxes"].to(img.device).float().view(-1, 4)[:, 2:] * size[2:]).prod(-1),
    )


def section(cfg: dict[str, Any], allowed: dict[str, Any]) -> dict[str, Any]:
    """The `loss:` section over its defaults; a changed `type` keeps the weight and drops the other arguments.

    Raises:
        InputError: a term or key that the family does not have, a value of the wrong kind.
    """
    where = cfg.get("yaml_file") or "the configuration"
    out = {k: dict(v) if isinstance(v, dict) else v for k, v in allowed.items()}
    for key, value in (cfg.get("loss") or {}).items():
        if key not in out:
            raise InputError(f"loss.{key} in {where} is not a term of this detector{did_you_mean(key, out)}")
        default = out[key]
        if not isinstance(default, dict):
            if wish := _wish(default, value):
                raise InputError(f"loss.{key} in {where} must be {wish}, not {value!r}")
            out[key] = value
            continue
        value = {"type": value} if isinstance(value, str) and "type" in default else value
        if not isinstance(value, dict):
            raise InputError(f"loss.{key} in {where} must be a mapping such as {default}, not {value!r}")
        if "type" not in default and (unknown := [k for k in value if k not in default]):
            raise InputError(f"loss.{key}.{unknown[0]} in {where} is not known{did_you_mean(unknown[0], default)}")
        same = value.get("type", default.get("type")) == default.get("type")
        out[key] = (default if same else {"weight": default["weight"]}) | value
        for k in (default.keys() - {"type"}) & out[key].keys():
            if wish := _wish(default[k], out[key][k]):
                raise InputError(f"loss.{key}.{k} in {where} must be {wish}, not {out[key][k]!r}")
    return out


def _wish(default: Any, value: Any) -> str:
    """What a value should have been, judged by the default in its place; empty when it is of that kind."""
    if isinstance(default, bool):
        return "" if isinstance(value, bool) else "true or false"
    if isinstance(default, list):
        good = isinstance(value, list) and not any(_wish(1.0, v) for v in value)
        return "" if good else "a list of numbers from 0 up"
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf")
    return "" if number else "a number from 0 up"


class Criterion:
    """What the families share: the assigner and the box loss from the YAML, and the weighted sum.

    Args:
        cfg: the model's configuration.
        coder: the head's coder.
        nc: number of classes.

    Attributes:
        mean: True when the total is a mean over objects, False when it grows with the batch size; the trainer scales
            the learning rate by it.
    """

    mean = False
    terms: dict[str, Any] = {}
    assigner = ""

    def __init__(self, cfg: dict[str, Any], coder: Any, nc: int):
        where = cfg.get("yaml_file") or "the configuration"
        self.coder, self.nc = coder, nc
        self.loss = section(cfg, self.terms)
        measured = cfg.get("measured") or {}
        own = {"of": self.terms["box"]["type"]}  # what a loss that reshapes another one reshapes here
        self.box = build(self.loss["box"], BOX_LOSSES, where=f"{where}: loss.box", **measured, **own)
        self.bins = None
        if hasattr(coder, "grids"):
            self.bins = build(self.loss["bins"], LOCALISATION, where=f"{where}: loss.bins", coder=coder)
        elif (cfg.get("loss") or {}).get("bins"):
            raise InputError(f"loss.bins in {where} needs a coder of distributions: coder: {{type: bins}}")
        spec = cfg.get("assigner") or self.assigner
        spec = {"type": self.assigner} | spec if isinstance(spec, dict) else spec
        self.assign = build(spec, ASSIGNERS, where=f"{where}: assigner", coder=coder, **measured)

    def __call__(self, preds: Any, batch: Batch) -> tuple[Tensor, Parts]:
        """Loss vector and detached parts; `preds` may be a head's training or evaluation output."""
        preds = preds if isinstance(preds, Preds) else preds[1]
        with torch.autocast(preds.cls.device.type, enabled=False):
            parts = self.parts(preds, targets_of(batch))
        names = list(parts)
        vector = torch.stack([parts[k] for k in names])
        if not self.mean:
            vector = vector * batch["img"].shape[0]
        return vector, {f"{k}_loss": parts[k].detach() for k in names}

    def parts(self, preds: Preds, targets: Targets) -> Parts:
        """The weighted terms by name."""
        raise AssertionError("a family without terms")

    def localise(self, preds: Preds, found: Assignment, gt: Tensor) -> tuple[Tensor, Parts]:
        """Predicted boxes (P, 4) of the pairs, and what each pair loses by its box: (P,) by name, weighted."""
        boxes = self.coder.decode(preds.box[found.image, found.prior].float(), preds.priors.at(found.prior))
        lost = {"box": self.box(boxes, gt) * self.box.weight}
        if self.bins is not None:
            lost = {"box": lost["box"] * self.bins.keep_iou} | self.bins(preds, found, gt)
        return boxes, lost

    @torch.no_grad()
    def match(self, preds: Preds, targets: Targets) -> Assignment:
        """Ask the assigner, which gets decoded boxes and their areas where it looks at predictions."""
        if not self.assign.looks:
            return self.assign(preds, None, targets)
        raw = preds.box.float()
        boxes, sizes = self.coder.decode(raw, preds.priors), self.coder.sizes(raw, preds.priors)
        return self.assign(preds, boxes, targets, sizes.prod(-1))

    def last_epochs(self) -> None:
        """Called once when mosaic is switched off for the last epochs."""


class AnchorCriterion(Criterion):
    """YOLOv5's loss: CIoU on matched anchors, objectness towards that CIoU, class BCE.

    Each term is a mean per level, summed over levels; objectness is weighted by `balance` per level. With `autoscale`
    the weights follow levels, classes and the grid as in the official training script. That one scales objectness by
    (picture / 640)^2, which holds the share of positive cells constant for a finest stride of 8; here the finest grid
    itself is counted (80 cells a side give 1), so a stride-4 level is not starved. The same for the official strides.
    An L1 term (see `losses.box.l1`) joins where `l1.weight` is above 0; YOLOv5 has none.
    Source: ultralytics/yolov5 v6 (`ComputeLoss`).
    """

    assigner = "wh_ratio"
    terms = {
        "box": {"type": "ciou", "weight": 0.05},
        "bins": {"type": "two_hot", "weight": 0.05},
        "obj": {"weight": 1.0, "balance": [4.0, 1.0, 0.4]},
        "cls": {"weight": 0.5, "smoothing": 0.0},
        "l1": {"weight": 0.0},
        "autoscale": False,
    }

    def parts(self, preds: Preds, targets: Targets) -> Parts:
        """Box, objectness and class terms."""
        found = self.match(preds, targets)
        at = (found.image, found.prior)
        counts = preds.priors.counts
        level = preds.priors.level(found.prior)
        gt = targets.boxes[found.gt]
        box, lost = self.localise(preds, found, gt)
        weight = self.loss["l1"]["weight"]
        if weight:
            lost["l1"] = l1(box, gt, preds.priors.strides[found.prior]) * weight
        logits = preds.cls[at].float()
        off = self.loss["cls"]["smoothing"] / 2
        wanted = torch.full_like(logits, off)
        wanted[torch.arange(len(logits), device=logits.device), targets.labels[found.gt]] = 1 - off
        per_cls = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean(1)

        assert preds.obj is not None
        obj = preds.obj.float()
        quality = torch.zeros_like(obj)
        quality[at] = ciou(box.detach(), gt).clamp(min=0)
        per_obj = F.binary_cross_entropy_with_logits(obj, quality, reduction="none")
        counted = torch.ones_like(obj) if found.ignored is None else (~found.ignored).float()

        zero = obj.sum() * 0
        lcls, lobj = zero + logits.sum() * 0, zero  # all reach the head, always
        local = {k: v.sum() * 0 + zero for k, v in lost.items()}
        balance = self.balance(len(counts))
        columns = zip((per_obj * counted).split(counts, 1), counted.split(counts, 1), strict=True)
        for i, (value, mask) in enumerate(columns):
            lobj = lobj + value.sum() / mask.sum().clamp(min=1) * balance[i]
            here = level == i
            if here.any():
                local = {k: v + lost[k][here].mean() for k, v in local.items()}
                if self.nc > 1:
                    lcls = lcls + per_cls[here].mean()
        wb, wo, wc = self.weights(len(counts), max(targets.imgsz) / float(preds.priors.strides.min()))
        local = {k: v * (1 if k == "l1" else wb) for k, v in local.items()}
        return {"box": local.pop("box"), "obj": lobj * wo, "cls": lcls * wc} | local

    def balance(self, levels: int) -> list[float]:
        """Objectness weight of each level; InputError when the list does not fit the head."""
        values = self.loss["obj"]["balance"]
        if len(values) != levels:
            raise InputError(f"loss.obj.balance has {len(values)} values for {levels} levels; give one per level")
        return values

    def weights(self, levels: int, cells: float) -> tuple[float, float, float]:
        """Factor of the box terms, weights of objectness and class; `cells`: longer side over the finest stride."""
        box, obj, cls = 1.0, self.loss["obj"]["weight"], self.loss["cls"]["weight"]
        if self.loss["autoscale"]:
            per_level = 3 / levels
            return box * per_level, obj * per_level * (cells / 80) ** 2, cls * per_level * self.nc / 80
        return box, obj, cls


class YOLOXCriterion(Criterion):
    """YOLOX's loss: IoU^2 on SimOTA's positives, class BCE towards their IoU, objectness over all priors.

    All terms are sums over the batch divided by the number of positives. L1 on the raw channels joins when mosaic ends.
    Source: Ge et al. 2021 (YOLOX); Megvii-BaseDetection/YOLOX.
    """

    mean = True
    assigner = "simota"
    terms = {
        "box": {"type": "iou2", "weight": 5.0},
        "bins": {"type": "two_hot", "weight": 1.0},
        "obj": {"weight": 1.0},
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
        """Box, objectness, class and L1 terms; L1 is zero until the last epochs."""
        found = self.match(preds, targets)
        at = (found.image, found.prior)
        n = max(len(found.prior), 1)
        gt = targets.boxes[found.gt]
        decoded, lost = self.localise(preds, found, gt)
        quality = found.iou if found.iou is not None else iou(decoded.detach(), gt)
        logits = preds.cls[at].float()
        wanted = torch.zeros_like(logits)
        wanted[torch.arange(len(logits), device=logits.device), targets.labels[found.gt]] = quality.to(logits.dtype)

        assert preds.obj is not None
        obj = preds.obj.float()
        positive = torch.zeros_like(obj)
        positive[at] = 1
        per_obj = F.binary_cross_entropy_with_logits(obj, positive, reduction="none")
        if found.ignored is not None:
            per_obj = per_obj * ~found.ignored

        parts = {
            "box": lost.pop("box").sum() / n,
            "obj": per_obj.sum() / n * self.loss["obj"]["weight"],
            "cls": F.binary_cross_entropy_with_logits(logits, wanted, reduction="sum") / n * self.loss["cls"]["weight"],
        }
        far = decoded.sum() * 0
        if self.use_l1 and self.bins is None:
            raw = preds.box[at].float()
            far = (raw - self.coder.encode(gt, preds.priors.at(found.prior))).abs().sum() / n
        elif self.use_l1:
            far = l1(decoded, gt, preds.priors.strides[found.prior]).sum() / n
        return parts | {k: v.sum() / n for k, v in lost.items()} | {"l1": far * self.loss["l1"]["weight"]}


CRITERIA = Registry("detector family", {"anchor": AnchorCriterion, "yolox": YOLOXCriterion})
