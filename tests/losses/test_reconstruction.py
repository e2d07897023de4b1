"""The reconstruction loss: a mean over the pixels that count."""

from __future__ import annotations

import pytest
import torch

from yolotiny.losses.reconstruction import ReconstructionLoss, masked_mse


def colours(*rgb: float) -> torch.Tensor:
    return torch.tensor(rgb).view(1, 3, 1, 1)


def test_known_value():
    one = torch.ones(1, 1, 1, 1)
    assert masked_mse(colours(0.2, 0.5, 0.9), colours(0.1, 0.7, 0.9), one).item() == pytest.approx(0.0166667, abs=1e-6)


def test_what_does_not_count_changes_nothing():
    made, wanted = torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 4)
    valid = torch.ones(1, 1, 4, 4, dtype=torch.bool)
    valid[..., 2:] = False
    loss = masked_mse(made, wanted, valid)
    assert loss == pytest.approx((made - wanted)[..., :2].square().mean().item())
    made[..., 2:] = 7
    assert masked_mse(made, wanted, valid) == loss


def test_all_padding_is_no_loss_and_no_nan():
    made = torch.rand(1, 3, 4, 4, requires_grad=True)
    loss = masked_mse(made, torch.rand(1, 3, 4, 4), torch.zeros(1, 1, 4, 4))
    loss.backward()
    assert loss == 0 and torch.isfinite(made.grad).all()


def test_half_precision_is_computed_in_full():
    made, wanted = torch.rand(2, 3, 64, 64).half(), torch.rand(2, 3, 64, 64).half()
    loss = masked_mse(made, wanted, torch.ones(2, 1, 64, 64))
    assert loss.dtype == torch.float32 and loss == pytest.approx((made.float() - wanted.float()).square().mean().item())


def test_the_term_reads_what_the_layer_left():
    aux = {"recon": colours(0.2, 0.5, 0.9), "valid": torch.ones(1, 1, 1, 1)}
    assert ReconstructionLoss(2.0).weight == 2.0
    assert ReconstructionLoss()(aux, colours(0.1, 0.7, 0.9)).item() == pytest.approx(0.0166667, abs=1e-6)
