"""The story of a loss step: targets -> assignment -> terms -> weighted sum. One class per family of detectors.

A criterion is called as `criterion(preds, batch)` with ultralytics' batch and gives ultralytics' pair: the loss vector
to back-propagate (its sum is the total) and a dict of detached parts with the same keys in every step.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..assigners import ASSIGNERS, HeatmapAssigner
from ..boxes import xywh2xyxy
from ..distributed import world_sum
from ..errors import MOST, InputError, did_you_mean
from ..losses import BOX_LOSSES, LOCALISATION, SIMILARITIES, TwoHotLoss
from ..registry import build
from ..structures import Assignment, Preds, Targets
from ..training_stats import TrainingStats

Batch = dict[str, Any]
Parts = dict[str, Tensor]
GIVEN = ("coder", "object_size", "object_areas")  # parameters of components that no YAML sets


def targets_of(batch: Batch) -> Targets:
    """Read ultralytics' batch.

    Args:
        batch: `img` (B, 3, H, W), `batch_idx` (M,), `cls` (M, 1), `bboxes` (M, 4) normalised xywh; optionally
            `ignore_idx` (K,) and `ignore_bboxes` (K, 4) normalised xywh, `soft_scores` and `soft_weights` (M,).
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
        scores=batch.get("soft_scores"),
        weights=batch.get("soft_weights"),
    )


def section(cfg: dict[str, Any], allowed: dict[str, Any]) -> dict[str, Any]:
    """The `loss:` section over its defaults; a changed `type` keeps the weight and drops the other arguments.

    Raises:
        InputError: a term or key that the family does not have, a value of the wrong kind.
    """
    where = cfg.get("yaml_file") or "the configuration"
    out = {k: {a: _usual(b) for a, b in v.items()} if isinstance(v, dict) else v for k, v in allowed.items()}
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
            if wish := _wish(allowed[key][k], out[key][k]):
                raise InputError(f"loss.{key}.{k} in {where} must be {wish}, not {out[key][k]!r}")
    return out


def settable(spec: Any, where: str) -> Any:
    """A component's spec as it is; InputError where it sets what the detector and its training give."""
    for key in GIVEN if isinstance(spec, dict) else ():
        if key in spec:
            raise InputError(f"{where}.{key} is not for setting: the detector and its training give it")
    return spec


def _usual(default: Any) -> Any:
    """What holds where nobody says anything: the first of several words."""
    return default[0] if isinstance(default, tuple) else default


def _wish(default: Any, value: Any) -> str:
    """What a value should have been, judged by the default in its place; empty when it is of that kind."""
    if isinstance(default, tuple):
        return "" if value in default else " or ".join(default)
    if isinstance(default, bool):
        return "" if isinstance(value, bool) else "true or false"
    if isinstance(default, list):
        good = isinstance(value, list) and value and not any(_wish(1.0, v) for v in value)
        return "" if good else "a list of numbers from 0 up"
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= MOST
    return "" if number else "a number from 0 up"


def scaled(parts: Parts, pictures: int, mean: bool) -> tuple[Tensor, Parts]:
    """Terms as ultralytics wants them: the vector to back-propagate, and what is logged of each.

    Args:
        parts: this process's share of each term, a scalar.
        pictures: of this process in the batch.
        mean: leave the terms as they are; else they are multiplied by the pictures of the whole batch.

    Returns:
        (terms,), and the detached terms of the whole batch, called `..._loss`.
    """
    vector = torch.stack([*parts.values()])
    *logged, total = world_sum(torch.cat((vector.detach(), vector.new_full((1,), pictures)))).unbind()
    return vector if mean else vector * total, {f"{k}_loss": v for k, v in zip(parts, logged, strict=True)}


