"""What travels between rooms: priors, predictions, targets, assignments.

Boxes are xyxy in pixels of the network input everywhere inside the package. Letters in shapes: B images, A priors of
one image over all levels, C classes, M ground truths of the batch, P matched pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor


@dataclass(frozen=True)
class Priors:
    """Where each prediction starts from, all levels in one row.

    Attributes:
        centers: (A, 2) centre of the prior's cell, x then y, pixels.
        sizes: (A, 2) prior width and height, pixels (the anchor, or the stride for point priors).
        strides: (A, 1) pixels per cell.
        shapes: per level (anchors, rows, columns); a level's priors are laid out in that order.
    """

    centers: Tensor
    sizes: Tensor
    strides: Tensor
    shapes: tuple[tuple[int, int, int], ...]

    @property
    def counts(self) -> list[int]:
        """Number of priors of each level."""
        return [a * h * w for a, h, w in self.shapes]

    def at(self, index: Tensor) -> Priors:
        """The priors of the chosen columns, (P,) index -> P priors without grid shapes."""
        return Priors(self.centers[index], self.sizes[index], self.strides[index], ())

    def level(self, index: Tensor) -> Tensor:
        """(P,) column index -> (P,) level index."""
        out = torch.zeros_like(index)
        for end in accumulate(self.counts):
            out = out + (index >= end)
        return out


@dataclass(frozen=True)
class Preds:
    """What a head says before any decision.

    Attributes:
        box: (B, A, `coder.channels`) raw box channels; `coder.decode` turns them into xyxy pixels.
        cls: (B, A, C) class logits.
        obj: (B, A) objectness logits, or None for heads without.
        priors: the priors behind the A columns.
        aux: tensors of any shape that other layers want in the loss, by name.
        features: per level (B, c, H, W), what the head read; only in training, for a loss that asks again.
        again: runs only the head's box branch, features -> `box`; only in training.
    """

    box: Tensor
    cls: Tensor
    obj: Tensor | None
    priors: Priors
    aux: dict[str, Tensor] = field(default_factory=dict)
    features: Sequence[Tensor] = ()
    again: Callable[[Sequence[Tensor]], Tensor] | None = None


@dataclass(frozen=True)
class RCNNPreds(Preds):
    """What a head of two stages says: that of its anchors, without classes, and whom to ask about its proposals.

    Attributes:
        proposals: (B, R, 4) xyxy pixels.
        real: (B, R) True where there is a proposal; pictures have different numbers of them.
        stages: how often proposals are looked at, one stage after the other.
        ask: boxes of each picture (n, 4) and the stage -> logits (N, 1 + C) and raw channels (N, k) of all.
        refine: raw channels (..., k), boxes (..., 4) and the stage -> boxes.
    """

    proposals: Tensor = field(kw_only=True)
    real: Tensor = field(kw_only=True)
    stages: int = 1
    ask: Callable[[list[Tensor], int], tuple[Tensor, Tensor]] = field(kw_only=True)
    refine: Callable[[Tensor, Tensor, int], Tensor] = field(kw_only=True)


@dataclass(frozen=True)
class CenterPreds:
    """What a centre head says before any decision: maps instead of rows.

    A head may answer in stages (coarse and refined boxes, or the stacks of an hourglass): all are trained, the last one
    is used.

    Attributes:
        heat: per stage (B, C, H, W) class logits, an object is a peak; H and W are a whole multiple of the cells'.
        box: per stage (B, `coder.channels`, h, w) raw box channels of each cell.
        priors: the priors behind the h * w cells.
        seen: (B, H, W) best class probability of each pixel of the last heat map, blurred; None in training.
        aux: tensors of any shape that other layers want in the loss, by name.
    """

    heat: tuple[Tensor, ...]
    box: tuple[Tensor, ...]
    priors: Priors
    seen: Tensor | None = None
    aux: dict[str, Tensor] = field(default_factory=dict)

    @property
    def rows(self) -> list[Preds]:
        """Per stage the boxes of all cells in one row, without classes: what losses of boxes read."""
        rows = [box.flatten(2).transpose(1, 2) for box in self.box]
        return [Preds(x, x.new_zeros(*x.shape[:2], 0), None, self.priors) for x in rows]


@dataclass(frozen=True)
class Targets:
    """Ground truth of a batch.

    Attributes:
        boxes: (M, 4) xyxy pixels.
        labels: (M,) class index.
        image: (M,) index into the batch, ascending.
        ignore: (K, 4) xyxy pixels of ignore regions: no loss and no negative there.
        ignore_image: (K,) index into the batch.
        batch_size: B; images without any object count too.
        imgsz: (height, width) of the network input, pixels.
        areas: (M,) width times height as labelled; the corners carry rounding.
        scores: (M,) how much of an object it is, 0..1, as a teacher has it; None where all are.
        weights: (M,) what learning its box and class counts, 0..1; None where all count 1.
    """

    boxes: Tensor
    labels: Tensor
    image: Tensor
    ignore: Tensor
    ignore_image: Tensor
    batch_size: int
    imgsz: tuple[int, int]
    areas: Tensor | None = None
    scores: Tensor | None = None
    weights: Tensor | None = None


@dataclass(frozen=True)
class Assignment:
    """Which prior answers for which ground truth.

    A list of pairs and not a map: YOLOv5 lets one prior serve two ground truths.

    Attributes:
        image: (P,) index into the batch.
        prior: (P,) index into the A priors.
        gt: (P,) index into `Targets.boxes`.
        iou: (P,) IoU of prediction and ground truth where the assigner computed it, else None.
        ignored: (B, A) True where a prior is neither positive nor negative, or None when there is no such prior.
    """

    image: Tensor
    prior: Tensor
    gt: Tensor
    iou: Tensor | None = None
    ignored: Tensor | None = None


class WithAux(NamedTuple):
    """What a layer returns that adds to the loss: its features, and named tensors for the criterion.

    Attributes:
        out: (B, c, H, W) features, or a list of them; the next layer sees these alone.
        aux: tensors of any shape by name, which the detector gathers into `Preds.aux`.
    """

    out: Tensor | list[Tensor]
    aux: dict[str, Tensor]
