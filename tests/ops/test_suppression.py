"""Suppression in numpy: row for row what the form for tensors gives."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from yolotiny.errors import InputError
from yolotiny.ops import suppression
from yolotiny.ops.postprocess import nms
from yolotiny.ops.suppression import NMSConfig, suppress

OPTIONS = [
    {},
    {"multi_label": True},
    {"agnostic": True},
    {"classes": [1]},
    {"classes": 0},
    {"max_det": 5},
    {"conf": 1.0},
]


def crowd(pictures: int = 4) -> torch.Tensor:
    g = torch.Generator().manual_seed(0)
    sizes = ((60, 0), (60, 0), (30, 1), (30, 1), (1, 0), (1, 0), (1, 0))
    return torch.stack([torch.rand(pictures, 60, generator=g) * a + b for a, b in sizes], 1)


@pytest.mark.parametrize("options", [*OPTIONS, {"c": 12.7, "iou": 0.8}])
def test_rows_are_those_of_the_form_for_tensors(options):
    config = NMSConfig(**({"conf": 0.3, "iou": 0.5} | options))
    y, left, wanted_left = crowd(), Counter(), Counter()
    found, wanted = suppress(y.numpy(), config, left), nms(y, config, wanted_left)
    assert len(found) == 4 and left == wanted_left and (sum(map(len, found)) > 0 or config.conf == 1)
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(ours, theirs.numpy())
        assert ours.dtype == np.float32 and ours.shape[1] == 6


def test_boxes_that_come_suppressed_are_thresholded_sorted_and_chosen():
    rows = np.array([[[0, 0, 9, 9, 0.5, 1], [0, 0, 9, 9, 0.9, 0], [0, 0, 9, 9, 0.1, 1]]], np.float32)
    assert suppress(rows, NMSConfig())[0][:, 4].tolist() == pytest.approx([0.9, 0.5])
    assert suppress(rows, NMSConfig(classes=[1]))[0][:, 5].tolist() == [1]
    with pytest.raises(InputError, match="come suppressed"):
        suppress(rows, NMSConfig(c=12.7))


def test_only_the_best_candidates_of_each_picture_enter_and_the_others_are_counted(monkeypatch):
    monkeypatch.setattr(suppression, "MAX_CANDIDATES", 20)
    y, left, wanted_left = crowd(), Counter(), Counter()
    config = NMSConfig(conf=0.3, iou=0.5)
    found, wanted = suppress(y.numpy(), config, left), nms(y, config, wanted_left)
    assert left == wanted_left and left["candidates"] > 0
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(found, wanted, strict=True))
    assert max(map(len, suppress(y.numpy(), config, capped=False))) > max(map(len, found))


def test_one_class_and_nothing_above_the_threshold():
    y = np.array([[[5.0], [5.0], [4.0], [4.0], [0.9]]], np.float32)
    assert suppress(y, NMSConfig())[0].tolist() == [[3, 3, 7, 7, pytest.approx(0.9), 0]]
    assert suppress(y, NMSConfig(conf=0.95))[0].shape == (0, 6)


def test_a_prediction_counts_by_its_best_class_and_one_with_a_score_that_is_no_number_never():
    y = np.zeros((2, 84, 9), np.float32)
    y[:, :4] = np.arange(9) * 20 + 5
    y[0, 40, 2], y[0, 60, 2], y[0, 80, 5], y[1, 7, 0] = 0.5, 0.75, 0.9, 0.3
    y[0, 10, 4], y[0, 11, 4], y[0, 11, 5] = 0.9, np.nan, 0.4
    found = suppress(y, NMSConfig(conf=0.25))
    assert [[round(float(v), 2) for v in rows[:, 4]] for rows in found] == [[0.9, 0.75], [0.3]]
    assert [rows[:, 5].tolist() for rows in found] == [[76, 56], [3]]
