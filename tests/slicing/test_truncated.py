"""Objects that a crop's border cuts: the piece goes where the whole is seen, and only there."""

from __future__ import annotations

import numpy as np

from yolotiny.slicing.truncated import at_border, centred, drop_truncated, without_border_margin

SIZE = (100, 200)
LEFT, RIGHT = [0.0, 0, 100, 100], [80.0, 0, 200, 100]
PIECE = [90.0, 40, 100, 50, 0.8, 0]  # of an object at 90..110


def stays(others: list[list[float]], coarse: list[list[float]] | None = None) -> list[bool]:
    """Whether the piece and an object inside the left window stay, beside what the right window shows."""
    rows = np.float32([PIECE, [20, 20, 30, 30, 0.9, 0], *others])
    windows = np.float32([LEFT] * 2 + [RIGHT] * len(others))
    return drop_truncated(
        np.float32(coarse or []).reshape(-1, 6), rows, windows, SIZE, np.ones(len(rows), np.float32)
    ).tolist()[:2]


def test_only_inner_borders_cut():
    boxes = np.float32([[0.0, 40, 10, 50], [40, 0, 50, 10], [90, 40, 99.5, 50], [40, 90, 50, 100], [40, 40, 50, 50]])
    windows, reach = np.float32([LEFT] * 5), np.ones(5, np.float32)
    assert at_border(boxes, windows, SIZE, reach).tolist() == [False, False, True, False, False]
    assert at_border(boxes, windows, (300, 300), reach).tolist() == [False, False, True, True, False]


def test_a_piece_goes_where_the_neighbour_or_the_whole_picture_shows_the_object():
    assert stays([[90.0, 40, 110, 50, 0.7, 0]]) == [False, True]
    assert stays([], [[90.0, 40, 110, 50, 0.5, 0]]) == [False, True]


def test_a_piece_that_nothing_explains_stays():
    assert stays([]) == [True, True]
    assert stays([[90.0, 40, 110, 50, 0.7, 1]]) == [True, True]  # another class
    assert stays([[90.0, 40, 110, 50, 0.3, 0]]) == [True, True]  # far less certain
    assert stays([[85.0, 52, 110, 62, 0.7, 0]]) == [True, True]  # beside it
    assert stays([[88.0, 38, 98, 52, 0.7, 0]]) == [True, True]  # ends inside: another object, no whole of this


def test_two_pieces_do_not_explain_each_other():
    rows = np.float32([PIECE, [80.0, 40, 110, 50, 0.9, 0]])  # the second is cut on the left by its own window
    windows = np.float32([LEFT, RIGHT])
    assert drop_truncated(np.zeros((0, 6), np.float32), rows, windows, SIZE, np.ones(2, np.float32)).all()


def test_the_rim_of_a_window_is_taken_off_at_inner_borders_and_a_box_counts_by_its_middle():
    windows = without_border_margin(np.float32([LEFT, RIGHT]), SIZE, np.float32([5.0, 10.0]))
    assert windows.tolist() == [[0, 0, 95, 100], [90, 0, 200, 100]]
    boxes = np.float32([[80.0, 0, 100, 10], [94, 0, 98, 10]])  # middles at 90 and 96
    assert centred(boxes, windows[[0, 0]]).tolist() == [True, False]
    assert centred(boxes, windows[[1, 1]]).tolist() == [True, True]
