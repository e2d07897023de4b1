"""Priors in ignore regions, of which there may be many."""

from __future__ import annotations

import torch

from yolotiny.assigners.ignore import TOGETHER, ignored_priors
from yolotiny.structures import Priors, Targets


def test_many_regions_hide_the_centres_in_any_of_them_and_no_positive():
    g = torch.Generator().manual_seed(0)
    n, side = TOGETHER + 6, 16
    centers = torch.cartesian_prod(torch.arange(side), torch.arange(side)) + 0.5
    priors = Priors(centers, torch.ones(side**2, 2), torch.ones(side**2, 1), ((1, side, side),))
    corner, image = torch.rand(n, 2, generator=g) * side, torch.randint(2, (n,), generator=g)
    none = torch.zeros(0)
    regions = torch.cat((corner, corner + 1.5), 1)
    targets = Targets(none.view(0, 4), none.long(), none.long(), regions, image, 2, (side, side))
    positive = torch.rand(2, side**2, generator=g) < 0.2
    wanted = torch.zeros_like(positive)
    for (x1, y1, x2, y2), i in zip(regions, image, strict=True):
        x, y = centers.T
        wanted[i] |= (x >= x1) & (x <= x2) & (y >= y1) & (y <= y2)
    assert wanted.any() and not wanted.all()
    assert torch.equal(ignored_priors(priors, targets, positive), wanted & ~positive)
