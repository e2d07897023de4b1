"""Devices that the same tests run on: the CPU in every run, so that nothing in them breaks unseen, and a CUDA card."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

CUDA = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=CUDA)])
def device(request) -> Iterator[torch.device]:
    """A device that computes float32 as float32: TensorFloat-32 keeps ten bits of it."""
    places = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [place.allow_tf32 for place in places]
    for place in places:
        place.allow_tf32 = False
    yield torch.device(request.param)
    for place, value in zip(places, before, strict=True):
        place.allow_tf32 = value
