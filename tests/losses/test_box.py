"""Box losses are one minus a similarity, weighted."""

from __future__ import annotations

import math

import pytest
import torch

from yolotiny import boxes
from yolotiny.boxes import xywh2xyxy
from yolotiny.coders import YOLOXCoder
from yolotiny.errors import InputError
from yolotiny.losses import BOX_LOSSES
from yolotiny.losses.box import CIoULoss, GWDLoss, IoU2Loss, IoULoss, NWDLoss, iou2, l1
from yolotiny.registry import build
from yolotiny.structures import Priors

A, B = torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[1.0, 0, 3, 2]])  # IoU 1/3


def test_known_values():
    assert IoULoss()(A, B).item() == pytest.approx(2 / 3)
    assert IoU2Loss()(A, B).item() == pytest.approx(1 - 1 / 9)
    assert iou2(A, A).item() == pytest.approx(1)


@pytest.mark.parametrize("name", list(BOX_LOSSES))
def test_every_loss_is_zero_at_home_one_value_a_box_and_pulls_towards_the_object(name):
    loss = build(name, BOX_LOSSES)
    pred = torch.tensor([[10.0, 10, 20, 20], [0, 0, 4, 25]], requires_grad=True)
    assert loss(pred, pred.detach()).tolist() == pytest.approx([0, 0], abs=1e-5)
    gt = torch.tensor([[12.0, 11, 22, 21], [1, 1, 5, 26]])  # right of and below the predictions
    value = loss(pred, gt)
    assert value.shape == (2,) and value.dtype == torch.float32 and (value > 0).all()
    value.sum().backward()
    assert (pred.grad[:, 2:] < 0).all()  # moving the far corner outwards helps


@pytest.mark.parametrize("name", list(BOX_LOSSES))
def test_no_pairs_give_an_empty_loss_that_can_be_summed(name):
    pred = torch.zeros(0, 4, requires_grad=True)
    loss = build(name, BOX_LOSSES)(pred, torch.zeros(0, 4))
    assert loss.shape == (0,) and loss.sum().item() == 0


def test_the_named_similarities_are_the_ones_in_boxes():
    for name in ("iou", "giou", "diou", "ciou"):
        assert torch.equal(build(name, BOX_LOSSES)(A, B), 1 - getattr(boxes, name)(A, B))


def test_nwd_loss_takes_its_scale_from_the_option_or_from_what_was_measured():
    build_nwd = lambda **spec: build({"type": "nwd"} | spec, BOX_LOSSES, object_size=8.0)  # noqa: E731
    a, b = torch.tensor([[6.0, 6, 14, 14]]), torch.tensor([[9.0, 10, 17, 18]])  # 5 px apart
    assert NWDLoss()(a, b).item() == pytest.approx(1 - 0.674556, abs=1e-6)  # nothing measured: the paper's 12.7
    assert build_nwd()(a, b).item() == pytest.approx(1 - 0.535261, abs=1e-6)
    assert build_nwd(c=16)(a, b).item() == pytest.approx(1 - 0.731616, abs=1e-6)


def test_nwd_mixes_with_the_detector_s_own_loss():
    mixed = build({"type": "nwd", "c": 8, "ratio": 0.25}, BOX_LOSSES, of="iou2")
    a, b = torch.tensor([[6.0, 6, 14, 14]]), torch.tensor([[9.0, 10, 17, 18]])  # IoU 20 / 108
    assert mixed(a, b).item() == pytest.approx(0.25 * (1 - 0.535261) + 0.75 * (1 - (20 / 108) ** 2), abs=1e-6)
    assert build({"type": "nwd", "c": 8, "ratio": 1.0}, BOX_LOSSES, of="iou2")(a, b).item() == pytest.approx(0.464739)


