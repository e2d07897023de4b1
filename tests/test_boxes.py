"""Geometry of boxes, by hand."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
import torch

from yolotiny.boxes import (
    area,
    ciou,
    diou,
    giou,
    gwd,
    iou,
    nwd,
    pairwise_iof,
    pairwise_iou,
    pairwise_nwd,
    wasserstein,
    xywh2xyxy,
    xyxy2xywh,
)

IOU_FAMILY = [iou, giou, diou, ciou]


def official_gwd(a, b):
    return gwd(a, b, sqrt=True)


SIMILARITIES = [*IOU_FAMILY, nwd, gwd, official_gwd]


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


@pytest.mark.parametrize("similarity", IOU_FAMILY)
def test_similarities_do_not_depend_on_scale_or_place_and_are_highest_at_home(similarity):
    a, b = box(10, 10, 30, 20), box(15, 8, 33, 22)
    value = similarity(a, b)
    assert similarity(a * 3, b * 3).item() == pytest.approx(value.item(), abs=1e-4)
    assert similarity(a + 50, b + 50).item() == pytest.approx(value.item(), abs=1e-4)
    assert similarity(b, b).item() == pytest.approx(1, abs=1e-5) and value < 1


@pytest.mark.parametrize("similarity", [iou, giou, diou, nwd, gwd, official_gwd])
def test_gradients_are_those_of_finite_differences(similarity):
    b = torch.tensor([[3.0, 2.0, 9.0, 8.0], [0.0, 0.0, 5.0, 5.0], [12.0, 1.0, 15.0, 3.0]], dtype=torch.float64)
    a = torch.tensor([[1.0, 1.5, 7.0, 7.5], [1.0, 1.0, 4.0, 4.0], [2.0, 2.0, 6.0, 5.0]], dtype=torch.float64)
    a.requires_grad_()
    # The functions count in float32, so the step is long and the tolerance wide.
    assert torch.autograd.gradcheck(lambda x: similarity(x, b).double(), (a,), eps=1e-2, atol=2e-3, rtol=1e-2)


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_degenerate_boxes_give_finite_values_and_gradients(similarity):
    point, line, good = [3.0, 3, 3, 3], [0.0, 1, 8, 1], [0.0, 0, 2, 2]
    far = [1e5, 1e5, 1e5 + 2, 1e5 + 2]
    a = torch.tensor([point, point, line, good, good, [5.0, 5, 1, 1], good, far, far], requires_grad=True)
    b = torch.tensor([point, good, good, point, line, good, good, good, far])
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
    assert [f(none, none).shape for f in SIMILARITIES] == [(0,)] * len(SIMILARITIES)
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


def centred(*rows: tuple[float, ...]) -> torch.Tensor:
    """Rows of centre x, centre y, width, height as xyxy."""
    return xywh2xyxy(torch.tensor(rows))


@pytest.mark.parametrize(
    ("a", "b", "away", "similarity", "overlap"),
    [
        ((10, 10, 8, 8), (13, 14, 8, 8), 5, 0.676634, 0.185185),
        ((10, 10, 12, 8), (10, 10, 8, 4), 8**0.5, 0.801740, 1 / 3),
        ((10, 10, 8, 8), (30, 10, 8, 8), 20, 0.209611, 0),  # apart: IoU no longer tells by how much
        ((50, 50, 16, 16), (50, 50, 8, 8), 32**0.5, 0.642787, 0.25),
        ((100, 100, 16, 16), (103, 104, 10, 20), 38**0.5, 0.617797, 0.443038),
        ((10, 10, 8, 8), (14, 14, 16, 16), 8, 0.535261, 0.25),
    ],
)
def test_nwd_has_its_known_values(a, b, away, similarity, overlap):
    a, b = centred(a), centred(b)
    assert wasserstein(a, b).item() == pytest.approx(away, abs=1e-5)
    assert nwd(a, b, 12.8).item() == pytest.approx(similarity, abs=1e-6)
    assert nwd(b, a, 12.8).item() == pairwise_nwd(a, b, 12.8).item() == nwd(a, b, 12.8).item()
    assert iou(a, b).item() == pytest.approx(overlap, abs=1e-5)


@pytest.mark.parametrize(("c", "value"), [(12.7, 0.674556), (12, 0.659241), (8, 0.535261), (16, 0.731616)])
def test_c_says_how_far_is_far(c, value):
    assert nwd(centred((10, 10, 8, 8)), centred((13, 14, 8, 8)), c).item() == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("size", [(5, 8), (100, 160), (200, 320)])
def test_a_shift_costs_the_same_nwd_at_every_size_but_not_the_same_iou(size):
    a = centred((400, 400, *size))
    values = [nwd(a, centred((400 + d, 400 + d, *size)), 12.8).item() for d in (1, 3)]
    assert values == pytest.approx([0.8954, 0.7179], abs=1e-4)
    overlaps = {(5, 8): (0.5385, 0.1429), (100, 160): (0.9681, 0.9081), (200, 320): (0.9839, 0.9527)}[size]
    assert [iou(a, centred((400 + d, 400 + d, *size))).item() for d in (1, 3)] == pytest.approx(overlaps, abs=1e-4)


def test_the_paper_prints_the_overlaps_of_another_size():
    """Its Fig. 1 gives .97 and .91 for 200 x 320 px: those are the values of 100 x 160."""
    big = [iou(centred((400, 400, 200, 320)), centred((400 + d, 400 + d, 200, 320))).item() for d in (1, 3)]
    assert big != pytest.approx([0.97, 0.91], abs=0.01)


def test_a_small_object_in_a_large_anchor_stays_below_the_paper_s_threshold():
    anchor = centred((50, 50, 32, 32))
    objects = centred(*[(50, 50, s, s) for s in (4.0, 8.0, 12.0, 16.0, 24.0)])
    got = pairwise_nwd(anchor, objects, 12.7)[0].tolist()
    assert got == pytest.approx([0.2104, 0.2628, 0.3284, 0.4103, 0.6406], abs=1e-4)
    assert pairwise_iou(anchor, objects)[0].tolist() == pytest.approx([0.0156, 0.0625, 0.1406, 0.25, 0.5625], abs=1e-4)
    away = [-12.7 * math.log(t) for t in (0.7, 0.5, 0.3, 0.85)]
    assert away == pytest.approx([4.530, 8.803, 15.290, 2.064], abs=1e-3)


def test_iou_is_not_a_special_case_of_nwd_and_the_sign_lost_in_print_matters():
    a, b = centred((10, 10, 8, 8)), centred((13, 14, 8, 8))
    c = -5 / math.log(iou(a, b).item())  # the scale at which the two would agree for this pair ...
    assert nwd(a, b, c).item() == pytest.approx(iou(a, b).item(), abs=1e-5)
    d = centred((10, 10, 16, 16))
    assert abs(nwd(a, d, c).item() - iou(a, d).item()) > 0.1  # ... disagrees for another one
    summed = torch.linalg.vector_norm(torch.tensor([10 + 13, 10 + 14, 4 + 4, 4 + 4.0]))  # Eq. 6 as printed: a + b
    assert math.exp(-summed / 12.8) != pytest.approx(0.676634, abs=0.1)


def test_nwd_is_one_at_home_and_does_not_depend_on_place():
    a, b = centred((10, 10, 8, 4), (5, 5, 0, 0)), centred((12, 11, 9, 9), (5, 5, 0, 0))
    assert nwd(a, a).tolist() == gwd(a, a).tolist() == official_gwd(a, a).tolist() == [1, 1]
    assert torch.allclose(nwd(a, b), nwd(a + 512, b + 512), atol=1e-5)


def test_the_pull_of_nwd_is_exp_of_minus_w_over_c_over_c():
    a = centred((10, 10, 8, 8)).repeat(3, 1).requires_grad_()
    shift = torch.tensor([1e-3, 1.0, 20.0])
    (1 - nwd(a, a.detach() + shift[:, None] * torch.tensor([1.0, 0, 1, 0]), 12.8)).sum().backward()
    pull = -(a.grad[:, 0] + a.grad[:, 2])  # towards the object, for a move of the whole box
    assert pull.tolist() == pytest.approx([math.exp(-w / 12.8) / 12.8 for w in shift.tolist()], rel=1e-3)
    assert pull[0].item() == pytest.approx(1 / 12.8, rel=1e-3)


@pytest.mark.parametrize(
    ("away", "paper", "paper_grad", "official", "official_grad"),
    [
        (0.5, 0.182434, 0.534731, 0.288492, 0.337496),
        (1, 0.409384, 0.348827, 0.409384, 0.174414),
        (2, 0.616776, 0.117489, 0.523495, 0.075686),
        (5, 0.765153, 0.021213, 0.641803, 0.021384),
        (10, 0.821909, 0.006280, 0.705700, 0.007874),
        (100, 0.902061, None, 0.821909, None),
    ],
)
def test_gwd_has_the_known_values_of_the_paper_and_of_the_official_code(
    away, paper, paper_grad, official, official_grad
):
    gt = centred((10, 10, 4, 4))
    for sqrt, value, gradient in ((False, paper, paper_grad), (True, official, official_grad)):
        x = torch.tensor(float(away), requires_grad=True)
        loss = 1 - gwd(gt + x * torch.tensor([1.0, 0, 1, 0]), gt, sqrt)
        assert loss.item() == pytest.approx(value, abs=1e-6)
        loss.sum().backward()
        if gradient is not None:
            assert x.grad.item() == pytest.approx(gradient, abs=1e-5)


def test_gwd_counts_in_units():
    a, b = centred((10, 6, 4, 2)), centred((10.5, 6.25, 3, 2))
    assert wasserstein(a, b).item() == pytest.approx(0.75)
    assert [1 - gwd(a, b, s).item() for s in (False, True)] == pytest.approx([0.308574, 0.358816], abs=1e-6)
    assert gwd(a * 4, b * 4, unit=4.0).item() == pytest.approx(gwd(a, b).item())


def test_pairwise_nwd_is_the_aligned_one_of_every_pair_also_far_from_the_origin():
    g = torch.Generator().manual_seed(0)
    a, b = xywh2xyxy(torch.rand(40, 4, generator=g) * 10 + 4000), xywh2xyxy(torch.rand(50, 4, generator=g) * 10 + 4000)
    aligned = nwd(a[:, None].expand(40, 50, 4).reshape(-1, 4), b.repeat(40, 1)).view(40, 50)
    assert torch.allclose(pairwise_nwd(a, b), aligned, atol=1e-5)
    assert pairwise_nwd(a[:0], b).shape == (0, 50) and pairwise_nwd(a, b[:0]).shape == (40, 0)
    a = a[:3].clone().requires_grad_()
    pairwise_nwd(a, torch.cat((a.detach(), b[:2], a.detach() + 1e5))).sum().backward()
    assert torch.isfinite(a.grad).all()


@pytest.mark.slow
def test_pairwise_nwd_of_1500_objects_and_34000_priors_takes_less_than_a_gigabyte():
    code = """if True:
        import resource, torch
        from yolotiny.boxes import pairwise_nwd
        torch.set_num_threads(1)
        a, b = torch.rand(1500, 4), torch.rand(34000, 4)
        pairwise_nwd(a[:2], b[:2])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        pairwise_nwd(a, b)
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10)"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(out.stdout) < 600  # MB; two arrays of the result's 204 MB
