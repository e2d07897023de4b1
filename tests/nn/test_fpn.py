"""The feature pyramid: levels, channels, and what the finer ones know of the coarser."""

from __future__ import annotations

import pytest
import torch

from tests.messages import assert_says
from yolotiny.nn.fpn import FPN


@pytest.mark.parametrize("extra", [False, True])
def test_levels_get_equal_channels_and_one_more_on_request(extra):
    given = [torch.randn(2, c, n, n) for c, n in ((4, 8), (6, 4), (8, 2))]
    out = FPN([4, 6, 8], 4, 5, extra)(given)
    assert [tuple(f.shape) for f in out] == [(2, 5, n, n) for n in (8, 4, 2, 1)[: 3 + extra]]
    if extra:
        assert torch.equal(out[3], out[2][:, :, ::2, ::2])


def test_the_finest_level_hears_of_the_coarsest():
    made, given = FPN([4, 6], 4, 5), [torch.randn(1, 4, 4, 4), torch.randn(1, 6, 2, 2, requires_grad=True)]
    made(given)[0].sum().backward()
    assert given[1].grad.any()


def test_extra_is_a_word():
    with assert_says("FPN: extra must be true or false, not 1"):
        FPN([4], 4, 5, 1)
