"""Localisation as classification (UGS): cross entropy on two-hot targets, entropy, and refinement.

Source: Uncertainty-Aware Gradient Stabilization for Small Object Detection (ICCV 2025, arXiv 2303.01803), sections
3.2 to 3.4. The gradient of the entropy is that of autograd, -p (ln p + H) in the logits; the printed -(ln p + 1) is the
one in the probabilities and has no bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError, number
from ..structures import Assignment, Preds

UR = ("um", "ce", "ce+um")
LOUD = 1024.0  # gradients of the entropy pass through half-precision layers; their length is not used


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """-sum target ln softmax(logits); (..., K), (..., K) -> (...)."""
    return -(target * logits.log_softmax(-1)).sum(-1)


def entropy(logits: Tensor) -> Tensor:
    """-sum p ln p of p = softmax(logits); (..., K) -> (...). Source: section 3.3."""
    log_p = logits.log_softmax(-1)
    return -(log_p.exp() * log_p).sum(-1)


def perturbation(gradient: Tensor, rho: float) -> Tensor:
    """rho * G / ||G|| for each image of a level, without gradient; zero where G is zero or not finite.

    Args:
        gradient: (B, c, H, W).
        rho: length of the step.
    Returns:
        (B, c, H, W) float32.
    Source: section 3.4.
    """
    g = gradient.detach().float().nan_to_num(0, 0, 0)
    return rho * g / (g.flatten(1).norm(dim=1).view(-1, 1, 1, 1) + 1e-12)


class TwoHotLoss:
    """Cross entropy of the predicted distributions and two-hot targets, uncertainty minimisation, refinement.

    A pair of prediction and object loses `weight * (CE + entropy * H)`, each the mean of its four coordinates, and
    `weight * gamma` times the same after the head's features took a step of length `rho` uphill on the entropy.
    The step is made once per level and image, nothing flows through it, and only the box branch runs again.

    Args:
        coder: a coder with `logits` and `distributions`.
        weight: of the whole in the total.
        entropy: weight of the entropy (lambda); up to 0.5: it also rounds values towards grid points.
        ur: what the second pass loses: "um" the entropy (the paper), "ce", "ce+um" both (H by `entropy`).
        gamma: weight of the second pass; 0 is none.
        rho: length of the step.
        feature_l2: weight of the squared length of the features, which Eq. 14 has beside the second pass and the
            paper's total loss has not: a sum over a picture's levels, channels and cells, so that 1e-6 is much.
        keep_iou: keep the IoU-type box loss of the detector beside this one.
    Raises:
        InputError: an unknown ur, a negative number, a keep_iou that is not true or false.
    """

    def __init__(
        self,
        coder: Any,
        weight: float = 1.0,
        entropy: float = 0.5,
        ur: str = "um",
        gamma: float = 0.5,
        rho: float = 0.5,
        keep_iou: bool = True,
        feature_l2: float = 0.0,
    ):
        for name, value in (("weight", weight), ("entropy", entropy), ("gamma", gamma), ("rho", rho)):
            number(value, f"loss.bins: {name}", example=0.5)
        self.feature_l2 = number(feature_l2, "loss.bins: feature_l2", example=1e-6)
        if ur not in UR:
            raise InputError(f"loss.bins: ur must be um, ce or ce+um, not {ur!r}; gamma: 0 is none")
        if not isinstance(keep_iou, bool):
            raise InputError(f"loss.bins: keep_iou must be true or false, not {keep_iou!r}")
        self.coder, self.weight, self.entropy, self.keep_iou = coder, weight, entropy, keep_iou
        self.ur, self.gamma, self.rho = ur, gamma, rho

    def __call__(self, preds: Preds, found: Assignment, gt: Tensor) -> dict[str, Tensor]:
        """What each pair loses.

        Args:
            preds: of the head; refined where `preds.features` are there and gradients are on, that is in training.
            found: P pairs.
            gt: (P, 4) xyxy pixels, the objects of the pairs.
        Returns:
            `ce`, `um` and `ur`, each (P,), weighted; the last is zero where nothing is refined. `feature_l2` adds the
            features of a pair's picture to it.
        """
        at = (found.image, found.prior)
        target = self.coder.distributions(gt.float(), preds.priors.at(found.prior))
        ce, um = self.measure(preds.box[at].float(), target)
        ur = um * 0
        if self.gamma and preds.again is not None and torch.is_grad_enabled():
            gradient = torch.autograd.grad(um.sum() * LOUD, preds.features, retain_graph=True)
            steps = [perturbation(g, self.rho) for g in gradient]
            moved = [f.float() + step for f, step in zip(preds.features, steps, strict=True)]
            ce2, um2 = self.measure(preds.again(moved)[at].float(), target)
            ur = {"um": um2, "ce": ce2, "ce+um": ce2 + self.entropy * um2}[self.ur]
        ur = ur * self.weight * self.gamma
        if self.feature_l2 and preds.features and torch.is_grad_enabled():
            squares = torch.stack([f.float().square().flatten(1).sum(1) for f in preds.features]).sum(0)  # (B,)
            ur = ur + squares[found.image] * self.weight * self.feature_l2
        return {"ce": ce * self.weight, "um": um * self.weight * self.entropy, "ur": ur}

    def measure(self, raw: Tensor, target: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Cross entropy and entropy of each pair, means of the coordinates.

        Args:
            raw: (P, channels) logits of the box.
            target: (P, 2, K) distributions of the centre's offsets, and (P, 2, K) of the logarithms of the sizes.
        Returns:
            (P,) and (P,).
        """
        pairs = list(zip(self.coder.logits(raw), target, strict=True))
        ce = torch.cat([cross_entropy(x, t) for x, t in pairs], -1).mean(-1)
        return ce, torch.cat([entropy(x) for x, _ in pairs], -1).mean(-1)