class Criterion:
    """What the families share: the assigner and the box loss from the YAML, and the weighted sum.

    Args:
        cfg: the model's configuration.
        coder: the head's coder.
        nc: number of classes.
    Raises:
        InputError: what `section` refuses, a loss or assigner that does not exist or does not go with the head.

    Attributes:
        mean: True when the total is a mean over objects, False when it grows with the batch size; the trainer scales
            the learning rate by it.
        terms: the family's `loss:` section with its defaults; a tuple holds the words that may stand there, the first
            by default.
        assigner: name of the family's own assigner.
        soft: its terms read `scores` and `weights` of the targets, so a teacher may soften them.
        bins: loss of the distributions, None where the coder has none.
        roi_coder: of a second stage, which few families have.
        beyond: (2,) pairs of the training steps so far whose object lies outside the coder's grid, and all pairs; None
            before the first step and where there are no distributions.
    """

    mean = False
    terms: dict[str, Any] = {}
    assigner = ""
    soft = False
    roi_coder: Any = None

    def __init__(self, cfg: dict[str, Any], coder: Any, nc: int):
        where = cfg.get("yaml_file") or "the configuration"
        self.coder, self.nc = coder, nc
        self.beyond: Tensor | None = None
        self.loss = section(cfg, self.terms)
        training = TrainingStats.of_config(cfg).known()
        own = self.terms["box"]["type"]
        of = own if own in SIMILARITIES else None  # what a loss that reshapes another one reshapes here
        box = settable(self.loss["box"], f"{where}: loss.box")
        self.box = build(box, BOX_LOSSES, where=f"{where}: loss.box", of=of, **training)
        self.raw_box = bool(getattr(self.box, "of_raw", False))
        self.check_raw_box(where, cfg, coder)
        self.bins = None
        if coder.is_distributional:
            self.bins = build(
                settable(self.loss["bins"], f"{where}: loss.bins"),
                LOCALISATION,
                where=f"{where}: loss.bins",
                coder=coder,
            )
        elif (cfg.get("loss") or {}).get("bins") and not getattr(self.roi_coder, "is_distributional", False):
            raise InputError(f"loss.bins in {where} needs a coder of distributions: coder: {{type: bins}}")
        spec = cfg.get("assigner") or self.assigner
        spec = {"type": self.assigner} | spec if isinstance(spec, dict) else spec
        self.assign = build(
            settable(spec, f"{where}: assigner"), ASSIGNERS, where=f"{where}: assigner", coder=coder, **training
        )
        if (draws := isinstance(self.assign, HeatmapAssigner)) != ("heat" in self.terms):
            heads = f"heads {'with' if draws else 'without'} a heat map"
            raise InputError(f"assigner in {where} is for {heads}, and this is none; write {self.assigner}")

    def check_raw_box(self, where: str, cfg: dict[str, Any], coder: Any) -> None:
        """Raise InputError where the box loss compares raw channels and the coder's are not for that."""
        if not self.raw_box:
            return
        if coder.is_distributional:
            if ((cfg.get("loss") or {}).get("bins") or {}).get("keep_iou"):
                raise InputError(
                    f"loss.bins.keep_iou in {where} keeps a loss of boxes beside the distributions, and "
                    f"{self.loss['box']['type']} is none; write for example loss.box.type=giou"
                )
        elif not getattr(coder, "regresses", False):  # coders of plugins need not say so
            raise InputError(
                f"loss.box.type={self.loss['box']['type']} in {where} compares raw channels, which this detector's "
                "coder squashes; write coder.type=delta, or a loss of boxes such as ciou"
            )

    def __call__(self, preds: Any, batch: Batch) -> tuple[Tensor, Parts]:
        """Loss vector (terms,) and detached parts, each a scalar, by name.

        Args:
            preds: a head's training or evaluation output.
            batch: ultralytics' batch, see `targets_of`.
        """
        preds = preds[1] if isinstance(preds, tuple) else preds
        with torch.autocast(batch["img"].device.type, enabled=False):
            parts = self.parts(preds, targets_of(batch))
        return scaled(parts, len(batch["img"]), self.mean)

    def parts(self, preds: Preds, targets: Targets) -> Parts:
        """The weighted terms by name, each a scalar."""
        raise AssertionError("a family without terms")

    def localise(self, preds: Preds, found: Assignment, gt: Tensor) -> tuple[Tensor, Parts]:
        """Predicted boxes of P pairs, and what each pair loses by its box.

        Args:
            preds: of the head.
            found: P pairs.
            gt: (P, 4) xyxy pixels, the objects of the pairs.
        Returns:
            (P, 4) xyxy pixels, and by name (P,), weighted.
        """
        priors = preds.priors.at(found.prior)
        raw = preds.box[found.image, found.prior].float()
        boxes = self.coder.decode(raw, priors)
        if self.raw_box and self.bins is not None:
            lost = {"box": boxes.sum(-1) * 0}  # the distributions' loss stands in its place
        elif self.raw_box:
            lost = {"box": self.box(raw, self.coder.encode(gt, priors)) * self.box.weight}
        else:
            lost = {"box": self.box(boxes, gt) * self.box.weight}
        if self.bins is not None:
            if torch.is_grad_enabled():  # counted where the tensors are: a GPU is not waited for
                reached = self.coder.reaches(gt, priors)
                counted = torch.stack((~reached, torch.ones_like(reached))).sum(1)
                self.beyond = counted if self.beyond is None else self.beyond + counted
            lost = {"box": lost["box"] * self.bins.keep_iou} | self.bins(preds, found, gt)
        return boxes, lost

    @torch.no_grad()
    def match(self, preds: Preds, targets: Targets) -> Assignment:
        """Ask the assigner, which gets decoded boxes and their areas where it looks at predictions."""
        if not self.assign.needs_predictions:
            return self.assign(preds, None, targets)
        raw = preds.box.float()
        boxes, sizes = self.coder.decode(raw, preds.priors), self.coder.sizes(raw, preds.priors)
        return self.assign(preds, boxes, targets, sizes.prod(-1))

    @property
    def refines(self) -> bool:
        """Whether boxes are refined by gradients that are asked for inside the network (UGS)."""
        return isinstance(self.bins, TwoHotLoss) and self.bins.gamma > 0

    def check_compile(self) -> None:
        """Raise InputError where the loss step does not go with a compiled network."""
        if self.refines:
            raise InputError(
                "compile=True does not go with the refinement of UGS, which asks for gradients inside the network; "
                "train with compile=False or with loss.bins.gamma=0"
            )

    def last_epochs(self) -> None:
        """Called once when mosaic is switched off for the last epochs."""
