"""The assignment of FCOS: cells near an object's centre, on the level that its size asks for."""

from __future__ import annotations

import torch
from torch import Tensor

from ..boxes import area
from ..errors import InputError, above_zero, number
from ..structures import Assignment, Preds, Targets
from .ignore import ignored_priors
from .nearby import nearby_priors
from .rka import settle


class CenterSampling:
    """An object takes the cells in it, near its centre, from which its farthest side is `low` to `high` cells away.

    The finest level has no lower bound and the coarsest no upper one. A cell that several objects want goes to the
    smallest of them. An object that holds no cell's centre has none.

    Args:
        radius: half the side of the square of candidates, in cells of each level.
        low, high: range of the distance to the farthest side, in cells.
    Raises:
        InputError: a radius or a high that is not positive, a low that is negative or not below high.
    Source: Tian et al. 2019 (FCOS), section 3.2; centre sampling and numbers as in torchvision.
    """

    needs_predictions = False

    def __init__(self, radius: float = 1.5, low: float = 4.0, high: float = 8.0):
        name = "assigner center_sampling"
        self.radius = above_zero(radius, f"{name}: radius", 1.5)
        self.low, self.high = number(low, f"{name}: low", example=4.0), above_zero(high, f"{name}: high", 8.0)
        if low >= high:
            raise InputError(f"{name}: low={low} must be below high={high}")

    @torch.no_grad()
    def __call__(self, preds: Preds, boxes: Tensor | None, targets: Targets, areas: Tensor | None = None) -> Assignment:
        """Match by geometry alone.

        Args:
            preds: only `preds.priors` is used.
            boxes, areas: unused; decoded boxes (B, A, 4) xyxy pixels and areas (B, A), for assigners that want them.
            targets: M ground truths.
        Returns:
            Pairs in order of image, then prior; each prior at most once.
        """
        priors, gt, count = preds.priors, targets.boxes.float(), len(preds.priors.centers)
        key, valid = nearby_priors(gt, priors, self.radius)  # (M, K)
        centers, strides = priors.centers[key], priors.strides[key]
        away = torch.cat((centers - gt[:, None, :2], gt[:, None, 2:] - centers), -1)  # (M, K, 4)
        level = priors.level(key)
        low = torch.where(level == 0, 0.0, self.low) * strides[..., 0]
        high = torch.where(level == len(priors.shapes) - 1, torch.inf, self.high) * strides[..., 0]
        far = away.amax(-1)
        gt_index, column = (valid & (away.amin(-1) > 0) & (far > low) & (far < high)).nonzero(as_tuple=True)
        taken = key[gt_index, column] + targets.image[gt_index] * count
        owner = settle(taken, gt_index, -area(gt)[gt_index], targets.batch_size * count)
        positive = (owner >= 0).view(targets.batch_size, count)
        where = positive.view(-1).nonzero()[:, 0]
        ignored = ignored_priors(priors, targets, positive)
        return Assignment(where // count, where % count, owner[where], None, ignored)
