"""The even grid: known tiles, everything covered, nothing wrong accepted."""

from __future__ import annotations

import numpy as np
import pytest

from yolotiny.errors import InputError
from yolotiny.slicing import Grid
from yolotiny.slicing.slicers.grid import grid


def test_known_value_the_last_tile_is_shifted_in():
    assert grid((100, 250), (100, 100), 0.2) == [(0, 0, 100, 100), (80, 0, 180, 100), (150, 0, 250, 100)]
    assert grid((160, 100), (80, 100), 0.0) == [(0, 0, 100, 80), (0, 80, 100, 160)]


def test_known_value_sahi_s_count_at_4k():
    assert len(grid((2160, 3840), (640, 640), 0.2)) == 4 * 8  # slices of its get_slice_bboxes


@pytest.mark.parametrize("overlap", [0.0, 0.2, 0.5, 0.999])
@pytest.mark.parametrize("size", [(90, 250), (1, 64), (333, 77)])
def test_every_pixel_is_covered_by_tiles_of_one_size(size, overlap):
    tile = (40, 64) if overlap < 0.9 else (min(40, size[0]), min(64, size[1]))
    seen, boxes = np.zeros(size, int), grid(size, tile, overlap)
    for x1, y1, x2, y2 in boxes:
        seen[y1:y2, x1:x2] += 1
    assert seen.all() and len({(x2 - x1, y2 - y1) for x1, y1, x2, y2 in boxes}) == 1


def test_a_tile_larger_than_the_picture_is_the_picture():
    assert grid((50, 60), (640, 640), 0.2) == [(0, 0, 60, 50)]


def test_without_a_side_a_tile_fills_the_input_at_the_scale_asked_for():
    assert Grid(overlap=0).find(None, (640, 1280), 0.5, (320, 320)) == [(0, 0, 640, 640), (640, 0, 1280, 640)]
    assert Grid(tile=400, overlap=0).find(None, (400, 800), 0.5, (320, 320)) == [(0, 0, 400, 400), (400, 0, 800, 400)]


@pytest.mark.parametrize(
    ("setting", "value"), [("tile", 0), ("tile", 64.5), ("tile", True), ("overlap", 1), ("overlap", -0.1)]
)
def test_settings_that_make_no_sense_are_refused_by_name(setting, value):
    with pytest.raises(InputError, match=f"grid: {setting}={value}"):
        Grid(**{setting: value})
