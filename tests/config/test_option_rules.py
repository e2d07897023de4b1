"""Options that make no sense beside each other are refused; each by itself, and what outweighs a default, is not."""

from __future__ import annotations

import pytest

from yolotiny.config.options import of_split, sort_options
from yolotiny.errors import InputError


@pytest.mark.parametrize(
    ("mode", "options", "says"),
    [
        ("train", {"imgsz": [64, 32]}, r"imgsz=\[64,32\]: train takes one side, such as imgsz=64"),
        ("val", {"imgsz": (32, 96)}, r"imgsz=\[32,96\]: val takes one side, such as imgsz=96"),
        ("train", {"val": False, "patience": 5}, "patience= needs a validation after each epoch"),
        ("train", {"val": False, "fitness": "AP"}, "fitness= needs a validation after each epoch"),
        ("train", {"epochs": 3, "close_mosaic": 4}, "close_mosaic=4 of epochs=3: no epoch has a mosaic"),
        ("train", {"close_mosaic": 101}, "close_mosaic=101 of epochs=100"),
        ("train", {"save": False, "save_period": 2}, "save_period= keeps checkpoints, and save=False does not"),
        ("train", {"rect": True, "mosaic": 1.0}, "leave mosaic= out"),
        ("train", {"rect": True, "mixup": 0.1}, "leave mixup= out"),
        ("train", {"optimizer": "auto", "lr0": 0.1}, "optimizer=auto chooses lr0 itself"),
        ("train", {"save_conf": True}, "give save_txt=True too"),
        ("predict", {"save_conf": True, "save_txt": False}, "give save_txt=True too"),
        ("val", {"plots": False, "worst": 3}, "worst= is of the page that plots=False leaves out"),
        ("val", {"batch": -1}, "batch=-1: val takes a whole number from 1 up"),
        ("predict", {"batch": 0.5}, "batch=0.5: predict takes a whole number"),
        ("export", {"batch": 0.7}, "batch=0.7: export takes a whole number"),
        ("val", {"quantize": 8}, "quantize=8: a file has 8 bit from its export"),
        ("predict", {"quantize": "INT8"}, "quantize=INT8: a file has 8 bit from its export"),
        ("export", {"conf": 0.1}, "export reads conf= where the file has suppression in it: give nms=True too"),
        ("export", {"iou": 0.5, "nms": False}, "export reads iou= where the file has suppression"),
    ],
)
def test_an_option_that_another_takes_away_is_refused(mode, options, says):
    with pytest.raises(InputError, match=says) as error:
        sort_options(mode, options, own_head=True)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("train", {"imgsz": [64], "epochs": 3}),
        ("train", {"time": 0.5, "close_mosaic": 200}),
        ("train", {"resume": True, "close_mosaic": 200}),
        ("train", {"rect": True, "mosaic": 0.0}),
        ("train", {"save": False, "save_period": -1}),
        ("predict", {"imgsz": [64, 32], "save_conf": True, "save_txt": True, "batch": 2.0}),
        ("export", {"nms": True, "conf": 0.1, "iou": 0.5}),
        ("export", {"quantize": 8, "max_det": 10}),
        ("val", {"worst": 3, "quantize": 16}),
    ],
)
def test_what_goes_together_is_taken(mode, options):
    assert sort_options(mode, options, own_head=True)[0] == options


def test_a_single_share_is_that_of_the_split_that_is_looked_at():
    assert of_split({"fraction": 0.5}) == {"fraction": [0.5, 0.5, 0.5]}
    assert of_split({"fraction": [0.1, 0.2], "conf": 0.1}) == {"fraction": [0.1, 0.2], "conf": 0.1}
