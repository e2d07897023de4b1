"""Thresholds on a matrix of three objects and four priors, and against torchvision's Matcher on grids."""

from __future__ import annotations

import pytest
import torch
from torchvision.models.detection._utils import Matcher

from tests.assigners.test_rka import anchors, codes
from tests.assigners.test_simota import flat_preds, grid, triples, truth
from yolotiny.assigners import ASSIGNERS
from yolotiny.assigners.max_iou import MaxIoU
from yolotiny.assigners.metric import METRICS, Metric
from yolotiny.boxes import pairwise_iou, xywh2xyxy
from yolotiny.coders import V5Coder
from yolotiny.errors import InputError
from yolotiny.registry import build
from yolotiny.structures import Priors


def given(matrix, batch=1, image=None, **options):
    """The official code, per prior -1 ignored, 0 background, i + 1 for object i, of similarities as they stand."""
    score = torch.tensor(matrix)
    priors = grid(8, 8 * score.shape[1], (8,))
    made = MaxIoU(**options)
    rows = iter(range(len(score)))
    made.metric = lambda gt, boxes: score[[next(rows) for _ in gt]]
    made.metric.least = 0.0
    targets = truth([[0, 0, 4, 4]] * len(score), image=image, batch=batch)
    return codes(made(flat_preds(priors, batch)[0], None, targets), priors, batch).tolist()


MATRIX = [[0.8, 0.6, 0.1, 0.2], [0.1, 0.5, 0.4, 0.2], [0.0, 0.0, 0.0, 0.2]]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [1, 1, -1, 0]),  # the matrix of the docstring
        ({"low_quality": False}, [1, -1, -1, 0]),
        ({"min_pos": 0}, [1, 1, -1, 1]),  # the best of r is d, which is as much like p, the earlier
        ({"pos": 0.4}, [1, 1, 2, 0]),
        ({"neg": 0.1}, [1, 1, -1, -1]),
        ({"pos": 0.9, "neg": 0.9, "min_pos": 0.9}, [0, 0, 0, 0]),
        ({"neg": 0.0}, [1, 1, -1, -1]),
    ],
)
def test_thresholds_on_three_objects_and_four_priors(options, expected):
    assert given(MATRIX, **options) == [expected]


def test_pictures_are_apart_and_a_picture_without_objects_is_background():
    assert given(MATRIX, batch=3, image=[0, 2, 2]) == [[1, -1, 0, 0], [0] * 4, [0, 2, -1, 0]]


@pytest.mark.parametrize("together", [7, 2**21])
@pytest.mark.parametrize(("pos", "neg"), [(0.7, 0.3), (0.5, 0.4), (0.5, 0.5)])
@pytest.mark.parametrize("low", [True, False])
def test_it_equals_the_matcher_of_torchvision(pos, neg, low, together, monkeypatch):
    priors, g = anchors(), torch.Generator().manual_seed(0)
    monkeypatch.setattr("yolotiny.assigners.max_iou.PAIRS", together * len(priors.centers))
    center, wh = torch.rand(40, 2, generator=g) * 96, 2 + 50 * torch.rand(40, 2, generator=g)
    gt = torch.cat((center - wh / 2, center + wh / 2), 1)
    score = pairwise_iou(gt, xywh2xyxy(torch.cat((priors.centers, priors.sizes), 1)))
    expected = Matcher(pos, neg, allow_low_quality_matches=low)(score)
    expected = torch.where(expected >= 0, expected + 1, torch.where(expected == -1, 0, -1))
    made = MaxIoU(pos=pos, neg=neg, min_pos=0, low_quality=low)
    found = made(flat_preds(priors)[0], None, truth(gt))
    assert codes(found, priors)[0].tolist() == expected.tolist()
    assert (expected > 0).any() and ((expected < 0).any() or pos == neg)


def test_under_the_rule_of_an_rpn_the_tiny_have_no_prior_and_by_nwd_only_the_tiniest():
    one = grid(128, 128, (4, 8, 16))
    priors = Priors(one.centers, one.sizes * 8, one.strides, one.shapes)  # anchors of 8 strides: from 32 px
    gt = xywh2xyxy(torch.tensor([[20.0, 20, 6, 6], [90, 40, 16, 16], [60, 100, 30, 30]]))
    got = lambda **o: MaxIoU(**o)(flat_preds(priors)[0], None, truth(gt)).gt.bincount(minlength=3).tolist()  # noqa: E731
    assert [n > 0 for n in got()] == [False, False, True]
    assert [n > 0 for n in got(metric="nwd")] == [False, True, True]
    assert all(n > 0 for n in got(min_pos=0))


def test_an_object_that_no_prior_overlaps_has_none():
    found = MaxIoU(min_pos=0)(flat_preds(anchors())[0], None, truth([[-90.0, -90, -80, -80]]))
    assert triples(found) == [] and not found.ignored.any()


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_is_one_where_boxes_coincide_and_falls_below_a_level_beyond_its_distance(metric):
    measure = Metric("m", metric, "auto", 9.0)
    box = torch.tensor([[10.0, 10, 20, 18]])
    assert measure(box, box).item() == pytest.approx(1, abs=1e-5)
    for level in (0.3, 0.7):
        far = measure.distance(level, 10.0)
        for move in ([1, 0, 1, 0], [0, 1, 0, 1]):
            assert measure(box, box + far * 1.001 * torch.tensor(move)).item() < level
    share = measure.share(box, box + 40)
    assert 0 <= share.item() < 0.3


def test_what_the_coder_cannot_reach_is_no_candidate_and_no_background():
    priors = grid(32, 32, (8,))
    wide = Priors(priors.centers, priors.sizes * 3, priors.strides, priors.shapes)
    targets = truth([[0.0, 0, 24, 24]])
    free, bound = (MaxIoU(pos=0.4, neg=0.1, coder=c)(flat_preds(wide)[0], None, targets) for c in (None, V5Coder()))
    reached = V5Coder().reaches(targets.boxes, wide.at(bound.prior))
    assert reached.all() and 0 < len(bound.prior) < len(free.prior)
    lost = set(free.prior.tolist()) - set(bound.prior.tolist())
    assert all(bound.ignored[0, i] for i in lost)


def test_ignore_regions_and_no_objects():
    priors = grid(32, 32, (8,))
    found = MaxIoU()(flat_preds(priors, 2)[0], None, truth([], batch=2, ignore=[[0, 0, 11, 11]], ignore_image=[1]))
    assert triples(found) == [] and found.ignored.nonzero().tolist() == [[1, 0]]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"metric": "iuo"}, "metric must be iou, giou, diou, ciou, gwd or nwd, not 'iuo'; did you mean 'iou'"),
        ({"neg": 0.8}, "neg=0.8 is above pos=0.7; a prior would be positive and background at once"),
        ({"pos": 0}, "pos=0 must be a number above 0 and up to 1; write for example 0.7"),
        ({"min_pos": 1.5}, "min_pos=1.5 must be a number from 0 to 1; write for example 0.3"),
        ({"low_quality": 1}, "low_quality must be true or false, not 1"),
        ({"c": 9}, "c=9 is read with metric=nwd and metric=gwd only; leave it out or add metric=nwd"),
    ],
)
def test_settings_that_make_no_sense_are_one_line(wrong, message):
    with pytest.raises(InputError) as caught:
        build({"type": "max_iou"} | wrong, ASSIGNERS)
    assert str(caught.value).startswith(f"assigner max_iou: {message}")
