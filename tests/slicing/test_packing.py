"""Pieces on canvases: known places, no overlap, no waste that could be helped."""

from __future__ import annotations

import numpy as np
import pytest

from yolotiny.slicing import Canvas, Tile, gather, pack


def test_known_value_a_column_beside_two_squares():
    places, taken = pack([(32, 32), (64, 32), (32, 32)], (64, 64))
    assert places == [(0, 32, 0), (0, 0, 0), (0, 32, 32)] and taken == [(64, 64)]


def test_what_does_not_fit_begins_a_new_canvas():
    places, taken = pack([(64, 64), (64, 32)], (64, 64))
    assert [p[0] for p in places] == [0, 1] and taken == [(64, 64), (64, 32)]
    assert pack([], (64, 64)) == ([], [])


@pytest.mark.parametrize("seed", range(5))
def test_pieces_lie_on_their_canvas_and_on_nothing_else(seed):
    rng = np.random.default_rng(seed)
    sizes = [(int(h), int(w)) for h, w in rng.integers(1, 9, (40, 2)) * 32]
    places, taken = pack(sizes, (320, 256))
    for number, (height, width) in enumerate(taken):
        used = np.zeros((height, width), int)
        for (h, w), (n, x, y) in zip(sizes, places, strict=True):
            if n == number:
                used[y : y + h, x : x + w] += 1
                assert y + h <= height <= 320 and x + w <= width <= 256
        assert used.max() == 1
    assert sum(h * w for h, w in sizes) >= 0.7 * sum(h * w for h, w in taken)


def test_a_canvas_shows_each_window_and_gives_each_its_detections_back():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (100, 200, 3), dtype=np.uint8)
    windows = [Tile(10, 20, 32, 32, (32, 32)), Tile(100, 50, 32, 32, (32, 32))]
    (canvas,) = Canvas.packed(windows, (64, 64), 32)
    drawn = canvas.draw(picture)
    for window, x, y in canvas.places:
        assert np.array_equal(drawn[y : y + 32, x : x + 32], window.cut(picture))
    second = canvas.places[1]
    x, y = second[1] + 4.0, second[2] + 6.0
    rows = np.float32([[x, y, x + 8, y + 8, 0.9, 1.0], [500, 500, 510, 510, 0.9, 0]])
    found, owner = gather([canvas], [rows])
    left, top = second[0].x + 4, second[0].y + 6
    assert owner.tolist() == [1] and found.tolist() == [pytest.approx([left, top, left + 8, top + 8, 0.9, 1])]


def test_a_file_of_one_input_size_gets_canvases_of_that_size():
    windows = [Tile(0, 0, 32, 32, (32, 32))] * 5
    assert [c.size for c in Canvas.packed(windows, (64, 64), 32, (64, 64))] == [(64, 64)] * 2


def test_rows_find_the_windows_of_their_own_canvas():
    windows = [Tile(10, 20, 32, 32, (64, 64)), Tile(100, 50, 32, 32, (32, 32))]
    canvases = [Canvas.of(w, 32) for w in windows]
    row = np.float32([[8.0, 8, 16, 16, 0.9, 1]])
    found, owner = gather(canvases, [row, np.concatenate((row, row + np.float32([12.0, 0, 20, 0, 0, 0])))])
    assert owner.tolist() == [0, 1, 1]
    assert found[:, :4].tolist() == [[14, 24, 18, 28], [108, 58, 116, 66], [120, 58, 132, 66]]  # the last one is cut
