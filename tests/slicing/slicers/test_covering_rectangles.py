"""Rectangles round hot cells: known covers, everything covered, and what each cost decides."""

from __future__ import annotations

import numpy as np
import pytest

from yolotiny.slicing.slicers.covering_rectangles import Price, covering_rectangles

ROOM = (1000.0, 1000.0)


def hot(*rects: tuple[int, int, int, int], size: tuple[int, int] = (20, 40)) -> np.ndarray:
    out = np.zeros(size, bool)
    for x1, y1, x2, y2 in rects:
        out[y1:y2, x1:x2] = True
    return out


def test_nothing_hot_needs_no_rectangle():
    assert covering_rectangles(hot(), Price(1, 0, 1, ROOM)) == []


def test_known_value_two_groups_are_two_rectangles_and_near_ones_are_one():
    far = hot((2, 2, 5, 4), (30, 10, 33, 15))
    assert sorted(covering_rectangles(far, Price(1, 0, 1, ROOM))) == [(2, 2, 5, 4), (30, 10, 33, 15)]
    near = hot((2, 2, 5, 4), (7, 2, 9, 4))
    assert covering_rectangles(near, Price(1, 0, 1, ROOM)) == [(2, 2, 9, 4)]


def test_a_right_angle_is_taken_apart_only_where_rectangles_are_cheap():
    angle = hot((2, 2, 4, 18), (4, 16, 30, 18))
    assert sorted(covering_rectangles(angle, Price(0, 0, 1, ROOM))) == [(2, 2, 4, 18), (4, 16, 30, 18)]
    assert covering_rectangles(angle, Price(0, 0, 1000, ROOM)) == [(2, 2, 30, 18)]


def test_what_costs_no_less_in_parts_stays_whole():
    corners = hot((2, 2, 3, 3), (9, 9, 10, 10))
    assert sorted(covering_rectangles(corners, Price(4, 0, 1, ROOM))) == [(2, 2, 3, 3), (9, 9, 10, 10)]
    assert covering_rectangles(corners, Price(4, 12, 1, ROOM)) == [
        (2, 2, 10, 10)
    ]  # both would be shown as 12 cells wide


def test_no_rectangle_exceeds_the_input_with_its_context():
    for x1, y1, x2, y2 in covering_rectangles(hot((0, 0, 40, 20)), Price(2, 0, 1, (12.0, 16.0))):
        assert x2 - x1 + 4 <= 16 and y2 - y1 + 4 <= 12


@pytest.mark.parametrize("seed", range(5))
def test_every_hot_cell_is_covered(seed):
    some = np.random.default_rng(seed).random((30, 50)) < 0.02 * (seed + 1)
    seen = np.zeros_like(some)
    for x1, y1, x2, y2 in covering_rectangles(some, Price(1.5, 3, 4, (12.0, 14.0))):
        seen[y1:y2, x1:x2] = True
    assert (seen | ~some).all()
