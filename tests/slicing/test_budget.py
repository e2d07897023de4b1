"""What tiles may cost: known choices, the clock, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from yolotiny.errors import InputError
from yolotiny.slicing import Budget

CROPS = [(0, 0, 10, 10), (20, 0, 40, 10), (50, 0, 60, 10)]
COSTS = [100.0, 200.0, 100.0]
FULL = 100  # network pixels of a forward


def heat() -> np.ndarray:
    """A image of 10 x 100 px: heat 1 in the first crop, 6 in the second (3 for its cost), 2 in the third."""
    out = np.zeros((10, 100))
    out[5, 5], out[5, 25:31], out[5, 55:57] = 1, 1, 1
    return out


def select(budget: Budget) -> list[int]:
    return budget.select(CROPS, heat(), (10, 100), COSTS, FULL)


def test_known_value_the_tiles_with_most_heat_for_their_cost_come_first():
    assert select(Budget(5)) == [0, 1, 2]  # one forward for the coarse pass, four for tiles
    assert select(Budget(4)) == [1, 2]
    assert select(Budget(3)) == [1]
    assert select(Budget(2)) == [2]  # the best one is too large, the next is not
    assert select(Budget(1)) == []


def test_milliseconds_are_what_is_left_after_the_coarse_pass_at_the_speed_of_a_pixel():
    budget = Budget("40ms")
    budget.coarse_pass(seconds=0.01, pixels=100)  # 0.1 ms a pixel
    assert budget.pixels(FULL) == pytest.approx(300) and select(budget) == [1, 2]
    budget.fine_pass(seconds=0.06, pixels=300)  # tiles took twice as long
    assert budget.pixels(FULL) == pytest.approx(0.03 / (0.7 * 1e-4 + 0.3 * 2e-4))
    assert select(budget) == [1]


@pytest.mark.parametrize("value", [0, -1, "4", "fast", "0ms", True, None, float("inf")])
def test_what_is_no_budget_is_refused(value):
    with pytest.raises(InputError, match="must be forwards, such as 4, or milliseconds, such as 150ms"):
        Budget(value)
