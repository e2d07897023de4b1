"""What every coder declares."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError, above_zero
from ..structures import Priors


class Coder:
    """Raw head channels to xyxy pixels and back, relative to the priors they started from.

    Subclasses bring `decode(raw, priors) -> boxes`, `encode(boxes, priors) -> raw` and `sizes(raw, priors)`, widths and
    heights before the corners round them. `raw` is (..., A, channels), boxes are (..., A, 4) xyxy pixels of the network
    input, sizes (..., A, 2) pixels; `priors` describes the same A columns (see `Priors.at`).

    Attributes:
        channels: raw channels that a box takes.
        is_distributional: every coordinate is a distribution over the points of a grid; such a coder also brings
            `grids`, `zero`, `logits`, `expected`, `distributions` and `spread`, as `BinsCoder` does.
        reach: cells from its own that a prior's box can be centred, either way.
        above_zero: raw channels are distances, which the head keeps from falling below 0.
        regresses: raw channels are themselves what a regression aims at: their distance from `encode` is a loss.
    """

    channels: int = 4
    is_distributional: bool = False
    reach: float = math.inf
    above_zero: bool = False
    regresses: bool = False

    def reaches(self, boxes: Tensor, priors: Priors) -> Tensor:
        """Boxes (..., A, 4) or (..., 1, 4) xyxy pixels -> (..., A) True where the prior can become the box: all."""
        shape = torch.broadcast_shapes(boxes.shape[:-1], priors.centers.shape[:-1])
        return torch.ones(shape, dtype=torch.bool, device=boxes.device)


def four(stds: Any, what: str) -> tuple[float, ...]:
    """The deviations of centre x, centre y, width and height that raw channels are divided by.

    Raises:
        InputError: not four numbers above 0.
    """
    if not isinstance(stds, (list, tuple)) or len(stds) != 4:
        raise InputError(f"{what} must be four numbers, of x, y, w and h, not {stds!r}")
    return tuple(float(above_zero(s, what, 0.1)) for s in stds)
