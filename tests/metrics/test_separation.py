"""The separation of tiny objects from background, by hand and by counting pairs."""

from __future__ import annotations

import numpy as np
import pytest

from yolotiny.metrics.separation import Separation, cover

NONE = np.zeros((0, 4))


def add(s: Separation, values, boxes, ignore=NONE, valid=None) -> Separation:
    values = np.asarray(values, float)
    s.add(
        values, np.asarray(boxes, float).reshape(-1, 4), ignore, np.ones(values.shape, bool) if valid is None else valid
    )
    return s


def test_known_value():
    # One object of one pixel with .5; background .1 .5 .9: it wins once and ties once.
    s = add(Separation(), [[0.5, 0.1], [0.5, 0.9]], [[0, 0, 1, 1]])
    assert s.objects == 1 and s.auc == pytest.approx(1.5 / 3) and s.means == pytest.approx((0.5, 0.5))


def test_it_equals_the_count_of_all_pairs_pooled_over_pictures():
    rng = np.random.default_rng(0)
    s, inside, outside = Separation(), [], []
    for _ in range(3):
        values = rng.integers(0, 64, (20, 30)) / 64
        add(s, values, [[2, 3, 7, 9]])
        where = np.zeros(values.shape, bool)
        where[3:9, 2:7] = True
        inside += values[where].tolist()
        outside += values[~where].tolist()
    a, b = np.array(inside)[:, None], np.array(outside)[None]
    assert s.auc == pytest.approx(((a > b) + (a == b) / 2).mean())


def test_larger_objects_ignore_regions_and_padding_count_on_neither_side():
    values = np.full((40, 40), 0.2)
    values[:4, :4], values[10:30, 10:30], values[35:, :5], values[:, 36:] = 0.9, 1.0, 1.0, 1.0
    valid = np.ones((40, 40), bool)
    valid[:, 36:] = False
    s = add(Separation(), values, [[0, 0, 4, 4], [10, 10, 30, 30]], np.array([[0, 35, 5, 40.0]]), valid)
    assert s.objects == 1 and s.auc == 1 and s.means == pytest.approx((0.9, 0.2))


def test_the_largest_size_is_a_side_and_an_option():
    box = [[0, 0, 8, 32]]  # as large as a square of 16
    assert add(Separation(), np.zeros((40, 40)), box).objects == 1
    assert add(Separation(15.9), np.zeros((40, 40)), box).objects == 0


def test_without_objects_or_background_there_is_no_figure():
    assert add(Separation(), np.zeros((4, 4)), NONE).auc is None
    s = add(Separation(), np.zeros((4, 4)), [[0, 0, 4, 4]])
    assert s.auc is None and s.means is None


def test_a_box_covers_the_pixels_whose_centres_it_holds_and_one_at_least():
    got = cover((4, 6), np.array([[0.4, 0.6, 2.6, 1.6], [4.1, 2.1, 4.3, 2.2], [-3, 3.2, 0.9, 9]]))
    assert np.argwhere(got).tolist() == [[1, 0], [1, 1], [1, 2], [2, 4], [3, 0]]
