"""Geometry of boxes, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from yolotiny.boxes import area, ciou, diou, giou, iou, pairwise_iof, pairwise_iou, xywh2xyxy, xyxy2xywh

SIMILARITIES = [iou, giou, diou, ciou]


def box(*values: float) -> torch.Tensor:
    return torch.tensor([values], dtype=torch.float64)


def test_corners_and_centres_are_two_ways_to_say_the_same():
    assert xywh2xyxy(box(5, 6, 4, 2)).tolist() == [[3, 5, 7, 7]]
    assert xyxy2xywh(box(3, 5, 7, 7)).tolist() == [[5, 6, 4, 2]]
    x = torch.rand(2, 5, 4)
    assert torch.allclose(xyxy2xywh(xywh2xyxy(x)), x, atol=1e-6)


def test_a_box_turned_inside_out_has_no_area():
    assert area(torch.tensor([[0.0, 0, 2, 3], [2, 3, 0, 0], [1, 1, 1, 5]])).tolist() == [6, 0, 0]


@pytest.mark.parametrize(
    ("other", "wanted"),
    [
        # against [0, 0, 2, 2]; the hull is [0, 0, 4, 2] in the second row and [0, 0, 6, 2] in the third
        ((0, 0, 2, 2), (1, 1, 1)),
        ((1, 0, 3, 2), (1 / 3, 1 / 3, 1 / 3 - 1 / 13)),
        ((4, 0, 6, 2), (0, -1 / 3, -16 / 40)),
        ((0, 0, 1, 2), (0.5, 0.5, 0.5 - 0.25 / 8)),
    ],
)
def test_iou_giou_and_diou_have_their_known_values(other, wanted):
    a, b = box(0, 0, 2, 2), box(*other)
    assert [f(a, b).item() for f in (iou, giou, diou)] == pytest.approx(wanted, abs=1e-5)


def test_ciou_takes_off_the_difference_of_aspect():
    # Same centre, 4x2 and 2x4: IoU 4/12, v = 4/pi^2 (atan 2 - atan 1/2)^2, weight = v / (1 - IoU + v).
    a, b = box(0, 1, 4, 3), box(1, 0, 3, 4)
    v = 4 / math.pi**2 * (math.atan(2) - math.atan(0.5)) ** 2
    assert ciou(a, b).item() == pytest.approx(1 / 3 - v * v / (1 - 1 / 3 + v), abs=1e-5)


def test_ciou_of_boxes_of_one_aspect_is_diou_in_value_and_gradient():
    a, b = box(0, 0, 4, 2).requires_grad_(), box(1, 1, 9, 5)
    assert ciou(a, b).item() == pytest.approx(diou(a, b).item(), abs=1e-6)
    (mine,), (plain,) = torch.autograd.grad(ciou(a, b).sum(), a), torch.autograd.grad(diou(a, b).sum(), a)
    assert torch.allclose(mine, plain, atol=1e-6)


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_similarities_do_not_depend_on_scale_or_place_and_are_highest_at_home(similarity):
    a, b = box(10, 10, 30, 20), box(15, 8, 33, 22)
    value = similarity(a, b)
    assert similarity(a * 3, b * 3).item() == pytest.approx(value.item(), abs=1e-4)
    assert similarity(a + 50, b + 50).item() == pytest.approx(value.item(), abs=1e-4)
    assert similarity(b, b).item() == pytest.approx(1, abs=1e-5) and value < 1


@pytest.mark.parametrize("similarity", [iou, giou, diou])
def test_gradients_are_those_of_finite_differences(similarity):
    b = torch.tensor([[3.0, 2.0, 9.0, 8.0], [0.0, 0.0, 5.0, 5.0], [12.0, 1.0, 15.0, 3.0]], dtype=torch.float64)
    a = torch.tensor([[1.0, 1.5, 7.0, 7.5], [1.0, 1.0, 4.0, 4.0], [2.0, 2.0, 6.0, 5.0]], dtype=torch.float64)
    a.requires_grad_()
    # The functions count in float32, so the step is long and the tolerance wide.
    assert torch.autograd.gradcheck(lambda x: similarity(x, b).double(), (a,), eps=1e-2, atol=2e-3, rtol=1e-2)


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_degenerate_boxes_give_finite_values_and_gradients(similarity):
    point, line, good = [3.0, 3, 3, 3], [0.0, 1, 8, 1], [0.0, 0, 2, 2]
    a = torch.tensor([point, point, line, good, good, [5.0, 5, 1, 1]], requires_grad=True)
    b = torch.tensor([point, good, good, point, line, good])
    value = similarity(a, b)
    value.sum().backward()
    assert torch.isfinite(value).all() and torch.isfinite(a.grad).all()


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_half_precision_is_counted_in_float32(similarity):
    a = torch.tensor([[600.0, 600, 602, 602]]).half()
    assert similarity(a, a).dtype == torch.float32 and similarity(a, a).item() == pytest.approx(1, abs=1e-5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert similarity(a, a).dtype == torch.float32


def test_no_boxes_give_no_values():
    none = torch.zeros(0, 4)
    assert [f(none, none).shape for f in SIMILARITIES] == [(0,)] * 4
    assert pairwise_iou(none, torch.rand(3, 4)).shape == (0, 3) and pairwise_iof(torch.rand(3, 4), none).shape == (3, 0)


def test_pairwise_values_are_the_aligned_ones_of_every_pair():
    a, b = xywh2xyxy(torch.rand(4, 4) * 10), xywh2xyxy(torch.rand(5, 4) * 10)
    aligned = iou(a[:, None].expand(4, 5, 4).reshape(-1, 4), b.repeat(4, 1)).view(4, 5)
    assert torch.allclose(pairwise_iou(a, b), aligned)


def test_areas_known_better_than_the_corners_take_their_place():
    a, b = torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[0.0, 0, 2, 1]])
    assert iou(a, b, torch.tensor([5.0]), torch.tensor([3.0])).item() == pytest.approx(2 / (5 + 3 - 2))
    assert pairwise_iou(a, b, torch.tensor([5.0]), torch.tensor([3.0])).item() == pytest.approx(2 / 6)


def test_the_share_inside_a_region_is_of_the_first_box():
    boxes, regions = torch.tensor([[0.0, 0, 4, 4], [0, 0, 1, 1]]), torch.tensor([[0.0, 0, 2, 4], [10, 10, 20, 20]])
    assert torch.allclose(pairwise_iof(boxes, regions), torch.tensor([[0.5, 0], [1, 0]]), atol=1e-5)
