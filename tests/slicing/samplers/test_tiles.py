"""Where training looks: tiles of a grid's size at random places, and clusters of objects."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from yolotiny.slicing.samplers.tiles import ClusterSampler, GridSampler, fill

CAR = [50.0, 60.0, 58.0, 64.0]  # xyxy, in a picture of 400x300


def tiles(crops, boxes=(), size=(300, 400), room=(100, 100), n=200):
    """What is drawn in n looks at a picture of (height, width)."""
    boxes, rng = np.array(boxes, float).reshape(-1, 4), Random(0)
    return [crops.sample_tile("a", boxes, size, room, rng) for _ in range(n)]


def holds(tile, box):
    return tile.x <= box[0] and tile.y <= box[1] and tile.x + tile.w >= box[2] and tile.y + tile.h >= box[3]


@pytest.mark.parametrize(
    ("options", "side", "shown"),
    [({}, 100, 100), ({"scale": 0.5}, 200, 100), ({"scale": 2.0}, 50, 100), ({"tile": 80}, 80, 100)]
    + [({"tile": 80, "scale": 0.5}, 80, 40)],
)
def test_a_window_has_the_size_of_a_tile_and_the_scale_asked_for(options, side, shown):
    for w in tiles(GridSampler(**options), n=20):
        assert (w.w, w.h, w.shown) == (side, side, (shown, shown))
        assert 0 <= w.x <= 400 - side and 0 <= w.y <= 300 - side


def test_windows_lie_anywhere_and_some_of_them_hold_an_object():
    assert {w.x // 60 for w in tiles(GridSampler())} == {0, 1, 2, 3, 4, 5}
    for objects, least, most in ((0.0, 0, 40), (0.5, 90, 150), (1.0, 200, 200)):
        found = sum(holds(w, CAR) for w in tiles(GridSampler(objects=objects), [CAR]))
        assert least <= found <= most, objects


def test_an_object_larger_than_the_window_is_seen_in_its_middle_and_one_in_the_corner_from_inside():
    (large,) = tiles(GridSampler(objects=1.0), [[100, 100, 300, 140]], n=1)
    assert large.x == 150
    for w in tiles(GridSampler(objects=1.0), [[390, 290, 400, 300]], n=20):
        assert (w.x, w.y) == (300, 200)


def test_a_picture_that_one_tile_covers_is_seen_whole_and_a_narrow_one_in_part():
    assert tiles(GridSampler(), size=(100, 100), n=1) == [None]
    assert tiles(GridSampler(scale=0.25), n=1) == [None]
    (narrow,) = tiles(GridSampler(), size=(60, 400), n=1)
    assert (narrow.w, narrow.h) == (100, 60)


def test_in_rectangular_batches_a_window_has_their_aspect():
    (w,) = tiles(GridSampler(), room=(64, 128), n=1)
    assert (w.h, w.w) == (64, 128)


def cluster():
    """Nine objects of 6 px in the upper left of 160x100 px, and one alone."""
    return [(x - 3, y - 3, x + 3, y + 3) for x in (15, 25, 35) for y in (15, 25, 35)] + [(147, 87, 153, 93)]


def test_the_largest_cluster_fills_the_input_at_the_scale_asked_for_or_at_one_and_a_half_times_the_whole():
    for options, side in (({"scale": 2.0}, 80), ({}, 107)):
        for w in tiles(ClusterSampler(min_area=0, **options), cluster(), (100, 160), (160, 160), n=3):
            assert (w.w, w.h) == (side, min(side, 100)) and w.shown[0] == 160
            assert all(holds(w, box) for box in cluster()[:9])


def test_among_the_k_largest_clusters_one_is_drawn():
    two = cluster() + [(x - 3, y - 3, x + 3, y + 3) for x in (115, 125) for y in (65, 75)]
    for k, places in ((1, 1), (2, 2)):
        drawn = tiles(ClusterSampler(min_area=0, k=k, scale=4.0), two, (100, 160), (160, 160))
        assert len({(w.x, w.y) for w in drawn}) == places


def test_a_picture_without_a_cluster_is_seen_whole():
    assert tiles(ClusterSampler(min_area=0), n=1) == [None]
    assert tiles(ClusterSampler(min_area=96**2), [CAR], n=1) == [None]  # one cell is too small


def test_a_window_stays_in_the_picture_and_a_large_cluster_is_shown_smaller():
    assert fill(np.array([180.0, 90, 200, 100]), (100, 200), 1.0, (50, 50)).box == (150, 50, 200, 100)
    large = fill(np.array([0.0, 0, 200, 100]), (100, 200), 2.0, (100, 100))
    assert large.box == (0, 0, 200, 100) and large.shown == (100, 50)
