"""RKA on the scene of its specification, and on grids against the plain steps of the authors' code."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.assigners.test_simota import flat_preds, grid, triples, truth
from yolotiny.assigners import ASSIGNERS
from yolotiny.assigners.metric import Metric
from yolotiny.assigners.rka import RKA, rank, settle
from yolotiny.boxes import pairwise_iou, pairwise_nwd, xywh2xyxy
from yolotiny.coders import V5Coder, YOLOXCoder
from yolotiny.errors import InputError
from yolotiny.registry import build
from yolotiny.structures import Priors

GT = xywh2xyxy(torch.tensor([[10.0, 10, 8, 8], [30, 10, 8, 8]]))
ANCHORS = xywh2xyxy(
    torch.tensor([(x, y, 16.0, 16.0) for x, y in [(8, 8), (12, 12), (24, 8), (32, 12), (60, 60), (20, 10)]])
)


def official(score, k, neg=0.3, conflict="score", ties="first"):
    """The steps of the authors' code on all pairs (G, N): per prior -1 ignored, 0 negative, i + 1 for object i."""
    g, n = score.shape
    out = torch.full((n,), -1 if neg is not None else 0)
    if neg is not None:
        out[score.amax(0) < neg] = 0
    best = torch.full((n,), -torch.inf)
    for i in range(g):
        values = score[i].topk(min(k, n)).values
        for value in values.unique(sorted=True).flip(0):
            equal = (score[i] == value).nonzero()[:, 0]
            for j in equal[: int((values == value).sum())] if ties == "first" else equal:
                if value > -torch.inf and (conflict == "order" or score[i, j] > best[j]):
                    out[j], best[j] = i + 1, score[i, j]
    return out


def ours(score, k, neg=0.3, conflict="score", ties="first"):
    """The same from the parts of RKA."""
    take = rank(score, k, ties)
    gt, key = take.nonzero(as_tuple=True)
    owner = settle(key, gt, score[take], score.shape[1], conflict)
    rest = torch.zeros_like(owner) if neg is None else -(score.amax(0) >= neg).long()
    return torch.where(owner >= 0, owner + 1, rest)


def test_the_scene_of_the_specification():
    score = pairwise_nwd(GT, ANCHORS, 12.7)
    assert score[0].tolist() == pytest.approx([0.6077, 0.6077, 0.3014, 0.1660, 0.0038, 0.4047], abs=1e-4)
    assert score[1].tolist() == pytest.approx([0.1660, 0.2245, 0.5127, 0.6077, 0.0099, 0.4047], abs=1e-4)
    as_printed = {"conflict": "order", "ties": "all"}
    for found in (official, ours):
        # k = 1: the best of the first object is a tie, so both are taken
        assert found(score, 1, **as_printed).tolist() == [1, 1, -1, 2, 0, -1]
        assert found(score, 2, **as_printed).tolist() == [1, 1, 2, 2, 0, -1]
        # k = 3: both want the last anchor equally, and the later object overwrites the earlier
        assert found(score, 3, **as_printed).tolist() == [1, 1, 2, 2, 0, 2]
        assert found(score, 2, neg=None).tolist() == [1, 1, 2, 2, 0, 0]  # the paper's text: all others are negative
        assert found(score, 1).tolist() == [1, -1, -1, 2, 0, -1]  # of equals the first
        assert found(score, 3).tolist() == [1, 1, 2, 2, 0, 1]  # equally like both: the earlier object


def test_by_iou_an_object_sees_no_more_than_the_anchors_that_overlap_it():
    score = pairwise_iou(GT, ANCHORS)
    assert score[0].tolist() == pytest.approx([0.25, 0.25, 0, 0, 0, 0.0526], abs=1e-4)
    assert not (score >= 0.3).any()  # by thresholds of .7 and .3 there would be the one low-quality match at most
    assert ours(score, 2)[:2].tolist() == [1, 1]


def make(priors: Priors, gt, image=None, batch=1, coder=None, ignore=(), ignore_image=(), **options):
    targets = truth(gt, image=image, batch=batch, ignore=ignore, ignore_image=ignore_image)
    return RKA(coder=coder, **options)(flat_preds(priors, batch)[0], None, targets)


def codes(found, priors, batch=1):
    """The assignment in the official form, (B, A)."""
    out = torch.zeros(batch, len(priors.centers), dtype=torch.long)
    if found.ignored is not None:
        out[found.ignored] = -1
    out[found.image, found.prior] = found.gt + 1
    return out


def anchors(size=96, strides=(4, 8), sides=((5, 7), (12, 10), (24, 30))) -> Priors:
    """Three anchors a cell on two levels, those of the coarser twice as large."""
    p = grid(size, size, strides, anchors=len(sides))
    sizes = [torch.tensor(sides).float().repeat_interleave(h * w, 0) * (i + 1) for i, (_, h, w) in enumerate(p.shapes)]
    return replace(p, sizes=torch.cat(sizes))


