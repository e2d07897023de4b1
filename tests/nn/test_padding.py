"""Padding is told from pictures by its grey."""

from __future__ import annotations

import pytest
import torch

from tests.detectors import pictures
from yolotiny.nn.padding import GREY, padding


def padded(value: float = GREY, left: int = 5, top: int = 17, size: int = 64) -> torch.Tensor:
    """Two pictures of `size` px; the first lies beside `left` columns and below `top` rows of grey."""
    x = pictures(2, (size, size))
    x[0, :, :top], x[0, :, :, :left] = value, value
    return x


def test_the_strips_of_letterboxing_are_found_pixel_by_pixel_and_nothing_else():
    wanted = torch.zeros(2, 1, 64, 64, dtype=torch.bool)
    wanted[0, :, :17], wanted[0, :, :, :5] = True, True
    assert torch.equal(padding(padded()), wanted)


@pytest.mark.parametrize("strip", [1, 2, 7, 8, 9])
def test_a_strip_along_the_border_is_found_however_thin(strip):
    x = pictures(1, (64, 64))
    x[..., -strip:] = GREY
    assert torch.equal(padding(x)[0, 0].any(0).nonzero().flatten(), torch.arange(64 - strip, 64))


def test_grey_that_augmentation_made_lighter_is_found_where_it_is_eight_pixels_across():
    found = padding(padded(value=150 / 255))[0, 0]
    assert found[:17].all() and not found[17:].any()


def test_inside_a_mosaic_it_is_found_too():
    x = pictures(1, (64, 64))
    x[..., 20:40, 24:34] = 0.3
    assert padding(x).sum() == 200 and padding(x)[0, 0, 20:40, 24:34].all()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_deep_shadow_and_overexposure_are_part_of_the_picture(value):
    assert not padding(padded(value=value)).any()


def test_a_flat_object_smaller_than_the_square_or_with_a_colour_is_part_of_the_picture():
    x = pictures(1, (64, 64))
    x[..., 30:37, 30:50] = GREY
    x[:, 0, 10:25, 10:25], x[:, 1:, 10:25, 10:25] = 0.6, 0.4
    assert not padding(x).any()


def test_pictures_of_one_channel_and_grey_pictures_are_no_padding():
    assert not padding(pictures(1, (64, 64))[:, :1]).any()
    assert not padding(pictures(1, (64, 64))[:, :1].expand(1, 3, 64, 64)).any()


def test_half_precision_finds_the_same():
    assert torch.equal(padding(padded().half()), padding(padded()))
