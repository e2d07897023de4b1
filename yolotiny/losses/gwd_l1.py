"""Gaussian Wasserstein distance plus L1, the box loss of YOLC for any head.

Source: Liu et al. 2024 (YOLC), Eqs. 8 and 11; the weights of the sizes are those of the authors' code.
"""

from __future__ import annotations

from torch import Tensor

from ..boxes import xyxy2xywh
from ..errors import InputError, number
from .box import GWDLoss

SIZE_WEIGHT = 0.2  # of half width and half height in L1; the centre has 1


def weighted_l1(pred: Tensor, gt: Tensor, unit: float = 1.0) -> Tensor:
    """|dx| + |dy| + 0.2 (|dw| + |dh|) / 2 of aligned boxes, counted in `unit` pixels.

    Args:
        pred, gt: (N, 4) xyxy, pixels.
    Returns:
        (N,)
    """
    away = (xyxy2xywh(pred.float()) - xyxy2xywh(gt.float())).abs() / unit
    return away[..., :2].sum(-1) + SIZE_WEIGHT / 2 * away[..., 2:].sum(-1)


class GWDL1Loss(GWDLoss):
    """`gwd * (1 - GWD similarity) + l1 * weighted L1`.

    Args:
        gwd, l1: weights of the two parts.
        sqrt: False for the paper's ln(1 + W^2), True for the ln(1 + W) of the authors' code.
        unit: pixels of one unit of distance. The paper counts in cells of its stride-4 map; in pixels both parts would
            be nearly flat for all but tiny errors.
        tau: see `GWDLoss`.
        weight: multiplies the term in the total.
    Raises:
        InputError: a negative part, both parts zero, a unit that is not positive, a tau below 1.
    """

    def __init__(
        self,
        weight: float = 1.0,
        gwd: float = 2.0,
        l1: float = 0.5,
        sqrt: bool = False,
        unit: float = 4.0,
        tau: float = 1.0,
    ):
        super().__init__(weight, sqrt, unit, tau)
        for name, value in (("gwd", gwd), ("l1", l1)):
            number(value, f"box loss gwd_l1: {name}")
        if not gwd and not l1:
            raise InputError("box loss gwd_l1: gwd and l1 are both 0, so nothing would be learnt")
        if sqrt and not gwd:
            raise InputError("box loss gwd_l1: sqrt=true changes nothing where gwd is 0; give gwd=2")
        if tau != 1 and not gwd:
            raise InputError(f"box loss gwd_l1: tau={tau} changes nothing where gwd is 0; give gwd=2")
        self.gwd, self.l1 = gwd, l1

    def __call__(self, pred: Tensor, gt: Tensor) -> Tensor:
        """(P, 4) and (P, 4) xyxy pixels -> (P,), float32."""
        return self.gwd * super().__call__(pred, gt) + self.l1 * weighted_l1(pred, gt, self.unit)
