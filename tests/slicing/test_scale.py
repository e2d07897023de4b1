"""The size crops are shown at: known values, and whom it believes."""

from __future__ import annotations

import numpy as np

from yolotiny.slicing import ObjectScale


def found(side: float, count: int = 6, score: float = 0.9) -> np.ndarray:
    return np.tile(np.float32([[0.0, 0.0, side, side, score, 0.0]]), (count, 1))


def test_known_value_objects_of_20_px_are_halved_for_a_training_at_10():
    scale = ObjectScale(10.0, otherwise=0.7)
    assert scale.value == 0.7  # nothing seen yet
    scale.see(found(20), refined=False)
    assert scale.value == 0.5
    scale.see(found(21), refined=False)
    assert scale.value == 0.5  # steps of an eighth of a doubling


def test_weak_and_few_detections_are_not_believed():
    scale = ObjectScale(10.0)
    scale.see(found(20, score=0.2), refined=False)
    scale.see(found(20, count=4), refined=False)
    assert scale.value == 1.0


def test_what_crops_show_sets_aside_what_the_whole_picture_showed():
    scale = ObjectScale(10.0)
    scale.see(found(40), refined=False)
    assert scale.value == 0.25
    scale.see(found(20), refined=True)
    scale.see(found(40), refined=False)
    assert scale.value == 0.5


def test_without_a_size_in_training_there_is_nothing_to_compare():
    scale = ObjectScale(None, otherwise=0.6)
    scale.see(found(20), refined=True)
    assert scale.value == 0.6