def test_gwd_loss_in_either_form_and_unit():
    a, b = xywh2xyxy(torch.tensor([[10.0, 6, 4, 2]])), xywh2xyxy(torch.tensor([[10.5, 6.25, 3, 2]]))  # W = 0.75
    assert GWDLoss(unit=1.0)(a, b).item() == pytest.approx(0.308574, abs=1e-6)
    assert GWDLoss(unit=1.0, sqrt=True)(a, b).item() == pytest.approx(0.358816, abs=1e-6)
    assert GWDLoss()(4 * a, 4 * b).item() == pytest.approx(0.308574, abs=1e-6)  # cells of stride 4


def test_tau_of_gwd_flattens_what_is_near():
    a, b = xywh2xyxy(torch.tensor([[10.0, 6, 4, 2]])), xywh2xyxy(torch.tensor([[10.5, 6.25, 3, 2]]))  # W^2 = .5625
    assert GWDLoss(unit=1.0, tau=2)(a, b).item() == pytest.approx(1 - 1 / (2 + math.log(1.5625)), abs=1e-6)
    assert GWDLoss(unit=1.0, tau=2, sqrt=True)(a, b).item() == pytest.approx(1 - 1 / (2 + math.log(1.75)), abs=1e-6)
    assert GWDLoss(tau=4)(a, a).item() == 0.75 and GWDLoss(tau=1)(a, a).item() == 0


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"type": "nwd", "c": 0}, "box loss nwd: c=0 must be a number above 0; write for example 12.7"),
        ({"type": "nwd", "c": -3.0}, "box loss nwd: c=-3.0 must be a number above 0"),
        ({"type": "nwd", "c": "atuo"}, "box loss nwd: c='atuo' must be a number above 0"),
        ({"type": "nwd", "ratio": 1.5}, "box loss nwd: ratio is the share of NWD and at most 1, not 1.5"),
        ({"type": "nwd", "ratio": 0}, "box loss nwd: ratio=0 must be a number above 0; write for example 0.5"),
        ({"type": "gwd", "sqrt": 1}, "box loss gwd: sqrt must be true or false, not 1"),
        ({"type": "gwd", "unit": 0}, "box loss gwd: unit=0 must be a number above 0"),
        ({"type": "gwd", "tau": 0.5}, "box loss gwd: tau=0.5 must be a number from 1 up; write for example 2"),
    ],
)
def test_settings_that_make_no_sense_are_one_line(spec, message):
    with pytest.raises(InputError) as caught:
        build(spec, BOX_LOSSES)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_l1_is_the_distance_between_raw_channels_of_yolox():
    priors = Priors(torch.tensor([[12.0, 12], [24, 8]]), torch.zeros(2, 2), torch.tensor([[8.0], [16]]), ())
    pred, gt = torch.tensor([[8.0, 9, 18, 20], [1, 2, 9, 4]]), torch.tensor([[10.0, 10, 16, 14], [0, 0, 20, 8]])
    coder = YOLOXCoder()
    raw = (coder.encode(pred, priors) - coder.encode(gt, priors)).abs().sum(-1)
    assert torch.allclose(l1(pred, gt, priors.strides), raw, atol=1e-5)
    point = torch.tensor([[3.0, 3, 3, 3]], requires_grad=True)
    l1(point, gt[:1], torch.tensor([[8.0]])).sum().backward()
    assert torch.isfinite(point.grad).all()


def test_the_weight_comes_from_the_yaml_and_a_mistake_is_one_line():
    assert build({"type": "ciou", "weight": 0.05}, BOX_LOSSES).weight == 0.05 and CIoULoss().weight == 1
    with pytest.raises(InputError, match="^unknown box loss 'ciuo' in x.yaml; did you mean 'ciou'"):
        build("ciuo", BOX_LOSSES, where="x.yaml")
    with pytest.raises(InputError, match="^box loss 'ciou' takes no argument 'wieght'; did you mean 'weight'"):
        build({"type": "ciou", "wieght": 1}, BOX_LOSSES)
