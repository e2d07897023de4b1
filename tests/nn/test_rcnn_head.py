"""Faster R-CNN: losses and boxes of torchvision's own for the same tensors, the cascade, and what a head refuses."""

from __future__ import annotations

import pytest
import torch
from torchvision.models.detection.faster_rcnn import FasterRCNN, FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import MultiScaleRoIAlign

from tests.messages import assert_says
from tests.torchvision_pairs import (
    CHANNELS,
    NC,
    PLAIN,
    SIZE,
    STRIDES,
    Given,
    anchors_of,
    assert_same,
    detections,
    features,
    loud,
    objects,
)
from yolotiny.coders import BinsCoder, DeltaCoder
from yolotiny.criterion import targets_of
from yolotiny.criterion.rcnn import RCNNCriterion
from yolotiny.nn.rcnn_head import RCNNDetect, priors_of

STDS = (0.1, 0.1, 0.2, 0.2)
ALL = 10**5  # samples: every anchor and every proposal
CFG = {
    "assigner": {"type": "max_iou", "pos": 0.7, "neg": 0.3, "min_pos": 0},
    "roi_coder": {"type": "delta", "stds": list(STDS)},
    "loss": {
        "box": {"type": "smooth_l1", "beta": 1 / 9, "weight": 1.0},
        "obj": {"samples": ALL, "positive": 0.5},
        "cls": {"samples": ALL, "positive": 0.5},
    },
}


def head(**options) -> RCNNDetect:
    coders = {"coder": options.pop("coder", DeltaCoder()), "roi_coder": options.pop("roi_coder", DeltaCoder(STDS))}
    sizes = {"hidden": CHANNELS, "fc": 16, "scale": 1.5, "candidates": 200, "proposals": 100}
    made = RCNNDetect(NC, [CHANNELS] * 2, list(STRIDES), **coders, **(sizes | options))
    loud(made)
    made.rpn.bbox_pred.weight.data *= 0.2  # boxes within the picture
    return made


def pair():
    """A head of ours and torchvision's detector with its tensors, whose boxes are the same for every class."""
    ours = head()
    rpn, box, last = RPNHead(CHANNELS, 3), TwoMLPHead(CHANNELS * 49, 16), FastRCNNPredictor(16, NC + 1)
    rpn.load_state_dict(ours.rpn.state_dict())
    box.load_state_dict(ours.heads[0].state_dict())
    last.cls_score.load_state_dict(ours.cls[0].state_dict())
    last.bbox_pred.weight.data = ours.reg[0].weight.data.repeat(NC + 1, 1)
    last.bbox_pred.bias.data = ours.reg[0].bias.data.repeat(NC + 1)
    counts = {f"rpn_{k}_nms_top_n_{mode}": n for k, n in (("pre", 200), ("post", 100)) for mode in ("train", "test")}
    theirs = FasterRCNN(
        Given(features()),
        rpn_anchor_generator=anchors_of(ours),
        rpn_head=rpn,
        rpn_batch_size_per_image=ALL,
        box_roi_pool=MultiScaleRoIAlign(["0", "1"], 7, 2),
        box_head=box,
        box_predictor=last,
        box_batch_size_per_image=ALL,
        box_positive_fraction=0.5,
        **counts,
        **PLAIN,
    )
    return ours, theirs


@pytest.mark.parametrize("empty", [False, True])
def test_losses_are_those_of_torchvision(empty):
    ours, theirs = pair()
    wanted, rows = objects()
    if empty:  # one of the pictures
        wanted[1] = {k: v[:0] for k, v in wanted[1].items()}
        rows = {k: v if k == "img" else v[rows["batch_idx"] == 0] for k, v in rows.items()}
    numbered = [{"boxes": w["boxes"], "labels": w["labels"] + 1} for w in wanted]
    losses = theirs.train()([torch.zeros(3, SIZE, SIZE)] * 2, numbered)
    _, parts = RCNNCriterion(CFG, ours.coder, NC)(ours.train()(features()), rows)
    names = {
        "loss_objectness": "obj_loss",
        "loss_rpn_box_reg": "rpn_box_loss",
        "loss_classifier": "cls_loss",
        "loss_box_reg": "box_loss",
    }
    assert len(parts) == len(losses)
    for key, value in losses.items():
        assert parts[names[key]].item() == pytest.approx(value.item(), rel=1e-4, abs=1e-4), key
        assert value > 1e-3


def test_detections_are_those_of_torchvision():
    ours, theirs = pair()
    with torch.no_grad():
        wanted = theirs.eval()([torch.zeros(3, SIZE, SIZE)] * 2)
        y, _ = ours.eval()(features())
    assert y.shape == (2, 4 + NC, 100)
    assert_same(detections(y, 0.05, 0.5, 100), wanted, shift=1)


def test_places_without_a_proposal_have_no_score():
    made = head(nms=0.01).eval()
    with torch.no_grad():
        y, preds = made(features())
    counts = preds.real.sum(1)
    assert (counts < 100).all() and (counts > 0).all()
    assert torch.equal(y[:, 4:].amax(1) > 0, preds.real)


def test_a_cascade_goes_on_from_the_boxes_of_the_stage_before_in_finer_steps():
    made = head(cascade=3).eval()
    with torch.no_grad():
        y, preds = made(features())
        boxes, scores = preds.proposals, []
        for stage in range(3):
            cls, raw = preds.ask(list(boxes), stage)
            scores.append(cls.softmax(-1)[:, 1:].view(2, -1, NC))
            boxes = made.roi_coder.decode(raw.view(2, -1, 4) / (stage + 1), priors_of(boxes)).clamp(0, SIZE)
    wanted = (sum(scores) / 3 * preds.real[..., None]).transpose(1, 2)
    torch.testing.assert_close(y[:, 4:], wanted)
    torch.testing.assert_close(y[:, :2], (boxes[..., :2] + boxes[..., 2:]).transpose(1, 2) / 2)
    _, rows = objects()
    plain = RCNNCriterion(CFG, made.coder, NC)(head().train()(features()), rows)[1]
    deep = RCNNCriterion(CFG, made.coder, NC)(made.train()(features()), rows)[1]
    assert plain.keys() == deep.keys() and deep["cls_loss"] > plain["cls_loss"]


