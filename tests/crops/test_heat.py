"""A heat map of what a detector says: known cells, padding left out, every form of output."""

from __future__ import annotations

import torch

from yolotiny.crops.heat import of_map, of_rows, scatter


def test_known_value_the_best_score_of_a_cell():
    centres = torch.tensor([[5.0, 5], [9, 1], [15, 25], [-1, 5], [40, 5]])  # two beside the picture
    heat = scatter(centres, torch.tensor([0.2, 0.6, 0.4, 0.9, 0.9]), (30, 40), 10)
    assert heat.tolist() == [[torch.tensor(0.6).item(), 0, 0, 0], [0] * 4, [0, torch.tensor(0.4).item(), 0, 0]]


def test_nothing_said_and_a_picture_of_one_row():
    assert scatter(torch.zeros(0, 2), torch.zeros(0), (1, 25), 10).tolist() == [[0, 0, 0]]


def test_dense_heads_speak_by_their_best_class_and_finished_rows_by_their_score():
    dense = torch.tensor([[10.0, 20, 4, 4, 0.1, 0.7], [30, 40, 4, 4, 0.2, 0.0]]).T
    centres, scores = of_rows(dense.repeat(1, 4)[:, :2])
    assert centres.tolist() == [[10, 20], [30, 40]] and scores.tolist() == torch.tensor([0.7, 0.2]).tolist()
    centres, scores = of_rows(torch.tensor([[8.0, 18, 12, 22, 0.7, 1]]))
    assert centres.tolist() == [[10, 20]] and scores.tolist() == torch.tensor([0.7]).tolist()


def test_a_detector_s_own_map_loses_the_padding():
    seen = torch.arange(32.0).view(4, 8)
    assert of_map(seen, (40, 80), (0, 10, 80, 30)).tolist() == seen[1:3].tolist()
    assert of_map(seen, (40, 80), (0, 10, 80, 11)).shape == (1, 8)
