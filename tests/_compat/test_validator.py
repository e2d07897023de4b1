"""What the seam of the validator gives of a batch, and when objects are counted."""

import inspect
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ultralytics.models.yolo.detect import DetectionValidator

from yolotiny._compat.validator import SeamedValidator


def test_one_picture_of_a_batch_has_its_boxes_in_pixels_of_the_input():
    made = object.__new__(SeamedValidator)
    made.device = torch.device("cpu")
    batch = {
        "img": torch.zeros(2, 3, 40, 80),
        "batch_idx": torch.tensor([0.0, 1, 1]),
        "cls": torch.tensor([[0.0], [1], [2]]),
        "bboxes": torch.tensor([[0.5, 0.5, 1, 1], [0.5, 0.5, 0.25, 0.5], [0.25, 0.5, 0.5, 1]]),
        "ori_shape": [(10, 20), (30, 60)],
        "ratio_pad": [((4, 4), (0, 0)), ((1.5, 1.5), (2, 3))],
        "im_file": ["a", "b"],
    }
    found = made.targets_of(1, batch)
    assert found["cls"].tolist() == [1, 2] and found["im_file"] == "b"
    assert found["bboxes"].tolist() == [[30, 10, 50, 30], [0, 0, 40, 40]]
    assert found["ori_shape"] == (30, 60) and found["ratio_pad"] == ((1.5, 1.5), (2, 3))
    assert tuple(found["imgsz"]) == (40, 80)


@pytest.mark.parametrize(("given", "expected"), [(300, 400), (50, 50)])
def test_the_usual_cap_rises_to_the_fullest_picture_and_the_user_s_own_stays(given, expected):
    args = SimpleNamespace(max_det=given, task="detect")
    SeamedValidator.check_max_det(args, {"val": SimpleNamespace(labels=[{"cls": np.zeros((400, 1))}])})
    assert args.max_det == expected


def test_validation_asks_the_subclass_about_the_cap():
    class Recorded(SeamedValidator):
        @staticmethod
        def check_max_det(args, datasets):
            args.append(datasets)

    seen = []
    object.__new__(Recorded)._check_max_det(seen, {"val": 1})
    assert seen == [{"val": 1}]
    assert "self._check_max_det(self.args, " in inspect.getsource(DetectionValidator.init_metrics)
