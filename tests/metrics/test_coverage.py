"""The area not looked at twice and the recall lost in it: known shares of a hand-made scene."""

from __future__ import annotations

import numpy as np
import pytest

from yolotiny.metrics import evaluate_scene, from_arrays
from yolotiny.metrics.coverage import Coverage, describe, share_of

SIZE = (100, 200)


def test_overlapping_crops_count_once():
    assert share_of(np.array([[0.0, 0, 100, 100]]), SIZE) == 0.5
    assert share_of(np.array([[0.0, 0, 100, 100], [50, 0, 150, 100]]), SIZE) == 0.75
    assert share_of(np.array([[0.0, 0, 10, 10], [190, 90, 200, 100]]), SIZE) == 0.01
    assert share_of(np.array([[0, 0, 10, 10], [5, 5, 15, 15.0]]), SIZE) == 175 / 20000
    assert share_of(np.zeros((0, 4)), SIZE) == 0


def boxes(*centres: tuple[int, int]) -> np.ndarray:
    return np.array([[x - 5, y - 5, x + 5, y + 5] for x, y in centres], float).reshape(-1, 4)


def test_known_value_objects_missed_inside_and_outside():
    """A crop over the left half: of two objects in it one is found, of three outside it two are."""
    truth, found = boxes((20, 20), (60, 60), (120, 20), (150, 60), (180, 80)), boxes((20, 20), (120, 20), (150, 60))
    nothing = np.zeros((0, 5))
    images = [
        (truth, np.zeros(5), nothing, found, np.array([0.9, 0.8, 0.001]), np.zeros(3)),
        (boxes((50, 50)), np.zeros(1), nothing, boxes(), np.zeros(0), np.zeros(0)),
    ]
    coverage = Coverage()
    coverage.add(np.array([[0.0, 0, 100, 100]]), SIZE)
    coverage.add(np.zeros((0, 4)), SIZE)  # a second picture, without crops
    figures = coverage.figures(evaluate_scene(lambda: from_arrays(images, ["a"])))
    assert figures == {
        "area_outside": 0.75,
        "objects_outside": pytest.approx(4 / 6, abs=1e-4),
        "missed_outside": 0.5,
        "missed_inside": 0.5,
        "recall_lost": pytest.approx(2 / 6, abs=1e-4),
    }
    said = describe(figures | {"seconds": 0.1234, "forwards": 3.26, "crops": 4.0, "pixel_scale": 0.5})
    assert said.startswith(
        "crops: 0.123 s and 3.3 forwards a picture, 4.0 crops at 0.50 network pixels per pixel\n75.0 % of the area"
    )
    assert said.endswith("recall lost there 33.3 %")


def test_without_objects_there_is_nothing_to_lose():
    empty = np.zeros((0, 4))
    images = [(empty, np.zeros(0), np.zeros((0, 5)), empty, np.zeros(0), np.zeros(0))]
    coverage = Coverage()
    coverage.add(empty, SIZE)
    figures = coverage.figures(evaluate_scene(lambda: from_arrays(images, ["a"])))
    assert figures["area_outside"] == 1 and figures["recall_lost"] is None
    told = figures | {"seconds": 0.1, "forwards": 1.0, "pixel_scale": 0.0}
    assert "- of the objects" in describe(told | {"crops": 1.0})
    assert describe(told | {"crops": 0.0}) == "crops: none in any picture, 0.100 s a picture"
