"""What a tile of a picture is to training: which objects count in it, which are ignored, which are gone."""

from __future__ import annotations

import numpy as np
import pytest

from yolotiny.errors import InputError
from yolotiny.slicing import Tile
from yolotiny.slicing.samplers import crop_train
from yolotiny.slicing.samplers.base import inside

WINDOW = Tile(10, 10, 40, 40, (80, 80))
#         whole              half of it         beside             a region, cut     nine tenths       a twentieth
BOXES = [[30, 30, 10, 10], [50, 30, 10, 10], [80, 80, 10, 10], [30, 48, 8, 8], [46, 20, 10, 10], [14.75, 8, 4, 4.2]]


def seen(keep):
    boxes = np.array(BOXES, np.float32)
    return inside(boxes, np.array([[0], [1], [0], [4], [1], [0]], np.float32), WINDOW, 2, keep)


def test_objects_the_window_cuts_count_are_ignored_or_go_by_how_much_of_them_remains():
    kept, cls = seen(0.7)
    assert cls.tolist() == [[0], [2], [4], [1]]  # whole, ignored, a region stays one of its class, cut but counted
    assert (kept * 40).round(3).tolist() == [[20, 20, 10, 10], [37.5, 20, 5, 10], [20, 37, 8, 6], [35.5, 10, 9, 10]]


@pytest.mark.parametrize(("keep", "cls"), [(1, [0, 2, 4, 2]), (0.9, [0, 2, 4, 1]), (0.5, [0, 1, 4, 1])])
def test_keep_says_how_much_of_an_object_has_to_remain(keep, cls):
    assert seen(keep)[1].ravel().tolist() == cls


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"probability": 1.5}, "probability=1.5 must be a number from 0 to 1"),
        ({"scale": 0}, "scale=0 must be a number above 0 and up to 16; write for example 1.0, or auto"),
        ({"scale": "big"}, "scale='big'"),
        ({"keep": 0}, "keep=0 would call a corner"),
        ({"type": "lsm", "k": -1}, "k=-1"),
        ({"kk": 1}, "'kk'"),
        ({"tile": 0}, "tile=0 must be a number above 0"),
        ({"objects": 2}, "objects=2 must be a number from 0 to 1"),
        ({"tile": 320, "scale": 3}, "tile=320 at scale=3 is 960 px and imgsz is 640; write scale=2 or leave one"),
        ({"type": "grids"}, "unknown crop_train 'grids' in yolov5.yaml: crop_train; did you mean 'grid'"),
        (True, "crop_train in yolov5.yaml must be grid, lsm, auto or none, not True"),
        ({"type": "auto", "pieces": 2}, "pieces=2 must be a number from 0 to 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_one_line(section, said):
    section = {"type": "grid"} | section if isinstance(section, dict) else section
    with pytest.raises(InputError, match=said) as error:
        crop_train(section, "yolov5.yaml", 640)
    assert "\n" not in str(error.value)


def test_no_section_cuts_nothing():
    assert crop_train(None, "yolov5.yaml", 640) is None
