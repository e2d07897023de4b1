"""Fitted crops: what is hot is inside with its context, in few sizes; and when tiles are taken instead."""

from __future__ import annotations

import numpy as np
import pytest

from yolotiny.errors import InputError
from yolotiny.slicing import Adaptive
from yolotiny.slicing.slicers.adaptive import TILE_SIDES_PX
from yolotiny.training_stats import TrainingStats


def heat(*cells: tuple[int, int]) -> np.ndarray:
    """A map of a picture of 1000 x 2000 px, ten pixels a cell, hot at some (row, column)."""
    out = np.zeros((100, 200), np.float32)
    for y, x in cells:
        out[y, x] = 0.5
    return out


def find(seen: np.ndarray, scale: float = 0.5, **options) -> list[tuple[float, ...]]:
    return Adaptive(**options).find(seen, (1000, 2000), scale, (640, 640))


def test_known_value_one_place_is_one_small_crop_about_it():
    assert find(heat((50, 100))) == [(941, 441, 1069, 569)]  # 64 network px at half size, about (1005, 505)


def test_a_crop_at_the_border_of_the_picture_is_shifted_in():
    assert find(heat((0, 199))) == [(1872, 0, 2000, 128)]


def test_what_lies_together_is_one_crop_and_what_lies_apart_is_two():
    assert len(find(heat((50, 100), (52, 103)))) == 1
    assert len(find(heat((50, 100), (50, 150)))) == 2


def test_each_setting_changes_the_crops():
    seen = heat((50, 100)) + heat((20, 20)) * 0.01
    assert len(find(seen)) == 1 and len(find(seen, threshold=0.001)) == 2
    (small,), (large,) = find(heat((50, 100))), find(heat((50, 100)), context=60)
    assert large[2] - large[0] == 256 and small[2] - small[0] == 128


def test_larger_objects_are_shown_with_more_round_them():
    def around(size: float | None, **options) -> float:
        auto = Adaptive(**options)
        auto.adapt(TrainingStats.of({"object_size": size}))
        return auto.context

    assert [around(size) for size in (None, 5, 20, 80)] == [12, 12, 20, 32]
    assert around(20, context=8) == 8


def test_a_training_s_advice_holds_where_the_user_says_nothing():
    advice = {"crop_object_size": "20.0", "crop_threshold": "0.05", "crop_context": "12.0"}  # as a file has it
    for options, expected in (({}, (0.05, 12)), ({"threshold": 0.0, "context": 30}, (0.0, 30))):
        auto = Adaptive(**options)
        auto.adapt(TrainingStats.of(advice))
        assert (auto.threshold, auto.context, auto.object_size) == (*expected, 20)
        auto.adapt(TrainingStats.of({}))
        assert (auto.threshold, auto.context) == ((0.005, 12) if not options else expected)


def test_crops_of_small_objects_are_small_so_that_many_share_a_size():
    crops = Adaptive()
    row = heat(*((20, x) for x in range(10, 90)))
    wide = crops.find(row, (1000, 2000), 0.5, (640, 640))
    assert max(x2 - x1 for x1, _, x2, _ in wide) > 256
    for size, side in ((10.0, 128), (20.0, 192)):  # eight times 20 is 160: the next of the sides
        crops.adapt(TrainingStats.of({"object_size": size}))
        found = crops.find(row, (1000, 2000), 0.5, (640, 640))
        assert max(max(x2 - x1, y2 - y1) for x1, y1, x2, y2 in found) * 0.5 <= side
        assert all(any(x1 <= x * 10 and x2 >= x * 10 + 10 for x1, _, x2, _ in found) for x in range(10, 90))


def test_much_context_does_not_make_a_crop_of_every_cell():
    crops = Adaptive(context=100)
    crops.adapt(TrainingStats.of({"object_size": 10.0}))
    assert len(crops.find(heat(*((20, x) for x in range(10, 40))), (1000, 2000), 0.5, (640, 640))) <= 2


def test_every_hot_place_is_inside_with_its_context_and_sides_are_few():
    rng = np.random.default_rng(0)
    cells = [(int(y), int(x)) for y, x in zip(rng.integers(0, 100, 30), rng.integers(0, 200, 30), strict=True)]
    crops = find(heat(*cells), context=16)
    for y, x in cells:
        near = (max(10 * x - 32, 0), max(10 * y - 32, 0), min(10 * x + 42, 2000), min(10 * y + 42, 1000))
        assert any(c[0] <= near[0] and c[1] <= near[1] and c[2] >= near[2] and c[3] >= near[3] for c in crops), (y, x)
    assert {(c[2] - c[0]) / 2 for c in crops} <= {*TILE_SIDES_PX, 500}


def test_where_most_is_hot_tiles_are_laid_over_everything():
    everything = np.ones((100, 200), np.float32)
    tiles = find(everything)
    assert tiles[0] == (0, 0, 1280, 1000) and len(tiles) == 2
    assert find(heat()) == []


@pytest.mark.parametrize(
    ("setting", "value"), [("threshold", 2), ("context", -1), ("zoom", 0), ("most", True), ("pack", "yes")]
)
def test_settings_that_make_no_sense_are_refused_by_name(setting, value):
    with pytest.raises(InputError, match=f"auto: {setting}="):
        Adaptive(**{setting: value})
