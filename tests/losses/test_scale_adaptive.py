"""The scale-adaptive loss: the numbers of its specification, worked out with the corrected IoU."""

from __future__ import annotations

import math

import pytest
import torch

from yolotiny.boxes import iou, xywh2xyxy
from yolotiny.errors import InputError
from yolotiny.losses import BOX_LOSSES
from yolotiny.losses.box import SIMILARITIES, NWDLoss
from yolotiny.losses.scale_adaptive import BETA, ScaleAdaptiveLoss, scale_weight
from yolotiny.registry import build

LN2 = math.log(2)
GT = xywh2xyxy(torch.tensor([[10.0, 10, 4, 4], [10, 10, 10, 10], [10, 10, 20, 20]]))
PRED = GT + 1  # one pixel right and down


def test_the_weight_runs_from_two_at_the_smallest_to_nothing_at_the_largest():
    area = torch.tensor([100.0, 125, 150, 175, 200])  # s = 0, 1/4, 1/2, 3/4, 1
    assert scale_weight(area).tolist() == pytest.approx([2, 1.614710, 1.169925, 0.643856, 0], abs=1e-6)
    plain = scale_weight(area, beta=1).tolist()
    assert plain == pytest.approx([0.693147, 0.559616, 0.405465, 0.223144, 0], abs=1e-6)


def test_equal_areas_or_one_alone_have_the_full_weight():
    assert scale_weight(torch.tensor([49.0])).tolist() == pytest.approx([2])
    assert scale_weight(torch.full((3,), 49.0), beta=1).tolist() == pytest.approx([LN2] * 3)
    assert scale_weight(torch.zeros(2)).tolist() == pytest.approx([2, 2])
    assert scale_weight(torch.zeros(0)).shape == (0,)


