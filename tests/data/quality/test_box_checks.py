from pathlib import Path

import numpy as np
import pytest

from yolotiny.data.quality.box_checks import check_boxes
from yolotiny.data.quality.samples import Sample
from yolotiny.data.records import reach


def found(*boxes, labels=None, imgsz=100):
    """(kind, row) of the problems of boxes in a picture of 100x50 px; rows count from 1."""
    n = len(boxes)
    table = np.array(boxes, float).reshape(-1, 4)
    rows = np.arange(1, n + 1)
    args = (table.clip(0, [100, 50] * 2), np.array(labels or [0] * n), rows, np.zeros((0, 4)))
    sample = Sample(Path("images/a.jpg"), "train", 100, 50, *args, reach=reach(table, 100, 50))
    return [(p.kind, p.row) for p in check_boxes(sample, imgsz)]


def test_sound_boxes_and_none_are_no_problem():
    assert found() == [] and found((10, 10, 20, 20), (15, 10, 25, 20)) == []


def test_two_pixels_over_the_edge_are_rounding_and_more_are_not():
    assert found((-2, 10, 20, 20), (10, 10, 20, 52)) == []
    assert found((-2.5, 10, 20, 20), (90, 10, 103, 20)) == [("over edge", 1), ("over edge", 2)]


@pytest.mark.parametrize(("imgsz", "problems"), [(100, []), (50, [("below 2 px", 1)])])
def test_the_shorter_side_counts_at_the_training_size(imgsz, problems):
    assert found((10, 10, 13, 40), imgsz=imgsz) == problems


def test_the_second_of_two_equal_boxes_is_named():
    assert found((10, 10, 20, 20), (40, 10, 50, 20), (10, 10, 20, 20)) == [("duplicate", 3)]


def test_nearly_equal_is_an_iou_above_95_percent():
    assert found((0, 0, 40, 40), (0, 0, 40, 38.4)) == [("duplicate", 2)]  # .96
    assert found((0, 0, 40, 40), (0, 0, 40, 37.6)) == []  # .94


def test_two_classes_in_one_place_are_told_from_a_duplicate():
    assert found((10, 10, 20, 20), (10, 10, 20, 20), labels=[0, 1]) == [("two classes", 2)]
