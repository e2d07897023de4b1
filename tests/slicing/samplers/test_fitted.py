"""Inputs full of small object crops, as `crops=auto` shows them: what they hold, where they lie, their labels."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest

from yolotiny.slicing.packing import pack
from yolotiny.slicing.samplers.fitted import (
    CONTEXT_RANGE_PX,
    EMPTY_SIDE_RANGE_PX,
    FILLED_SHARE,
    PITCH_PX,
    FittedSampler,
    side_by_side,
)

CARS = np.array([[50.0, 60.0, 58.0, 64.0], [70.0, 62.0, 78.0, 66.0], [300.0, 200.0, 308.0, 204.0]])
SIZE, ROOM = (300, 400), (128, 128)


def fitted(boxes=CARS, n=200, size=SIZE, room=ROOM, **options):
    """What n choices give in a picture of (height, width)."""
    crops, rng = FittedSampler(**options), Random(0)
    return [crops.fitted("a", np.array(boxes, float).reshape(-1, 4), size, room, rng) for _ in range(n)]


def held(w, boxes=CARS):
    """Which boxes lie wholly in a tile."""
    return tuple((boxes[:, :2] >= [w.x, w.y]).all(1) & (boxes[:, 2:] <= [w.x + w.w, w.y + w.h]).all(1))


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_a_piece_round_one_object_shows_it_with_little_context(scale):
    for w in fitted(CARS[:1], objects=1.0, scale=scale):
        assert held(w)[0]
        for side, shown, box in ((w.w, w.shown[0], 8), (w.h, w.shown[1], 4)):
            assert shown == pytest.approx(side * scale, abs=1)
            assert 2 * CONTEXT_RANGE_PX[0] - 2 <= shown - box * scale <= 2 * CONTEXT_RANGE_PX[1] + PITCH_PX + 2


def test_neighbours_share_some_pieces_and_those_far_away_none():
    found = {held(w) for w in fitted(objects=1.0)}
    assert found >= {(True, False, False), (True, True, False), (False, False, True)}
    assert (True, True, True) not in found


def test_some_pieces_lie_anywhere_and_all_lie_in_the_picture():
    for objects, least, most in ((0.0, 0, 20), (0.5, 80, 130), (1.0, 200, 200)):
        pieces = fitted(objects=objects)
        assert least <= sum(any(held(w)) for w in pieces) <= most
        assert all(w.x >= 0 and w.y >= 0 and w.x + w.w <= SIZE[1] and w.y + w.h <= SIZE[0] for w in pieces)
    sides = [max(w.shown) for w in fitted([], objects=1.0)]
    assert (
        min(sides) < 40
        and max(sides) <= math.ceil((EMPTY_SIDE_RANGE_PX[1] + 2 * CONTEXT_RANGE_PX[1]) / PITCH_PX) * PITCH_PX
    )


def test_a_piece_is_no_larger_than_the_input_and_the_picture():
    for w in fitted([[10, 10, 390, 290]], objects=1.0, n=20):
        assert w.shown == (128, 128)
    for w in fitted([[1, 1, 9, 9]], size=(10, 12), n=20):
        assert (w.w, w.h) == (12, 10) and w.shown == (12, 10)


def test_pieces_fill_an_input_and_never_overlap():
    crops, rng = FittedSampler(), Random(0)
    asked = []

    def choose(i):
        asked.append(i)
        return crops.fitted("a", CARS, SIZE, ROOM, rng)

    taken, chosen, kept = [], [], []
    for _ in range(10):
        asked.clear()
        placed = side_by_side(7, 20, choose, ROOM, rng)
        seen = np.zeros(ROOM, int)
        for p in placed:
            w, h = p.tile.shown
            assert p.x % PITCH_PX == 0 and p.y % PITCH_PX == 0 and p.x + w <= ROOM[1] and p.y + h <= ROOM[0]
            seen[p.y : p.y + h, p.x : p.x + w] += 1
        assert seen.max() == 1 and asked[0] == 7 and len(set(asked)) > 1
        taken.append(seen.mean())
        chosen.append(len(asked))
        kept.append(len(placed))
    assert np.mean(taken) > 0.6 and sum(kept) > 0.75 * sum(chosen)


def test_the_example_of_its_docstring_is_fitted_and_packed_as_written_there():
    class Told(Random):
        """Draws what the example says: an object, alone, with these margins."""

        margins = [6, 6, 10, 4]

        def random(self):
            return 0.0

        def uniform(self, low, high):
            return self.margins.pop(0)

    tile = FittedSampler(scale=1.0).fitted("a", np.array([[100.0, 100, 110, 108]]), SIZE, (64, 64), Told())
    assert (tile.x, tile.y, tile.w, tile.h, tile.shown) == (91, 91, 32, 24, (32, 24))
    count = math.ceil(FILLED_SHARE * 64 * 64 / (32 * 24))
    places, _ = pack([(24, 32)] * count, (64, 64))
    assert count == 5 and sum(canvas == 0 for canvas, _, _ in places) == 4
