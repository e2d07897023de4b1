"""Suppression of crowds: the same boxes stay as when each is compared with all."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision

from yolotiny import boxes as torch_boxes
from yolotiny.ops import nms
from yolotiny.ops.nms import batched_nms, close_pairs, greedy, nwd_nms


def crowd(n: int, side: float = 300.0, largest: float = 24.0, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Boxes of a few pixels close together, scores of which some are equal, and three classes."""
    rng = np.random.default_rng(seed)
    centre, wh = rng.random((n, 2)) * side, 2 + rng.random((n, 2)) * largest
    score = (rng.random(n) * 200).round() / 200
    boxes = np.concatenate((centre - wh / 2, centre + wh / 2), 1)
    return boxes.astype(np.float32), score.astype(np.float32), rng.integers(0, 3, n).astype(np.float32)


@pytest.mark.parametrize("iou", [0.1, 0.45, 0.6, 0.9, 1.0])
def test_the_same_boxes_stay_as_with_torchvision(iou, monkeypatch):
    boxes, scores, group = crowd(1500)
    boxes[:3] = [[50, 50, 50, 50], [0, 0, 300, 300], [0, 0, 300, 300]]  # a point; two over everything
    expected = []
    for k in range(3):
        mine = np.flatnonzero(group == k)
        kept = torchvision.ops.nms(torch.from_numpy(boxes[mine]), torch.from_numpy(scores[mine]), iou)
        expected += mine[kept.numpy()].tolist()
    found = batched_nms(boxes, scores, group, iou)
    assert sorted(found.tolist()) == sorted(expected) and (np.diff(scores[found]) <= 0).all()
    monkeypatch.setattr(nms, "BLOCK_PAIRS", 500)
    assert np.array_equal(batched_nms(boxes, scores, group, iou), found)


def test_few_boxes_and_none():
    boxes, scores, group = crowd(1)
    for n in (0, 1):
        assert batched_nms(boxes[:n], scores[:n], group[:n], 0.5).tolist() == list(range(n))
        assert nwd_nms(boxes[:n], scores[:n], group[:n], 0.8, 12.7).tolist() == list(range(n))
    points = np.full((2, 4), 5, np.float32)  # without area they overlap nothing, each other included
    assert batched_nms(points, np.float32([0.5, 0.6]), np.zeros(2), 0.5).tolist() == [1, 0]


def test_pairs_are_those_within_reach_in_either_order_and_in_blocks(monkeypatch):
    start, reach = np.array([5.0, 0, 3, 9, 3.5]), np.array([1.0, 3, 2, 9, 9])

    def pairs(*group):
        return [pair for i, j in close_pairs(start, reach, *group) for pair in np.stack((i, j), 1).tolist()]

    assert sorted(pairs(np.array([0, 0, 0, 0, 1]))) == [[1, 2], [2, 0]]
    together = pairs()
    assert sorted(together) == [[1, 2], [2, 0], [2, 4], [4, 0], [4, 3]]
    monkeypatch.setattr(nms, "BLOCK_PAIRS", 1)
    assert pairs() == together


def test_an_item_that_a_removed_one_would_remove_stays():
    assert greedy(np.array([0, 1, 3]), np.array([1, 2, 4]), 5).tolist() == [True, False, True, True, False]


def slow_nwd_nms(boxes, scores, group, threshold, c):
    """Suppression by NWD box by box, with the torch form of NWD."""
    left, kept = np.argsort(-scores, kind="stable").tolist(), []
    alike = torch_boxes.pairwise_nwd(torch.from_numpy(boxes), torch.from_numpy(boxes), c).numpy()
    while left:
        kept.append(left.pop(0))
        left = [j for j in left if group[j] != group[kept[-1]] or alike[kept[-1], j] <= threshold]
    return kept


@pytest.mark.parametrize("threshold", [0.4, 0.7])
def test_by_nwd_the_same_boxes_stay_as_when_taken_one_by_one(threshold, monkeypatch):
    boxes, scores, group = crowd(150, side=40, largest=8)
    expected = slow_nwd_nms(boxes, scores, group, threshold, 12.7)
    assert nwd_nms(boxes, scores, group, threshold, 12.7).tolist() == expected and len(expected) < 130
    monkeypatch.setattr(nms, "BLOCK_PAIRS", 50)
    assert nwd_nms(boxes, scores, group, threshold, 12.7).tolist() == expected


def test_both_forms_of_nwd_are_equal():
    a, b = crowd(200, seed=1)[0], crowd(200, seed=2)[0]
    for c in (1.0, 12.7):
        expected = torch_boxes.nwd(torch.from_numpy(a), torch.from_numpy(b), c)
        np.testing.assert_allclose(nms.nwd(a, b, c), expected, rtol=1e-5, atol=1e-7)
    assert (nms.nwd(a, a, 12.7) == 1).all()


def test_a_chain_of_boxes_keeps_every_second_one():
    x = np.arange(6, dtype=np.float32) * 2
    boxes = np.stack((x, x * 0, x + 4, x * 0 + 4), 1)
    scores = np.linspace(0.9, 0.4, 6, dtype=np.float32)
    assert nwd_nms(boxes, scores, x * 0, 0.8, 12.7).tolist() == [0, 2, 4]  # 2 px: .854, 4 px: .730
