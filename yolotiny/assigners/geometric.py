"""What assigners share that match by geometry alone: where priors and objects lie, not what the network says."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from ..structures import Assignment, Preds, Priors, Targets
from .ignore import ignored_priors


class Geometric(ABC):
    """An assigner whose pairs follow from priors and ground truths."""

    needs_predictions = False

    @torch.no_grad()
    def __call__(self, preds: Preds, boxes: Tensor | None, targets: Targets, areas: Tensor | None = None) -> Assignment:
        """Match priors and objects.

        Args:
            preds: only `preds.priors` is used.
            boxes, areas: unused; decoded boxes (B, A, 4) xyxy pixels and areas (B, A), for assigners that want them.
            targets: M ground truths.
        Returns:
            Pairs; see `match`.
        """
        return self.match(preds.priors, targets)

    @abstractmethod
    def match(self, priors: Priors, targets: Targets) -> Assignment:
        """The pairs of A priors and M ground truths."""


def pairs_of(
    owner: Tensor, positive: Tensor, priors: Priors, targets: Targets, between: Tensor | None = None
) -> Assignment:
    """The pairs of priors that have one object each.

    Args:
        owner: (B, A) index of the object, where `positive`.
        positive: (B, A) bool.
        priors: A priors.
        targets: M ground truths.
        between: (B, A) bool, priors too like an object to be background: ignored unless they are positive.
    Returns:
        Pairs in order of image, then prior; each prior at most once.
    """
    image, prior = positive.nonzero(as_tuple=True)
    ignored = ignored_priors(priors, targets, positive)
    if between is not None:
        between = between & ~positive
        ignored = between if ignored is None else between | ignored
    return Assignment(image, prior, owner[image, prior], None, ignored)
