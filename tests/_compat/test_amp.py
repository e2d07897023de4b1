"""Half precision is used where it was seen to work."""

import pytest
import torch
from torch import nn

from yolotiny._compat import amp


def test_half_precision_is_not_used_on_the_cpu():
    assert amp.local_amp_check(nn.Linear(1, 1)) is False


def test_the_half_precision_trial_passes_where_halves_are_sound_and_leaves_the_seed_alone():
    state = torch.get_rng_state()
    assert amp.half_agrees(torch.device("cpu"), torch.bfloat16)
    assert torch.equal(state, torch.get_rng_state())


def test_the_half_precision_trial_fails_on_not_a_number(monkeypatch):
    real = torch.nn.functional.silu
    broken = lambda x: real(x) * (float("nan") if x.dtype == torch.bfloat16 else 1)  # noqa: E731
    monkeypatch.setattr(torch.nn.functional, "silu", broken)
    assert not amp.half_agrees(torch.device("cpu"), torch.bfloat16)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_the_half_precision_trial_passes_on_this_gpu():
    assert amp.half_agrees(torch.device("cuda"))


@pytest.mark.parametrize(
    ("card", "faulty"),
    [("NVIDIA GeForce GTX 1660 Ti", True), ("Tesla T4", False), ("Quadro T1000", True), ("NVIDIA H100", False)],
)
def test_cards_with_unsound_halves_are_known(card, faulty):
    assert bool(amp.FAULTY_HALF.search(card)) is faulty
