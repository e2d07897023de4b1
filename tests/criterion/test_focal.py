"""RetinaNet's and FCOS's loss: known values, ignored priors, distributions, and losses of raw channels."""

from __future__ import annotations

import math

import pytest
import torch

from tests.criterion.test_dense import batch, preds
from tests.messages import assert_says
from yolotiny.coders import BinsCoder, DeltaCoder, LTRBCoder, V5Coder
from yolotiny.criterion import CRITERIA
from yolotiny.criterion.dense import AnchorCriterion, YOLOXCriterion
from yolotiny.criterion.focal import FCOSCriterion, RetinaCriterion, centerness
from yolotiny.structures import Preds

LN2 = math.log(2)
RETINA = {"assigner": {"type": "max_iou", "pos": 0.5, "neg": 0.4}}


def test_focal_loss_of_level_scores_by_the_number_of_positives():
    # At probability 1/2: .25 * .25 ln 2 for the object's class, .75 * .25 ln 2 for every other of 20 x 2 scores.
    _, parts = RetinaCriterion(RETINA, DeltaCoder(), 2)(preds(), batch([(0, 1, 12, 12, 8, 8)]))
    first = 0.25 * 0.25 * LN2 + 39 * 0.75 * 0.25 * LN2
    second = 40 * 0.75 * 0.25 * LN2
    assert parts["cls_loss"].item() == pytest.approx((first + second) / 2, rel=1e-5)
    assert parts["box_loss"].item() == pytest.approx(0, abs=1e-6)  # the prior is the object


def test_l1_on_raw_channels_is_divided_by_the_positives_of_the_picture():
    rows = batch([(0, 1, 12.8, 12, 8, 8), (1, 0, 12.8, 12, 8, 8), (1, 0, 20, 20.8, 8, 8)])
    _, parts = RetinaCriterion(RETINA, DeltaCoder(), 2)(preds(), rows)
    assert parts["box_loss"].item() == pytest.approx((0.1 + (0.1 + 0.1) / 2) / 2, rel=1e-4)
    smooth = RETINA | {"loss": {"box": {"type": "smooth_l1", "beta": 1.0}}}
    assert RetinaCriterion(smooth, DeltaCoder(), 2)(preds(), rows)[1]["box_loss"].item() == pytest.approx(
        0.005, rel=1e-3
    )


def test_ignored_priors_lose_nothing():
    p = preds()
    vector, _ = RetinaCriterion(RETINA, DeltaCoder(), 2)(p, batch(ignore=[(0, 4, 4, 6, 6)]))
    vector.sum().backward()
    assert not p.cls.grad[0, 0].any() and p.cls.grad[0, 1:].all() and p.cls.grad[1].all()


def test_centre_ness_is_one_in_the_middle_and_zero_on_a_side_and_outside():
    box = torch.tensor([[0.0, 0, 10, 8]]).expand(4, 4)
    points = torch.tensor([[5.0, 4], [2, 4], [0, 4], [12, 4]])
    assert centerness(points, box).tolist() == pytest.approx([1, 0.5, 0, 0])


def test_fcos_loses_by_the_positives_of_the_batch():
    rows = batch([(0, 1, 12, 12, 7, 7), (1, 0, 20, 20, 7, 7)])
    _, parts = FCOSCriterion({}, LTRBCoder(), 2)(preds(), rows)
    assert parts["center_loss"].item() == pytest.approx(LN2, rel=1e-5)
    cls = (2 * 0.25 + 78 * 0.75) * 0.25 * LN2
    assert parts["cls_loss"].item() == pytest.approx(cls / 2, rel=1e-5)


@pytest.mark.parametrize("family", ["retina", "fcos"])
def test_distributions_take_the_place_of_a_loss_of_raw_channels_and_stand_beside_one_of_boxes(family):
    coder = BinsCoder(n=4)
    p = preds()
    p = Preds(torch.zeros(2, 20, coder.channels, requires_grad=True), p.cls, p.obj, p.priors)
    for box, keep in (({"type": "smooth_l1"}, 0), ({"type": "giou"}, 1)):
        cfg = {"assigner": RETINA["assigner"], "loss": {"box": box}}
        _, parts = CRITERIA[family](cfg, coder, 2)(p, batch([(0, 1, 13, 12, 8, 8)]))
        assert (parts["box_loss"] > 0) == bool(keep) and parts["ce_loss"] > 0
    cfg = {"loss": {"box": {"type": "smooth_l1"}, "bins": {"keep_iou": True}}, "yaml_file": "m.yaml"}
    with assert_says("loss.bins.keep_iou in m.yaml keeps a loss of boxes beside the distributions", more=True):
        CRITERIA[family](cfg, coder, 2)


def test_raw_channels_are_compared_where_the_coder_regresses():
    cfg = {"loss": {"box": {"type": "smooth_l1", "weight": 1.0}}}
    with assert_says("loss.box.type=smooth_l1 in the configuration compares raw channels, which this", more=True):
        AnchorCriterion(cfg, V5Coder(), 2)
    p = preds()
    p.box.data[:] = 0.3
    assert (
        AnchorCriterion(cfg | {"loss": cfg["loss"] | {"obj": {"balance": [1, 1]}}}, DeltaCoder(), 2)(
            p, batch([(0, 1, 12, 12, 8, 8)])
        )[1]["box_loss"]
        > 0.1
    )
    assert YOLOXCriterion(cfg, DeltaCoder(), 2)(p, batch([(0, 1, 12, 12, 8, 8)]))[1]["box_loss"] > 0.1


@pytest.mark.parametrize("family", ["retina", "rcnn"])
def test_distributions_count_all_four_coordinates_where_smooth_l1_does(family):
    assert CRITERIA[family].terms["bins"]["weight"] == 4
    assert CRITERIA[family].terms["box"]["type"] == "smooth_l1"


def test_even_distributions_of_a_retina_lose_the_sum_of_four_entropies():
    coder = BinsCoder(n=4)
    p = preds()
    p = Preds(torch.zeros(2, 20, coder.channels), p.cls, p.obj, p.priors)
    cfg = {"assigner": RETINA["assigner"], "loss": {"bins": {"entropy": 0, "gamma": 0}}}
    _, parts = CRITERIA["retina"](cfg, coder, 2)(p, batch([(0, 1, 12, 12, 8, 8), (1, 1, 12, 12, 8, 8)]))
    assert parts["ce_loss"].item() == pytest.approx(4 * math.log(5), rel=1e-5)
