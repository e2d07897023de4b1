"""A heat map of what a detector says: known cells, padding left out, every form of output."""

from __future__ import annotations

import numpy as np

from yolotiny.ops.letterbox import Letterbox
from yolotiny.slicing.heatmap import from_map, from_rows, scatter


def test_known_value_the_best_score_of_a_cell():
    centres = np.float32([[5.0, 5], [9, 1], [15, 25], [-1, 5], [40, 5]])  # two beside the image
    heat = scatter(centres, np.float32([0.2, 0.6, 0.4, 0.9, 0.9]), (30, 40), 10)
    assert heat.tolist() == [[np.float32(0.6), 0, 0, 0], [0] * 4, [0, np.float32(0.4), 0, 0]]


def test_nothing_said_and_an_image_of_one_row():
    assert scatter(np.zeros((0, 2), np.float32), np.zeros(0, np.float32), (1, 25), 10).tolist() == [[0, 0, 0]]


def test_dense_heads_speak_by_their_best_class_and_finished_rows_by_their_score():
    whole = Letterbox.of((40, 64), (40, 64))  # as it is: cells of 4 px
    dense = np.float32([[10, 20, 4, 4, 0.1, 0.7], [30, 36, 4, 4, 0.2, 0.0]]).T
    expected = np.zeros((10, 16), np.float32)
    expected[5, 2], expected[9, 7] = 0.7, 0.2
    assert np.array_equal(from_rows(np.tile(dense, 4)[:, :2], whole), expected)
    assert np.array_equal(from_rows(np.tile(dense, 4)[:, :2], whole, 0.2)[9], np.zeros(16))
    finished = np.float32([[8, 18, 12, 22, 0.7, 1], [28, 34, 32, 38, 0.2, 0]])
    assert np.array_equal(from_rows(finished, whole), expected)
    assert not from_rows(finished[:0], whole).any()


def test_centres_are_taken_out_of_the_letterbox():
    box = Letterbox.of((80, 80), (40, 80))  # shown at half size, 20 px of padding to the left
    heat = from_rows(np.float32([[20 + 10 - 2, 20 - 2, 20 + 10 + 2, 20 + 2, 0.5, 0], [4, 4, 8, 8, 0.9, 0]]), box)
    assert heat.shape == (10, 10) and heat[5, 2] == 0.5 and heat.sum() == 0.5  # what lies in the padding is left out


def test_a_detector_s_own_map_loses_the_padding():
    seen = np.arange(32, dtype=np.float32).reshape(4, 8)
    box = Letterbox.of((20, 80), (40, 80))
    assert box.inside == (0, 10, 80, 30) and np.array_equal(from_map(seen, box), seen[1:3])
    assert from_map(seen, Letterbox.of((1, 80), (40, 80))).shape == (1, 8)
