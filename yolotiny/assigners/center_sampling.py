"""The assignment of FCOS: cells near an object's centre, on the level that its size asks for."""

from __future__ import annotations

import torch

from ..boxes import area
from ..errors import InputError, above_zero, number
from ..structures import Assignment, Priors, Targets
from .geometric import Geometric, pairs_of
from .nearby import nearby_priors
from .rka import settle


class CenterSampling(Geometric):
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

    def __init__(self, radius: float = 1.5, low: float = 4.0, high: float = 8.0):
        name = "assigner center_sampling"
        self.radius = above_zero(radius, f"{name}: radius", 1.5)
        self.low, self.high = number(low, f"{name}: low", example=4.0), above_zero(high, f"{name}: high", 8.0)
        if low >= high:
            raise InputError(f"{name}: low={low} must be below high={high}")

    def match(self, priors: Priors, targets: Targets) -> Assignment:
        """Match cells and objects.

        Args:
            priors: A priors.
            targets: M ground truths.
        Returns:
            Pairs in order of image, then prior; each prior at most once.
        """
        gt, count = targets.boxes.float(), len(priors.centers)
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
        owner = owner.view(targets.batch_size, count)
        return pairs_of(owner, owner >= 0, priors, targets)
