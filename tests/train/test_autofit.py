"""What is read off the training boxes: mean size, extremes of the areas, anchors."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from yolotiny.config import load as config
from yolotiny.detector import Detector
from yolotiny.train.autofit import TrainingSample, class_gaps, fit, measure, training_samples


def boxes(*pictures, nc=1):
    """A data set of (height, width, rows of class cx cy w h as shares)."""
    labels, sizes = [], {}
    for i, (height, width, *rows) in enumerate(pictures):
        rows = np.array(rows, np.float32).reshape(-1, 5)
        labels.append({"im_file": i, "cls": rows[:, :1], "bboxes": rows[:, 1:]})
        sizes[i] = (height, width)
    return SimpleNamespace(labels=labels, sizes=sizes, nc=nc)


def sample(*sizes, scale=1.0, cropped=False):
    """One picture with boxes of these widths and heights."""
    return TrainingSample(np.array(sizes, float).reshape(-1, 2), scale, cropped)


def counted(**counts):
    """A data set of which only the objects by class are known."""
    return SimpleNamespace(class_counts=lambda: counts)


def test_classes_that_train_or_val_lacks_are_told_of_those_asked_for():
    train, val = counted(car=4, bus=0, van=2), counted(car=1, bus=3, van=0)
    lines = class_gaps(train, val, None)
    assert [line.rpartition(": ")[2] for line in lines] == ["bus (3)", "van (2)"]
    assert class_gaps(train, val, [0]) == class_gaps(train, train, 0) == []
    assert class_gaps(train, counted(car=0, bus=0, van=0), 0) == ["val holds no object"]


def test_sizes_are_those_at_the_training_size_without_ignore_regions():
    data = boxes((100, 200, [0, 0.5, 0.5, 0.1, 0.2], [1, 0.5, 0.5, 1, 1]), (50, 50, [0, 0.5, 0.5, 0.1, 0.1]))
    first, second = training_samples(data, 100)
    assert first.sizes.tolist() == pytest.approx(np.array([[10, 10]])) and first.scale == 0.5
    assert second.sizes.tolist() == pytest.approx(np.array([[10, 10]])) and second.scale == 2


def test_the_mean_size_is_that_of_the_roots_of_the_areas():
    assert measure([sample([4, 9], [10, 10]), sample(), sample([20, 20])]).object_size == 12  # 6, 10 and 20 px
    low, high = measure([sample(*[[10, 10]] * 98), sample([1, 1], [1000, 1000])]).object_areas
    assert 90 < low < 100 and 100 <= high < 20_000  # neither the smallest nor the huge one alone


def test_the_scale_of_pixels_is_that_of_windows_where_there_are_any():
    whole = [sample([9, 9], scale=s) for s in (0.2, 0.3, 0.9)]
    assert measure(whole).pixel_scale == 0.3
    assert measure([*whole, sample([9, 9], scale=1.0, cropped=True)]).pixel_scale == 1.0


def test_auto_stays_in_the_configuration_and_the_criterion_takes_what_was_measured():
    model = Detector(config.override(config.load("yolov5n.yaml"), {"loss.box.type": "nwd"}), nc=1)
    data = boxes((64, 64, [0, 0.5, 0.5, 0.125, 0.125]))
    assert model.init_criterion().box.c == 12.7
    (said,) = fit(model, data, 64)
    assert said == "objects: 8.0 px mean size at imgsz=64"
    assert model.criterion.box.c == model.yaml["measured"]["object_size"] == 8
    assert Detector(model.yaml, nc=1).init_criterion().box.c == 8
    fit(model, data, 128)  # another run, another size
    assert model.criterion.box.c == 16


def test_a_number_is_kept_whatever_the_boxes_are():
    model = Detector(config.override(config.load("yolov5n.yaml"), {"loss.box": {"type": "nwd", "c": 9.0}}), nc=1)
    fit(model, boxes((64, 64, [0, 0.5, 0.5, 0.125, 0.125])), 64)
    assert model.criterion.box.c == 9


def test_without_boxes_nothing_is_set():
    model = Detector("yolov5n.yaml", nc=1)
    assert fit(model, boxes((64, 64)), 64) == [] and "measured" not in model.yaml