@pytest.mark.parametrize("ties", ["first", "all"])
@pytest.mark.parametrize("conflict", ["score", "order"])
@pytest.mark.parametrize("neg", [0.3, 0.6, 1])
@pytest.mark.parametrize("k", [1, 2, 5])
def test_on_a_grid_it_takes_what_the_plain_steps_take_on_all_pairs(k, neg, conflict, ties):
    priors, g = anchors(), torch.Generator().manual_seed(k)
    center, wh = torch.rand(40, 2, generator=g) * 96, 2 + 30 * torch.rand(40, 2, generator=g)
    center[:4] = torch.tensor([[0.5, 0.5], [95.5, 95], [48, 48], [50, 50]])  # corners, and equally far from four cells
    gt = torch.cat((center - wh / 2, center + wh / 2), 1)
    prior_boxes = xywh2xyxy(torch.cat((priors.centers, priors.sizes), 1))
    for coder in (None, YOLOXCoder(), V5Coder()):
        found = make(priors, gt, coder=coder, k=k, neg=neg, conflict=conflict, ties=ties)
        score = RKA().metric.ranked(gt[:, None], prior_boxes[None])
        assert torch.allclose(score.exp(), pairwise_nwd(gt, prior_boxes), atol=1e-5)
        allowed = torch.ones_like(score, dtype=torch.bool) if coder is None else coder.reaches(gt[:, None], priors)
        expected = official(score.masked_fill(~allowed, -torch.inf), k, None, conflict, ties)
        if neg < 1:
            expected[(expected == 0) & (score.exp().amax(0) >= neg)] = -1
        assert codes(found, priors)[0].tolist() == expected.tolist()


@pytest.mark.parametrize("neg", [0.3, 0.7])
def test_by_iou_too(neg):
    priors, g = anchors(), torch.Generator().manual_seed(3)
    center, wh = torch.rand(40, 2, generator=g) * 96, 4 + 60 * torch.rand(40, 2, generator=g)
    gt = torch.cat((center - wh / 2, center + wh / 2), 1)
    score = pairwise_iou(gt, xywh2xyxy(torch.cat((priors.centers, priors.sizes), 1)))
    coder = V5Coder()
    expected = official(score.masked_fill(~coder.reaches(gt[:, None], priors) | (score <= 0), -torch.inf), 3, None)
    expected[(expected == 0) & (score.amax(0) >= neg)] = -1
    assert codes(make(priors, gt, coder=coder, metric="iou", k=3, neg=neg), priors)[0].tolist() == expected.tolist()


@pytest.mark.parametrize("neg", [0.3, 1])
@pytest.mark.parametrize("metric", ["giou", "diou", "ciou", "gwd"])
def test_by_the_other_metrics_too(metric, neg):
    priors, g = anchors(), torch.Generator().manual_seed(5)
    center, wh = torch.rand(40, 2, generator=g) * 96, 4 + 40 * torch.rand(40, 2, generator=g)
    gt = torch.cat((center - wh / 2, center + wh / 2), 1)
    score = Metric("rka", metric, "auto", 12.7)(gt[:, None], xywh2xyxy(torch.cat((priors.centers, priors.sizes), 1)))
    expected = official(score, 3, None)
    if neg < 1:
        expected[(expected == 0) & (score.amax(0) >= neg)] = -1
    assert codes(make(priors, gt, metric=metric, k=3, neg=neg), priors)[0].tolist() == expected.tolist()


def test_yolov5_predictions_reach_what_they_are_given():
    priors, coder = anchors(), V5Coder()
    g = torch.Generator().manual_seed(1)
    center, wh = torch.rand(60, 2, generator=g) * 96, 2 + 90 * torch.rand(60, 2, generator=g)
    gt = torch.cat((center - wh / 2, center + wh / 2), 1)
    found = make(priors, gt, coder=coder, k=8)
    at = priors.at(found.prior)
    assert torch.allclose(coder.decode(coder.encode(gt[found.gt], at), at), gt[found.gt], atol=1e-3)
    free = make(priors, gt, k=8)
    at = priors.at(free.prior)
    missed = (coder.decode(coder.encode(gt[free.gt], at), at) - gt[free.gt]).abs().amax(1) > 1
    assert missed.any()  # without the bound some priors are told to become what they cannot


def test_an_object_out_of_reach_gets_none_and_one_in_reach_at_least_one_of_an_uncontested_prior():
    priors = anchors()  # the largest anchor is 48 x 60
    found = make(priors, [[0.0, 0, 250, 90], [0, 0, 4, 3]], coder=V5Coder())
    assert set(found.gt.tolist()) == {1}


