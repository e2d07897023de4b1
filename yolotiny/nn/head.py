"""What all dense heads share: priors from feature shapes, and ultralytics' export contract."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from ultralytics.nn.modules import Detect

from ..boxes import xyxy2xywh
from ..errors import InputError
from ..structures import Preds, Priors

KEPT = 16  # input shapes whose priors are kept


@contextlib.contextmanager
def statistics_kept(module: nn.Module) -> Iterator[None]:
    """Batch norms in `module` use the batch as ever, but do not count it into their running statistics."""
    norms = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    try:
        for m in norms:
            m.track_running_stats = False
        yield
    finally:
        for m in norms:
            m.track_running_stats = True


class DenseDetect(Detect):
    """A head with one prediction per prior.

    It subclasses ultralytics' Detect only for the contract of its exporter and predictor: in evaluation it returns
    `(y, preds)`, in export `y` alone, with y (B, 4 + nc, A): xywh pixels (xyxy when `self.xyxy`) and final scores.
    Subclasses give `raw(features) -> Preds` and `prior_sizes(level)`, and name their loss family in `criterion`.

    Args:
        nc: number of classes.
        ch: channels of each level.
        strides: pixels per cell of each level.
        coder: turns raw box channels into boxes; a `coders.Coder`.

    Attributes:
        criterion: name of the head's loss family in `criterion.CRITERIA`.
        anchors_per_cell: priors of a cell.
    """

    criterion = ""
    anchors_per_cell = 1
    cv2 = cv3 = None  # ultralytics looks for its own branches under these names; there are none

    def __init__(self, nc: int, ch: list[int], strides: list[float], coder: Any):
        nn.Module.__init__(self)  # Detect's constructor would build its own branches
        self.nc, self.nl, self.no = nc, len(ch), coder.channels + 1 + nc
        self.reg_max = 1
        self.stride = torch.tensor([float(s) for s in strides])
        self.coder = coder
        self._priors: dict[tuple[tuple[int, int, int], ...], Priors] | None = None

    def raw(self, features: list[Tensor]) -> Preds:
        """Run the convolutions: per-level (B, c, H, W) features -> predictions of all priors."""
        raise AssertionError("a head without convolutions")

    def boxes(self, features: Sequence[Tensor]) -> Tensor:
        """Run the box branch alone: per-level (B, c, H, W) features -> (B, A, channels), as in `raw`."""
        raise AssertionError("a head without a box branch")

    def by_class(self) -> list[Tensor]:
        """Views of the parameters that belong to single classes, each (nc, ...) in the order of the classes."""
        return []

    def prior_sizes(self, level: int) -> Tensor:
        """(anchors, 2) prior sizes of a level, pixels."""
        raise AssertionError("a head without priors")

    def priors(self, features: list[Tensor]) -> Priors:
        """Per-level (B, c, H, W) features -> their priors; some are kept, because crops come in several shapes."""
        like = features[0]
        shapes = tuple((self.anchors_per_cell, f.shape[2], f.shape[3]) for f in features)
        old = (self._priors or {}).get(shapes)
        if old is not None and not self.dynamic and not self.export:
            usable = torch.is_inference_mode_enabled() or not old.centers.is_inference()  # autograd refuses the others
            if usable and old.centers.device == like.device:
                return old
        centers, sizes, strides = [], [], []
        for i, (a, h, w) in enumerate(shapes):
            s = self.stride[i].to(like.device, torch.float32)
            y = (torch.arange(h, device=like.device, dtype=torch.float32) + 0.5) * s
            x = (torch.arange(w, device=like.device, dtype=torch.float32) + 0.5) * s
            grid = torch.stack((x.view(1, w).expand(h, w), y.view(h, 1).expand(h, w)), -1).reshape(1, -1, 2)
            size = self.prior_sizes(i).to(like.device, torch.float32)
            centers.append(grid.expand(a, -1, 2).reshape(-1, 2))
            sizes.append(size[:, None].expand(a, h * w, 2).reshape(-1, 2))
            strides.append(s.expand(a * h * w, 1))
        made = Priors(torch.cat(centers), torch.cat(sizes), torch.cat(strides), shapes)
        if not (self.export or torch.jit.is_tracing()):
            if self._priors is None or len(self._priors) >= KEPT:
                self._priors = {}
            self._priors[shapes] = made
        return made

    def forward(self, x: list[Tensor]) -> Preds | Tensor | tuple[Tensor, Preds]:
        """Per-level (B, c, H, W) -> predictions in training, else (B, 4 + nc, A) pixels and scores; see the class."""
        if self.training and torch.is_grad_enabled() and self.coder.is_distributional:
            # For the refinement of UGS, which asks for gradients here, above a frozen neck too. Nothing stays on self.
            x = [f if f.requires_grad else f.detach().requires_grad_() for f in x]
            return replace(self.raw(x), features=tuple(x), again=self.boxes)
        preds = self.raw(x)
        if self.training:
            return preds
        y = self.decode(preds)
        return y if self.export else (y, preds)

    def decode(self, preds: Preds) -> Tensor:
        """Predictions -> (B, 4 + nc, A): boxes in pixels and class scores times objectness.

        float32 whatever the network computes in: half precision has steps of half a pixel beyond 512, a tenth of a tiny
        box. An exported graph keeps the type of its other tensors.
        """
        boxes = self.coder.decode(preds.box.float(), preds.priors)
        boxes = boxes if self.xyxy else xyxy2xywh(boxes)
        scores = self.scores(preds) if self.export else self.scores(preds).float()
        return torch.cat((boxes.to(scores.dtype), scores), -1).transpose(1, 2)

    def chosen(self, preds: Preds) -> Preds:
        """The predictions that `decode` gives, in its order; all of them here."""
        return preds

    def scores(self, preds: Preds) -> Tensor:
        """Predictions -> (B, A, C) final scores: class probabilities, times objectness where there is one."""
        scores = preds.cls.sigmoid()
        return scores if preds.obj is None else scores * preds.obj.sigmoid()[..., None]

    @property
    def end2end(self) -> bool:
        """These heads need suppression; ultralytics asks."""
        return False

    @end2end.setter
    def end2end(self, value: bool) -> None:
        if value:
            raise InputError("nms=False needs an end-to-end head; this detector's boxes have to be suppressed")

    def bias_init(self) -> None:
        """Biases are set at construction, where strides are already known."""

    def __getstate__(self) -> dict[str, Any]:
        """Cached priors stay out of copies and checkpoints: they depend on the last picture, not on the model."""
        return self.__dict__ | {"_priors": None}


def family_of(head: nn.Module) -> str:
    """The `criterion` that a head names, the last layer of a graph; "" for a head of ultralytics, which bring a loss.

    A plugin's head may be made from ultralytics' Detect, so the name is asked for, not the class.
    """
    return str(getattr(head, "criterion", ""))


def reorder_classes(head: nn.Module, order: Sequence[int]) -> None:
    """Give class i of a head, the last layer of a graph, what class `order[i]` has.

    Raises:
        InputError: a head that does not say which parameters belong to a class.
    """
    theirs = [branch[-1] for name in ("cv3", "one2one_cv3") for branch in getattr(head, name, None) or ()]
    found = [p for conv in theirs for p in (conv.weight, conv.bias) if len(p) == len(order)]
    found = head.by_class() if isinstance(head, DenseDetect) else found
    if not found:
        raise InputError(
            f"the data has the classes in another order than the weights, which {type(head).__name__} cannot follow: "
            "write the names in the order of the weights, or start without them"
        )
    with torch.no_grad():
        for parameter in found:
            parameter.copy_(parameter[list(order)])
