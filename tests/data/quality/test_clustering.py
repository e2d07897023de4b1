import numpy as np
import pytest

from yolotiny.data.quality.clustering import area_if_even, area_of_most, tiles

CELL = 1 / 160


def test_objects_in_one_cell_need_one_cell():
    assert area_of_most(np.full((20, 2), 0.51)) == CELL


def test_ninety_percent_of_ten_objects_are_nine():
    spread = np.c_[(np.arange(10) + 0.5) / 16, np.full(10, 0.05)]
    assert area_of_most(spread) == 9 * CELL
    spread[:8] = spread[0]  # eight in one cell, two alone: nine need two cells
    assert area_of_most(spread) == 2 * CELL


def test_an_object_in_every_cell_needs_nine_tenths_of_them():
    x, y = np.meshgrid((np.arange(16) + 0.5) / 16, (np.arange(10) + 0.5) / 10)
    assert area_of_most(np.c_[x.ravel(), y.ravel()]) == 0.9


def test_the_last_cell_holds_what_lies_on_the_far_edge():
    assert area_of_most(np.array([[1.0, 1.0], [0.99, 0.99]])) == CELL


def test_an_even_spread_is_the_same_each_time_and_grows_with_the_number():
    assert area_if_even(10) == area_if_even(10) < area_if_even(100) < area_if_even(1000) < 0.9
    assert area_if_even(10) == pytest.approx(9 * CELL, rel=0.1)


def test_tiles_without_the_centre_of_an_object():
    centres = np.array([[0.1, 0.1], [0.2, 0.2], [1.0, 1.0]])
    assert tiles(100, 50, centres, 50) == (2, 0)
    assert tiles(100, 50, centres, 25) == (8, 6)
    assert tiles(100, 50, np.zeros((0, 2)), 640) == (1, 1)
