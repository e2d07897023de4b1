"""Suppression of crowds: the same boxes stay as when each is compared with all."""

from __future__ import annotations

import pytest
import torch
import torchvision

from yolotiny import suppression
from yolotiny.boxes import pairwise_nwd, xywh2xyxy
from yolotiny.suppression import batched_nms, close_pairs, greedy, nwd_nms


def crowd(n: int, side: float = 300.0, largest: float = 24.0, seed: int = 0) -> tuple[torch.Tensor, ...]:
    """Boxes of a few pixels close together, scores of which some are equal, and three classes."""
    g = torch.Generator().manual_seed(seed)
    centre, wh = torch.rand(n, 2, generator=g) * side, 2 + torch.rand(n, 2, generator=g) * largest
    score = (torch.rand(n, generator=g) * 200).round() / 200
    return torch.cat((centre - wh / 2, centre + wh / 2), 1), score, torch.randint(3, (n,), generator=g).float()


@pytest.mark.parametrize("iou", [0.1, 0.45, 0.6, 0.9, 1.0])
def test_the_same_boxes_stay_as_with_torchvision(iou, monkeypatch):
    monkeypatch.setattr(suppression, "FEW", 1000)
    boxes, scores, group = crowd(1500)
    boxes[:3] = torch.tensor([[50.0, 50, 50, 50], [0, 0, 300, 300], [0, 0, 300, 300]])  # a point; two over everything
    expected = torch.cat([(group == k).nonzero()[:, 0] for k in range(3)])
    expected = torch.cat(
        [
            k[torchvision.ops.nms(boxes[k], scores[k], iou)]
            for k in expected.split(torch.bincount(group.long()).tolist())
        ]
    )
    found = batched_nms(boxes, scores, group, iou)
    assert sorted(found.tolist()) == sorted(expected.tolist()) and (scores[found].diff() <= 0).all()
    monkeypatch.setattr(suppression, "PAIRS", 500)
    assert torch.equal(batched_nms(boxes, scores, group, iou), found)


def test_few_boxes_and_none_go_the_usual_way(monkeypatch):
    boxes, scores, group = crowd(200)
    few = batched_nms(boxes, scores, group, 0.5)
    assert batched_nms(boxes[:0], scores[:0], group[:0], 0.5).tolist() == []
    monkeypatch.setattr(suppression, "FEW", -1)
    assert sorted(batched_nms(boxes, scores, group, 0.5).tolist()) == sorted(few.tolist())
    for n in (0, 1):
        assert batched_nms(boxes[:n], scores[:n], group[:n], 0.5).tolist() == list(range(n))


def test_pairs_are_those_within_reach_in_either_order_and_in_blocks(monkeypatch):
    start, reach = torch.tensor([5.0, 0, 3, 9, 3.5]), torch.tensor([1.0, 3, 2, 9, 9])

    def pairs(*group):
        return [pair for i, j in close_pairs(start, reach, *group) for pair in torch.stack((i, j), 1).tolist()]

    assert sorted(pairs(torch.tensor([0, 0, 0, 0, 1]))) == [[1, 2], [2, 0]]
    together = pairs()
    assert sorted(together) == [[1, 2], [2, 0], [2, 4], [4, 0], [4, 3]]
    monkeypatch.setattr(suppression, "PAIRS", 1)
    assert pairs() == together


def test_an_item_that_a_removed_one_would_remove_stays():
    assert greedy(torch.tensor([0, 1, 3]), torch.tensor([1, 2, 4]), 5).tolist() == [True, False, True, True, False]


def slow_nwd_nms(boxes, scores, group, threshold, c):
    """Suppression by NWD box by box."""
    left, kept = scores.argsort(descending=True, stable=True).tolist(), []
    while left:
        kept.append(left.pop(0))
        best = boxes[kept[-1]][None]
        left = [j for j in left if group[j] != group[kept[-1]] or pairwise_nwd(best, boxes[j][None], c) <= threshold]
    return kept


@pytest.mark.parametrize("threshold", [0.4, 0.7])
def test_by_nwd_the_same_boxes_stay_as_when_taken_one_by_one(threshold, monkeypatch):
    g = torch.Generator().manual_seed(0)
    boxes = xywh2xyxy(torch.rand(150, 4, generator=g) * torch.tensor([40, 40, 8, 8]) + torch.tensor([0, 0, 4, 4]))
    scores, group = torch.rand(150, generator=g), torch.randint(3, (150,), generator=g).float()
    expected = slow_nwd_nms(boxes, scores, group, threshold, 12.7)
    assert nwd_nms(boxes, scores, group, threshold, 12.7).tolist() == expected and len(expected) < 130
    monkeypatch.setattr(suppression, "PAIRS", 50)
    assert nwd_nms(boxes, scores, group, threshold, 12.7).tolist() == expected


def test_a_chain_of_boxes_keeps_every_second_one_and_nothing_at_all_keeps_nothing():
    x = torch.arange(6) * 2.0
    boxes = torch.stack((x, x * 0, x + 4, x * 0 + 4), 1)
    scores = torch.linspace(0.9, 0.4, 6)
    assert nwd_nms(boxes, scores, x * 0, 0.8, 12.7).tolist() == [0, 2, 4]  # 2 px: .854, 4 px: .730
    assert nwd_nms(boxes[:0], scores[:0], x[:0], 0.8, 12.7).tolist() == []
