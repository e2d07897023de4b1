"""Transformers inside windows."""

from __future__ import annotations

import pytest
import torch
from ultralytics.nn.modules import C3

from yolotiny.nn.tph import C3Window, WindowEncoder


def encoder(**options) -> WindowEncoder:
    torch.manual_seed(0)
    return WindowEncoder(8, window=4, **options).eval()


def reached(layer: torch.nn.Module, size: tuple[int, int], row: int, col: int) -> torch.Tensor:
    """(H, W) True where the input changes the output at one cell."""
    x = torch.randn(1, 8, *size, requires_grad=True)
    layer(x)[0, :, row, col].sum().backward()
    return x.grad[0].abs().sum(0) > 0


def test_a_cell_hears_the_cells_of_its_window_and_no_other():
    wanted = torch.zeros(8, 8, dtype=torch.bool)
    wanted[:4, 4:] = True
    assert torch.equal(reached(encoder(), (8, 8), 1, 6), wanted)


def test_shifted_windows_cross_the_borders_of_the_plain_ones():
    wanted = torch.zeros(8, 8, dtype=torch.bool)
    wanted[2:6, 2:6] = True
    assert torch.equal(reached(encoder(shifted=True), (8, 8), 3, 4), wanted)
    corner = torch.zeros(8, 8, dtype=torch.bool)
    corner[:2, :2] = True
    assert torch.equal(reached(encoder(shifted=True), (8, 8), 0, 1), corner)


@pytest.mark.parametrize("size", [(4, 4), (3, 5), (9, 6), (1, 1)])
@pytest.mark.parametrize("shifted", [False, True])
def test_maps_of_any_size_keep_it(size, shifted):
    y = encoder(shifted=shifted)(torch.randn(2, 8, *size))
    assert y.shape == (2, 8, *size) and torch.isfinite(y).all()


def test_padding_is_not_attended_to():
    layer, x = encoder(), torch.randn(1, 8, 3, 2)
    tokens = x.flatten(2).transpose(1, 2)[0]  # the six cells there are, and no others
    q, k, v = layer.qkv(layer.norm1(tokens)).chunk(3, -1)
    tokens = tokens + layer.proj((q @ k.T / 8**0.5).softmax(-1) @ v)
    tokens = tokens + layer.mlp(layer.norm2(tokens))
    assert torch.allclose(layer(x).flatten(2).transpose(1, 2)[0], tokens, atol=1e-5)


def test_the_layer_takes_the_convolutions_of_a_c3():
    ours, theirs = C3Window(16, 16, 1), C3(16, 16, 1)
    shared = {k: v for k, v in theirs.state_dict().items() if not k.startswith("m.")}
    missing = ours.load_state_dict(shared, strict=False)
    assert not missing.unexpected_keys and all(k.startswith("m.") for k in missing.missing_keys)
    assert [m.shift for m in C3Window(16, 16, 2).m] == [0, 4, 0, 4]