def test_every_size_gets_k_priors_where_thresholds_on_iou_leave_the_tiny_without():
    priors = grid(256, 256, (8, 16, 32))
    gt = xywh2xyxy(
        torch.tensor([[20.0, 20, 3, 3], [90, 40, 8, 8], [60, 120, 16, 16], [180, 60, 40, 40], [160, 180, 90, 90]])
    )
    found = make(priors, gt, scale=4.0, k=3, neg=1, coder=YOLOXCoder())
    assert found.gt.bincount().tolist() == [3] * 5
    by_iou = pairwise_iou(gt, xywh2xyxy(torch.cat((priors.centers, 4 * priors.sizes), 1)))
    assert (by_iou >= 0.3).any(1).tolist() == [False, False, False, True, True]


def test_scale_moves_objects_between_levels():
    priors = grid(128, 128, (8, 16))
    level = lambda scale: priors.level(make(priors, [48.0, 48, 80, 80], scale=scale, k=1).prior).item()  # noqa: E731
    assert level(4.0) == 0 and level(2.0) == 1  # 32 px is four cells of 8 px or two of 16


def test_c_and_neg_say_how_wide_the_ignored_ring_is():
    priors = grid(128, 128, (8,))
    count = lambda **o: int(make(priors, [60.0, 60, 68, 68], k=1, **o).ignored.sum())  # noqa: E731
    # Priors of 8 px as the object: W is the distance of the centres. The object's lies on a corner of four cells.
    ring = (priors.centers - 64).norm(dim=1)
    assert count(c=12.7) == int((ring <= 15.290).sum()) - 1
    assert count(c=6.0, neg=0.5) == int((ring <= 4.158).sum()) == 0
    assert count(c=25.4) == int((ring <= 30.58).sum()) - 1
    assert make(priors, [60.0, 60, 68, 68], neg=1).ignored is None


def test_c_auto_is_the_measured_size():
    assert build("rka", ASSIGNERS, object_size=9.5).c == 9.5 and build("rka", ASSIGNERS).c == 12.7
    assert build({"type": "rka", "c": 20}, ASSIGNERS, object_size=9.5).c == 20


def test_pictures_are_apart_and_ignore_regions_hold_neither_negatives_nor_lose_objects():
    priors = grid(32, 32, (8,))
    gt = [[8.0, 8, 16, 16], [8, 8, 16, 16]]
    found = make(priors, gt, image=[0, 2], batch=3, k=1, neg=1, ignore=[[0.0, 8, 24, 16]], ignore_image=[2])
    assert triples(found) == [(0, 5, 0), (2, 5, 1)]
    assert found.ignored.nonzero().tolist() == [[2, 4], [2, 6]]
    both = make(priors, gt, image=[0, 2], batch=3, k=1, neg=0.5, ignore=[[24.0, 24, 32, 32]], ignore_image=[1])
    assert both.ignored[1].nonzero().tolist() == [[15]]
    assert both.ignored[0].nonzero()[:, 0].tolist() == [1, 4, 6, 9]  # 8 px away: NWD .533


def test_no_objects_and_objects_without_area_or_far_outside():
    priors = anchors()
    found = make(priors, [], batch=2)
    assert triples(found) == [] and found.ignored.shape == (2, len(priors.centers)) and not found.ignored.any()
    found = make(priors, [[20.0, 20, 20, 20], [-900, -900, -890, -890]], coder=V5Coder())
    assert found.gt.tolist() == [0, 0]


def test_more_objects_than_are_looked_at_together(monkeypatch):
    priors, gt = anchors(), torch.rand(30, 2) * 90
    gt = torch.cat((gt, gt + 6), 1)
    whole = make(priors, gt)
    monkeypatch.setattr("yolotiny.assigners.rka.OBJECTS", 7)
    parts = make(priors, gt)
    assert triples(parts) == triples(whole) and torch.equal(parts.ignored, whole.ignored)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"metric": "ndw"},
            "assigner rka: metric must be iou, giou, diou, ciou, gwd or nwd, not 'ndw'; did you mean 'nwd'?",
        ),
        ({"k": 0}, "assigner rka: k=0 must be a whole number from 1 up; write for example 2"),
        ({"k": 2.5}, "assigner rka: k=2.5 must be a whole number from 1 up; write for example 2"),
        ({"c": 0}, "assigner rka: c=0 must be a number above 0; write for example 12.7"),
        (
            {"c": 9, "metric": "iou"},
            "assigner rka: c=9 is read with metric=nwd and metric=gwd only; leave it out or add metric=nwd",
        ),
        (
            {"neg": 1.5},
            "assigner rka: neg=1.5 must be a number above 0 and up to 1; write for example 0.3",
        ),
        ({"conflict": "last"}, "assigner rka: conflict must be score or order, not 'last'"),
        ({"ties": "none"}, "assigner rka: ties must be first or all, not 'none'"),
        ({"scale": -1}, "assigner rka: scale=-1 must be a number above 0; write for example 4.0"),
    ],
)
def test_settings_that_make_no_sense_are_one_line(wrong, message):
    with pytest.raises(InputError) as caught:
        build({"type": "rka"} | wrong, ASSIGNERS)
    assert str(caught.value) == message
