"""Smooth L1 on raw channels."""

from __future__ import annotations

import pytest
import torch

from yolotiny.errors import InputError
from yolotiny.losses.smooth_l1 import SmoothL1Loss


def test_square_below_beta_and_straight_above():
    raw, zero = torch.tensor([[0.5, 0, 0, 0], [3.0, -1, 0, 0]]), torch.zeros(2, 4)
    assert SmoothL1Loss(beta=1)(raw, zero).tolist() == pytest.approx([0.125, 2.5 + 0.5])
    assert SmoothL1Loss(beta=0)(raw, zero).tolist() == pytest.approx([0.5, 4.0])
    assert SmoothL1Loss(beta=1)(raw[:0], zero[:0]).shape == (0,)


def test_the_gradient_is_that_of_finite_differences_and_half_precision_is_near():
    raw = torch.tensor([[0.5, -2.0, 0.05, 0.0]], dtype=torch.float64, requires_grad=True)
    loss = lambda x: torch.nn.functional.smooth_l1_loss(x, torch.zeros_like(x), reduction="none", beta=0.2).sum(-1)  # noqa: E731
    assert torch.autograd.gradcheck(loss, (raw,))
    mine = raw.detach().float().requires_grad_()
    SmoothL1Loss(beta=0.2)(mine, torch.zeros(1, 4)).sum().backward()
    assert mine.grad[0].tolist() == pytest.approx([1, -1, 0.25, 0])
    half = SmoothL1Loss(beta=0.2)(raw.half(), torch.zeros(1, 4).half())
    assert half.dtype == torch.float32 and half.item() == pytest.approx(0.4 + 1.9 + 0.00625, rel=1e-3)


def test_a_negative_beta_is_refused():
    with pytest.raises(InputError, match="^box loss smooth_l1: beta=-1 must be a number from 0 up"):
        SmoothL1Loss(beta=-1)