def test_equal_boxes_stay_equal_when_their_corners_are_rounded():
    corner = torch.rand(50, 2) * 1280
    boxes = torch.cat((corner, corner + 5.3), 1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    assert areas.unique().numel() > 1
    assert scale_weight(areas).tolist() == pytest.approx([2] * 50)


def test_one_huge_object_makes_the_others_equal_unless_limits_are_given():
    area = torch.tensor([16.0, 100, 400, 1e6])  # s = 0, .000084, .00038, 1
    assert scale_weight(area, beta=1).tolist() == pytest.approx([LN2, LN2 - 0.000042, LN2 - 0.000192, 0], abs=1e-6)
    limited = scale_weight(area, limits=(16, 400))
    assert limited.tolist() == pytest.approx([2, BETA * math.log(2 - 84 / 384), 0, 0], abs=1e-6)


def test_the_floor_keeps_the_largest_learning():
    assert scale_weight(torch.tensor([1.0, 2]), floor=0.25).tolist() == pytest.approx([2, 0.25])


@pytest.mark.parametrize(
    ("beta", "each"),
    [
        (1, [0.587013, 0.309837, 0]),
        (1 / LN2, [0.846881, 0.447000, 0]),
        (2 / LN2, [1.693762, 0.894000, 0]),  # sum 2.587761, mean .862587
    ],
)
def test_a_batch_of_three_sizes_has_the_known_values(beta, each):
    assert iou(PRED, GT).tolist() == pytest.approx([0.391304, 0.680672, 0.822323], abs=1e-6)
    assert ScaleAdaptiveLoss(of="iou2", beta=beta)(PRED, GT).tolist() == pytest.approx(each, abs=1e-5)


def test_the_printed_iou_is_not_the_one_that_is_used():
    # (x, y) is the centre; the paper's formula gives 2.571429, .45 and -1.285714 for the last three.
    pred = xywh2xyxy(torch.tensor([[8.0, 8, 10, 10], [12, 12, 10, 10], [12, 12, 4, 4], [30, 30, 10, 10]]))
    gt = xywh2xyxy(torch.tensor([[10.0, 10, 10, 10]])).expand(4, 4)
    assert iou(pred, gt).tolist() == pytest.approx([0.470588, 0.470588, 0.16, 0], abs=1e-6)

    def printed(p, g):
        inter = (p[0] + p[2] - g[0]) * (p[1] + p[3] - g[1])
        return inter / (p[2] * p[3] + g[2] * g[3] - inter)

    wrong = [printed(p, (10, 10, 10, 10)) for p in ((12, 12, 10, 10), (12, 12, 4, 4), (30, 30, 10, 10))]
    assert wrong == pytest.approx([2.571429, 0.45, -1.285714], abs=1e-6)


def test_with_equal_areas_it_is_the_plain_loss_times_a_constant():
    pred, gt = torch.tensor([[0.0, 0, 8, 8], [3, 3, 12, 11]]), torch.tensor([[1.0, 1, 9, 9], [4, 2, 12, 10]])
    for name in SIMILARITIES:
        plain = build(name, BOX_LOSSES)(pred, gt)
        assert torch.allclose(ScaleAdaptiveLoss(of=name)(pred, gt), 2 * plain)


def test_the_weight_has_no_gradient_and_the_largest_object_learns_nothing_without_a_floor():
    pred = PRED.clone().requires_grad_()
    ScaleAdaptiveLoss(of="iou2")(pred, GT).sum().backward()
    alone = PRED.clone().requires_grad_()
    build("iou2", BOX_LOSSES)(alone, GT).sum().backward()
    weight = scale_weight(torch.tensor([16.0, 100, 400]))
    assert torch.allclose(pred.grad, weight[:, None] * alone.grad, atol=1e-6) and not pred.grad[2].any()
    pred.grad = None
    ScaleAdaptiveLoss(of="iou2", floor=0.5)(pred, GT).sum().backward()
    assert pred.grad[2].any()
    gt = GT.clone().requires_grad_()
    assert not scale_weight((gt[:, 2:] - gt[:, :2]).prod(1)).requires_grad


def test_norm_dataset_takes_the_measured_areas_and_the_batch_s_own_until_then():
    measured = build({"type": "sal", "of": "iou2", "norm": "dataset"}, BOX_LOSSES, object_areas=[16.0, 1600.0])
    plain = build("iou2", BOX_LOSSES)(PRED, GT)
    assert torch.allclose(measured(PRED, GT), scale_weight(torch.tensor([16.0, 100, 400]), limits=(16, 1600)) * plain)
    unmeasured, batch = ScaleAdaptiveLoss(norm="dataset"), ScaleAdaptiveLoss()
    assert torch.equal(unmeasured(PRED, GT), batch(PRED, GT))
    batch = build({"type": "sal", "of": "iou2"}, BOX_LOSSES, object_areas=[16.0, 1600.0])
    assert batch(PRED, GT).tolist() == pytest.approx([1.693762, 0.894000, 0], abs=1e-5)


def test_sfl_is_its_other_name_and_the_reshaped_loss_may_have_arguments():
    assert BOX_LOSSES["sfl"] is BOX_LOSSES["sal"] is ScaleAdaptiveLoss
    loss = build({"type": "sfl", "of": {"type": "nwd", "c": 6.0}}, BOX_LOSSES)
    assert loss.of.c == 6.0
    assert build({"type": "sal", "of": "nwd"}, BOX_LOSSES, object_size=9.0).of.c == 9.0


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"beta": 0}, "box loss sal: beta=0 must be a number above 0; write for example 2.88539"),
        ({"beta": "2"}, "box loss sal: beta='2' must be a number above 0"),
        ({"norm": "bacth"}, "box loss sal: norm must be batch or dataset, not 'bacth'"),
        ({"floor": 2.5}, "box loss sal: floor=2.5 must be a number from 0 to 2"),
        ({"of": "cuio"}, "unknown similarity loss 'cuio' in loss.box.of; did you mean 'ciou'"),
        ({"of": "sal"}, "unknown similarity loss 'sal' in loss.box.of"),
    ],
)
def test_settings_that_make_no_sense_are_one_line(spec, message):
    with pytest.raises(InputError) as caught:
        ScaleAdaptiveLoss(**spec)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


@pytest.mark.parametrize("loss", [lambda: ScaleAdaptiveLoss(of=None), lambda: NWDLoss(of=None, ratio=0.5)])
def test_a_loss_that_reshapes_another_has_to_be_told_which_where_the_detector_has_none(loss):
    with pytest.raises(InputError, match=r"reshapes another loss, and needs .* write for example loss\.box\.of=ciou$"):
        loss()
    assert NWDLoss(of=None).of is None  # at ratio 1 there is no other
