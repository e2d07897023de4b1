"""How an image lies in a network's input: as ultralytics lays it, there and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ultralytics.data.augment import LetterBox
from ultralytics.utils import ops

from yolotiny.ops.letterbox import Letterbox

SIZES = [((192, 256), (128, 128)), ((100, 37), (64, 96)), ((64, 64), (64, 64)), ((3, 500), (96, 128))]


@pytest.mark.parametrize(("image", "size"), SIZES)
def test_an_image_is_drawn_as_ultralytics_draws_it(image, size):
    picture = np.random.default_rng(0).integers(0, 255, (*image, 3), dtype=np.uint8)
    assert np.array_equal(Letterbox.of(image, size).draw(picture), LetterBox(size, auto=False)(image=picture))


def test_pictures_of_one_band_keep_their_band():
    assert Letterbox.of((50, 60), (64, 64)).draw(np.zeros((50, 60, 1), np.uint8)).shape == (64, 64, 1)


@pytest.mark.parametrize(("image", "size"), SIZES)
def test_boxes_come_back_as_with_ultralytics_and_as_they_were(image, size):
    box = Letterbox.of(image, size)
    inside = np.random.default_rng(0).random((20, 4)).astype(np.float32) * np.float32([size[1], size[0]] * 2)
    theirs = ops.scale_boxes(size, torch.from_numpy(inside.copy()), image)
    assert np.array_equal(box.to_image(inside), theirs.numpy())
    there = box.to_input(theirs.numpy())
    np.testing.assert_allclose(box.to_image(there), theirs, atol=1e-3)


def test_known_value_the_image_in_its_input():
    box = Letterbox.of((50, 100), (64, 64))
    assert box.ratio == pytest.approx(0.64) and box.inside == (0, 16, 64, 48)
    assert box.to_image(np.float32([[0, 16, 64, 48], [-5, 0, 70, 64]])).tolist() == [[0, 0, 100, 50]] * 2


@pytest.mark.parametrize("size", [(480, 640), (641, 1280), (90, 333), (1, 700), (333, 90), (128, 128), (64, 100)])
def test_a_tight_fit_draws_what_ultralytics_draws(size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    wanted = LetterBox((320, 320), auto=True, stride=32)(image=image)
    np.testing.assert_array_equal(Letterbox.tight(size, (320, 320), 32).draw(image), wanted)
