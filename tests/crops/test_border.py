"""Objects that a crop's border cuts: the piece goes where the whole is seen, and only there."""

from __future__ import annotations

import torch

from yolotiny.crops.border import at_border, drop_cut

SIZE = (100, 200)
WINDOW = (0, 0, 100, 100)
PIECE = [90.0, 40, 100, 50, 0.8, 0]  # of an object at 90..110


def kept(others: list[list[float]], coarse: list[list[float]] | None = None) -> int:
    """How many of the window's rows (a piece, and an object inside) stay beside a second window."""
    parts = [torch.tensor([PIECE, [20, 20, 30, 30, 0.9, 0]]), torch.tensor(others).view(-1, 6)]
    windows = [WINDOW, (80, 0, 200, 100)]
    return len(drop_cut(torch.tensor(coarse or []).view(-1, 6), windows, parts, SIZE, [1.0, 1.0])[0])


def test_only_inner_borders_cut():
    boxes = torch.tensor([[0.0, 40, 10, 50], [40, 0, 50, 10], [90, 40, 99.5, 50], [40, 90, 50, 100], [40, 40, 50, 50]])
    assert at_border(boxes, WINDOW, SIZE, 1.0).tolist() == [False, False, True, False, False]
    assert at_border(boxes, WINDOW, (300, 300), 1.0).tolist() == [False, False, True, True, False]


def test_a_piece_goes_where_the_neighbour_or_the_whole_picture_shows_the_object():
    assert kept([[90.0, 40, 110, 50, 0.7, 0]]) == 1
    assert kept([], [[90.0, 40, 110, 50, 0.5, 0]]) == 1


def test_a_piece_that_nothing_explains_stays():
    assert kept([]) == 2
    assert kept([[90.0, 40, 110, 50, 0.7, 1]]) == 2  # another class
    assert kept([[90.0, 40, 110, 50, 0.3, 0]]) == 2  # far less certain
    assert kept([[85.0, 52, 110, 62, 0.7, 0]]) == 2  # beside it
    assert kept([[88.0, 38, 99, 52, 0.7, 0]]) == 2  # ends inside: another object, no whole of this


def test_two_pieces_do_not_explain_each_other():
    parts = [torch.tensor([PIECE]), torch.tensor([[80.0, 40, 110, 50, 0.9, 0]])]  # cut on the left by its own window
    assert [len(p) for p in drop_cut(torch.zeros(0, 6), [WINDOW, (80, 0, 200, 100)], parts, SIZE, [1.0, 1.0])] == [1, 1]
