"""Localisation as classification (UGS): every box coordinate is a distribution over the points of a fixed grid.

Source: Uncertainty-Aware Gradient Stabilization for Small Object Detection (ICCV 2025, arXiv 2303.01803), section 3.
Three formulas differ from the printed ones: n intervals have n + 1 points, the target weights of the two neighbours are
not swapped and hold on a non-uniform grid, and the decoded value is the expectation of the grid's values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..boxes import xywh2xyxy, xyxy2xywh
from ..errors import InputError, number, whole
from ..structures import Priors
from .base import Coder, four

Pair = Sequence[float]
MOST = 1_000  # intervals of a grid; the paper has 16
UNLIKELY = 1e-6  # the probability that `encode` gives to points that are not meant


def grid(alpha: float, beta: float, n: int, one_sided: bool = False) -> Tensor:
    """Points of a grid whose intervals grow with the distance from zero.

    Args:
        alpha: the farthest point; above 0.
        beta: how fast intervals grow: the outermost is about e^(alpha beta) times the innermost. 0 is a uniform grid.
        n: number of intervals; zero is a point of a two-sided grid when n is even.
        one_sided: 0..alpha instead of -alpha..alpha.
    Returns:
        (n + 1,) float32, ascending.
    Raises:
        InputError: n below 1, alpha not above 0, beta below 0.
    Source: Eq. 9.
    """
    whole(n, "coder bins: n", 1, MOST)
    number(alpha, "coder bins: alpha", ends="(]")
    number(beta, "coder bins: beta")
    if alpha * beta > 80:  # e^88 is the end of float32
        raise InputError(f"coder bins: alpha * beta is {alpha * beta:g}, above 80; up to 5 is usual")
    y = torch.arange(n + 1, dtype=torch.float64) * (alpha * (1 if one_sided else 2) / n) - (0 if one_sided else alpha)
    if beta:
        y = y.sign() * alpha * torch.expm1(beta * y.abs()) / math.expm1(alpha * beta)
    return y.float()


def two_hot(t: Tensor, grid: Tensor) -> Tensor:
    """The distribution on a grid's points next to a value whose expectation is that value.

    Args:
        t: (...) values; those outside the grid are clamped to it.
        grid: (K,) ascending.
    Returns:
        (..., K), at most two entries above 0, their sum 1.
    Source: Eq. 8 as it has to be: the nearer point has the larger share, in units of the interval's own length.
    """
    t = t.clamp(grid[0], grid[-1])
    left = (torch.searchsorted(grid, t.detach().contiguous(), right=True) - 1).clamp(0, len(grid) - 2)
    low, high = grid[left], grid[left + 1]
    share = ((t - low) / (high - low))[..., None]
    out = torch.zeros(*t.shape, len(grid), dtype=t.dtype, device=t.device)
    return out.scatter(-1, left[..., None], 1 - share).scatter(-1, left[..., None] + 1, share)


class BinsCoder(Coder):
    """Offset of the centre in cells, and logarithm of the size over the prior's, each as logits over a grid.

    The prior of YOLOv5 is its anchor, that of YOLOX and of the centre head its cell. alpha, beta and n are one number,
    or two: for offsets and for sizes. The defaults span what YOLOv5's own coder reaches: one cell, and a factor of 4.

    Args:
        alpha, beta, n: see `grid`.
        one_sided: count offsets from the cell's corner, on 0..alpha: for heads where an object's own cell answers.
        stds: count as the coder `delta` does, offsets in sides of the prior, and all four divided by these.
    Raises:
        InputError: values that make no grid.
    """

    is_distributional = True

    def __init__(
        self,
        alpha: float | Pair = (1.0, 1.3863),
        beta: float | Pair = (2.0, 1.4427),
        n: int | Sequence[int] = 10,
        one_sided: bool = False,
        stds: Sequence[float] | None = None,
    ):
        if not isinstance(one_sided, bool):
            raise InputError(f"coder bins: one_sided must be true or false, not {one_sided!r}")
        (a, a2), (b, b2), (k, k2) = (_pair(*item) for item in (("alpha", alpha), ("beta", beta), ("n", n)))
        self.grids = grid(a, b, k, one_sided), grid(a2, b2, k2)
        self.channels = 2 * sum(len(g) for g in self.grids)
        self.zero = 0.5 if one_sided else 0.0  # where an offset of 0 lies, in cells before the centre of the cell
        self.stds = None if stds is None else four(stds, "coder bins: stds")
        if self.stds is not None and one_sided:
            raise InputError("coder bins: one_sided counts from a cell's corner, and stds from the prior's middle")
        self.reach = float(self.grids[0][-1]) - self.zero if stds is None else math.inf

    def units(self, priors: Priors) -> tuple[Tensor, Tensor]:
        """What 1 means: (A, 1) or (A, 2) pixels of an offset, and (2,) of the logarithm of a size ratio."""
        if self.stds is None:
            return priors.strides, priors.sizes.new_ones(2)
        x, y, w, h = self.stds
        return priors.sizes * priors.sizes.new_tensor((x, y)), priors.sizes.new_tensor((w, h))

    def logits(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        """(..., channels) raw -> (..., 2, K) logits of x and y, and of width and height."""
        k = 2 * self.grids[0].numel()
        return raw[..., :k].unflatten(-1, (2, -1)), raw[..., k:].unflatten(-1, (2, -1))

    def expected(self, raw: Tensor) -> Tensor:
        """(..., channels) raw -> (..., 4) expected offset of x and y in cells, logarithms of the size ratios."""
        if torch.jit.is_tracing():
            return self.expected_by_rows(raw)
        values = [(p.softmax(-1) * g.to(p)).sum(-1) for p, g in zip(self.logits(raw), self.grids, strict=True)]
        return torch.cat(values, -1)

    def expected_by_rows(self, raw: Tensor) -> Tensor:
        """`expected`, cells and logarithms, for an exported graph: raw (B, A, channels) -> (B, A, 4), in rows.

        A softmax over ten neighbouring numbers keeps processors waiting: twice a product with 19,200 columns is seven
        times as fast.
        """
        rows, values = raw.transpose(1, 2), []  # (B, channels, A)
        for g in self.grids:
            logits, rows = rows[:, : 2 * len(g)].unflatten(1, (2, len(g))), rows[:, 2 * len(g) :]
            weights = (logits - logits.amax(2, keepdim=True)).exp()  # (B, 2, K, A)
            top, under = (torch.stack((g, torch.ones_like(g))).to(weights) @ weights).unbind(2)
            values.append(top / under)
        return torch.cat(values, 1).transpose(1, 2)

    def targets(self, boxes: Tensor, priors: Priors) -> Tensor:
        """(..., A, 4) xyxy pixels -> (..., A, 4) the values that `expected` should have, not clamped."""
        b, (offset, ratio) = xyxy2xywh(boxes), self.units(priors)
        xy = (b[..., :2] - priors.centers) / offset + self.zero
        return torch.cat((xy, (b[..., 2:] / priors.sizes).clamp(min=1e-8).log() / ratio), -1)

    def distributions(self, boxes: Tensor, priors: Priors) -> tuple[Tensor, Tensor]:
        """(..., A, 4) xyxy pixels -> the two-hot targets, each (..., A, 2, K) as from `logits`."""
        t = self.targets(boxes, priors)
        xy, wh = self.grids
        return two_hot(t[..., :2], xy.to(t)), two_hot(t[..., 2:], wh.to(t))

    def decode(self, raw: Tensor, priors: Priors) -> Tensor:
        """(..., A, channels) raw channels -> (..., A, 4) xyxy pixels."""
        t, (offset, ratio) = self.expected(raw), self.units(priors)
        xy = priors.centers + (t[..., :2] - self.zero) * offset
        return xywh2xyxy(torch.cat((xy, (t[..., 2:] * ratio).exp() * priors.sizes), -1))

    def sizes(self, raw: Tensor, priors: Priors) -> Tensor:
        """(..., A, channels) raw channels -> (..., A, 2) width and height, pixels."""
        wh = self.logits(raw)[1].softmax(-1)
        return ((wh * self.grids[1].to(wh)).sum(-1) * self.units(priors)[1]).exp() * priors.sizes

    def encode(self, boxes: Tensor, priors: Priors) -> Tensor:
        """(..., A, 4) xyxy pixels -> (..., A, channels) logits that decode to them; clamped to the grid."""
        return torch.cat([p.clamp(min=UNLIKELY).log().flatten(-2) for p in self.distributions(boxes, priors)], -1)

    def spread(self, raw: Tensor, priors: Priors) -> Tensor:
        """How sure a prediction is of each coordinate.

        Args:
            raw: (..., A, channels).
            priors: of the A columns.
        Returns:
            (..., A, 4) standard deviation of centre x, centre y, width and height, pixels; that of a size is to first
            order: the deviation of its logarithm times the size.
        """
        out = []
        for logits, g in zip(self.logits(raw), self.grids, strict=True):
            p, values = logits.softmax(-1), g.to(logits)
            mean = (p * values).sum(-1, keepdim=True)
            out.append((p * (values - mean).square()).sum(-1).sqrt())
        offset, ratio = self.units(priors)
        return torch.cat((out[0] * offset, out[1] * ratio * self.sizes(raw, priors)), -1)

    def reaches(self, boxes: Tensor, priors: Priors) -> Tensor:
        """(..., A, 4) or (..., 1, 4) xyxy pixels -> (..., A) True where the prior can become the box."""
        t = self.targets(boxes, priors)
        xy, wh = self.grids
        near = (t[..., :2] > float(xy[0])) & (t[..., :2] < float(xy[-1]))
        return near.all(-1) & (t[..., 2:].abs() < float(wh[-1])).all(-1)


def _pair(name: str, value: Any) -> tuple[Any, Any]:
    """One value for offsets and sizes, or one for each."""
    both = tuple(value) if isinstance(value, (list, tuple)) else (value, value)
    if len(both) != 2:
        raise InputError(f"coder bins: {name} is one number, or two for offsets and sizes, not {value!r}")
    return both