def test_distributions_in_both_stages():
    first = BinsCoder(alpha=2, beta=1, n=10, stds=[1, 1, 1, 1])
    second = {"type": "bins", "alpha": 5, "beta": 1, "n": 5, "stds": list(STDS)}
    made = head(coder=first, roi_coder=BinsCoder(5, 1, 5, stds=list(STDS))).train()
    _, rows = objects()
    given = [f.requires_grad_() for f in features()]
    vector, parts = RCNNCriterion(CFG | {"roi_coder": second}, first, NC)(made(given), rows)
    assert parts["ce_loss"] > 0 and parts["rpn_ce_loss"] > 0 and parts["rpn_ur_loss"] > 0
    assert parts["box_loss"] == 0 and parts["rpn_box_loss"] == 0
    vector.sum().backward()
    assert made.reg[0].weight.grad.any() and made.rpn.bbox_pred.weight.grad.any()
    cfg = CFG | {"roi_coder": second, "loss": CFG["loss"] | {"box": {"type": "giou", "weight": 1.0}}}
    assert RCNNCriterion(cfg, first, NC)(made(given), rows)[1]["box_loss"] > 0


def test_samples_are_as_many_as_asked_for_and_objects_are_among_them():
    made, (_, rows) = head().train(), objects()
    cfg = CFG | {"loss": {"obj": {"samples": 32, "positive": 0.5}, "cls": {"samples": 16, "positive": 0.25}}}
    criterion = RCNNCriterion(cfg, made.coder, NC)
    rois, label, gt = criterion.samples(list(made(features()).proposals), targets_of(rows), 0.5)
    assert [len(r) for r in rois] == [16, 16] and 0 < (label > 0).sum() <= 8 and len(gt) == 32
    _, alone, _ = criterion.samples([torch.zeros(0, 4)] * 2, targets_of(rows), 0.5)
    assert sorted(alone.tolist()) == [1, 1, 2, 2, 3]  # nothing is proposed: the objects themselves
    whole = {"ignore_idx": torch.tensor([0.0, 1]), "ignore_bboxes": torch.tensor([[0.5, 0.5, 1, 1]] * 2)}
    _, ignored, _ = criterion.samples(list(made(features()).proposals), targets_of(rows | whole), 0.5)
    assert (ignored > 0).all()  # regions are no background


def test_parameters_of_a_class_move_with_it():
    made = head().eval()
    with torch.no_grad():
        before = made(features())[0]
        for p in made.by_class():
            p.copy_(p[[2, 0, 1]].clone())
        torch.testing.assert_close(made(features())[0][:, 4:], before[:, 4:][:, [2, 0, 1]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"proposals": 5000},
            "RCNNDetect: proposals=5000 must be a whole number from 1 to 3,000; write for example 1000",
        ),
        ({"candidates": 0}, "RCNNDetect: candidates=0 must be a whole number from 1 to 3,000; write for example 1000"),
        ({"cascade": 0}, "RCNNDetect: cascade=0 must be a whole number from 1 to 10; write for example 3"),
        ({"nms": 0}, "RCNNDetect: nms=0 must be a number above 0 and up to 1; write for example 0.7"),
        ({"ratios": []}, "RCNNDetect: ratios must be a list of heights over widths such as [0.5, 1, 2], not []"),
    ],
)
def test_what_makes_no_head_is_one_line(options, message):
    with assert_says(message):
        head(**options)


def test_levels_that_proposals_cannot_be_cut_from_are_named():
    coders = {"coder": DeltaCoder(), "roi_coder": DeltaCoder()}
    with assert_says("RCNNDetect: levels must come from the finest to the coarsest, not with strides 16, 8"):
        RCNNDetect(NC, [8, 8], [16.0, 8.0], **coders)
    with assert_says("RCNNDetect: proposals are cut out of levels each twice as coarse as the one before, not 4, 16"):
        RCNNDetect(NC, [8, 8], [4.0, 16.0], **coders)
    RCNNDetect(NC, [8, 8], [4.0, 16.0], **coders, pooled=1)


def test_distributions_in_the_second_stage_alone_have_their_settings():
    second = {"type": "bins", "alpha": 5, "beta": 1, "n": 5, "stds": list(STDS)}
    cfg = CFG | {"roi_coder": second, "loss": CFG["loss"] | {"bins": {"entropy": 0.0, "gamma": 0.0}}}
    made = head(roi_coder=BinsCoder(5, 1, 5, stds=list(STDS))).train()
    _, parts = RCNNCriterion(cfg, made.coder, NC)(made(features()), objects()[1])
    assert parts["ce_loss"] > 0 and parts["um_loss"] == 0 and parts["rpn_box_loss"] > 0


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        ({"assigner": "simota"}, "assigner in the configuration looks at classes, which proposals have none of; write"),
        ({"loss": {"cls": {"positive": 2}}}, "loss.cls.positive in the configuration is a share of the samples and"),
        ({"roi_coder": "v5"}, "loss.box.type=smooth_l1 in the configuration compares raw channels, which this"),
    ],
)
def test_what_makes_no_loss_is_one_line(cfg, message):
    with assert_says(message, more=True):
        RCNNCriterion(cfg, DeltaCoder(), NC)
