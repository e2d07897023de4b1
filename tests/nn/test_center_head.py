"""Heads with a heat map: refinement inside the box, blurring, peaks, folded convolutions; numbers worked by hand."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torchvision.ops import deform_conv2d

from yolotiny.coders import CenterCoder
from yolotiny.errors import InputError
from yolotiny.nn.center_head import CenterNetDetect, HeatBranch, YOLCDetect
from yolotiny.nn.peaks import blur, is_peak, one_of_each, peaks
from yolotiny.nn.refine import BoxConv, points_in_box

CELL, CENTRE, HALF = (4, 4), (5.0, 3.0), (2.0, 1.0)  # of the example: (row, column), (x, y), (x, y)


def one_box() -> tuple[torch.Tensor, torch.Tensor]:
    """Maps of 9 x 9 cells with the example's box at cell (4, 4) and taps on its corners, edges and middle."""
    box = torch.zeros(1, 4, 9, 9)
    box[0, :, 4, 4] = torch.tensor([CENTRE[0] - 4, CENTRE[1] - 4, *HALF])
    share = torch.zeros(1, 18, 9, 9)
    share[0, :, 4, 4] = torch.tensor([v for y in (0, 0.5, 1) for x in (0, 0.5, 1) for v in (y, x)])
    return box, share


def offsets(points: torch.Tensor) -> torch.Tensor:
    """(B, 9, 2, H, W) points as the offsets that torchvision's deformable convolution takes."""
    b, _, _, h, w = points.shape
    cell = torch.stack(torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij"))
    tap = torch.stack(torch.meshgrid(torch.arange(3) - 1, torch.arange(3) - 1, indexing="ij")).flatten(1).T
    return (points - cell - tap.view(9, 2, 1, 1)).reshape(b, 18, h, w)


def test_known_value_the_taps_look_inside_the_box_and_y_comes_first():
    points = points_in_box(*one_box())[0, :, :, 4, 4]
    assert points[:, 0].unique().tolist() == [2, 3, 4] and points[:, 1].unique().tolist() == [3, 5, 7]
    away = offsets(points_in_box(*one_box()))[0, :, 4, 4]
    assert away[0::2].tolist() == [-1] * 9 and away[1::2].tolist() == [0, 1, 2] * 3


def test_known_value_what_the_taps_see():
    feature = torch.arange(81.0).view(1, 1, 9, 9)  # 9 y + x
    conv = BoxConv(1, 9)
    conv.weight.data = torch.eye(9).view(9, 1, 3, 3)
    seen = conv(feature, points_in_box(*one_box()))[0, :, 4, 4]
    assert seen.tolist() == pytest.approx([21, 23, 25, 30, 32, 34, 39, 41, 43], abs=1e-4)
    swapped = points_in_box(*one_box()).flip(2)  # x first: the mistake of the official code
    assert conv(feature, swapped)[0, :, 4, 4].tolist() != pytest.approx(seen.tolist(), abs=1)


def test_it_equals_torchvision_s_deformable_convolution_in_value_and_gradient():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(2, 6, 7, 5, generator=g, dtype=torch.float64, requires_grad=True)
    box = torch.randn(2, 4, 7, 5, generator=g, dtype=torch.float64) * 2  # some leave the map, some have no size
    share = torch.rand(2, 18, 7, 5, generator=g, dtype=torch.float64)
    conv = BoxConv(6, 4).double()
    points = points_in_box(box, share)
    mine = conv(x, points)
    theirs = deform_conv2d(x, offsets(points), conv.weight, padding=1)
    torch.testing.assert_close(mine, theirs.float(), atol=1e-5, rtol=1e-5)
    pull = torch.randn(mine.shape, generator=g)
    for a, b in zip(
        torch.autograd.grad((mine * pull).sum(), (x, conv.weight)),
        torch.autograd.grad((theirs * pull).sum(), (x, conv.weight)),
        strict=True,
    ):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


def test_negative_sizes_count_as_none():
    box, share = one_box()
    box[0, 2:] = -3
    points = points_in_box(box, share)[0, :, :, 4, 4]
    assert points.unique(dim=0).tolist() == [[CENTRE[1], CENTRE[0]]]


def test_refinement_teaches_the_offsets_and_not_the_coarse_box():
    torch.manual_seed(0)
    head = YOLCDetect(1, [8], [4.0], CenterCoder(), hidden=8)
    head.raw([torch.randn(1, 8, 6, 6)]).box[1].sum().backward()
    assert head.coarse.weight.grad is None and head.offset.weight.grad.any()


def test_known_value_blurring_joins_two_maxima():
    heat = torch.zeros(1, 1, 9, 9)
    heat[0, 0, 4, 3:6] = torch.tensor([0.9, 0.5, 0.85])
    assert is_peak(heat).sum() == 2
    soft = blur(heat, 1)
    found = (is_peak(soft) & (soft > 0)).nonzero()
    assert found.tolist() == [[0, 0, 4, 4]] and soft[0, 0, 4, 4].item() == pytest.approx(0.3188, abs=1e-4)


def test_known_value_a_pixel_alone_keeps_a_fifth():
    heat = torch.zeros(1, 2, 9, 9)
    heat[0, 1, 4, 4] = 1
    assert blur(heat, 2)[0, :, 4, 4].tolist() == pytest.approx([0, 0.2042], abs=1e-4)
    assert blur(torch.ones(1, 1, 5, 5), 1) == pytest.approx(1, abs=1e-4)  # mirrored border: nothing is lost there


def test_peaks_are_those_of_a_pooling_where_no_neighbours_are_equal():
    heat = torch.rand(2, 3, 20, 30, generator=torch.Generator().manual_seed(0)) + 0.01
    assert torch.equal(is_peak(heat), heat == F.max_pool2d(heat, 3, 1, 1))


def test_a_plateau_has_one_peak():
    heat = torch.full((1, 1, 6, 6), 0.1)
    heat[0, 0, 2:4, 2:5] = 0.5
    assert (is_peak(heat) & (heat > 0.1)).nonzero()[:, 2:].tolist() == [[2, 2]]


def test_peaks_come_best_first_with_class_row_and_column():
    heat = torch.full((1, 2, 5, 7), 0.01)
    heat[0, 1, 3, 6], heat[0, 0, 1, 2], heat[0, 1, 0, 0] = 0.9, 0.8, 0.7
    found = torch.stack([v[0, :3].float() for v in peaks(heat, 10)], 1)
    assert found[:, 1:].tolist() == [[1, 3, 6], [0, 1, 2], [1, 0, 0]]
    assert peaks(heat, 1000)[0].shape == (1, 70)


def test_a_peak_becomes_the_box_of_its_cell():
    head = YOLCDetect(2, [8], [4.0], CenterCoder(), hidden=8, refine=False).eval()
    preds = head.raw([torch.zeros(1, 8, 4, 4)])
    preds.box[0][0, :, 2, 3] = torch.tensor([0.25, 0.75, 1.5, 0.5])  # the cell of row 9, column 14
    heat = torch.full((1, 2, 16, 16), 0.01)
    heat[0, 1, 9, 14] = 0.9
    best = head.top(heat, preds)[0, 0]
    assert best.tolist() == pytest.approx([13 - 6, 11 - 2, 13 + 6, 11 + 2, 0.9, 1])


def test_a_box_without_size_is_no_detection():
    head = CenterNetDetect(1, [8], [4.0], CenterCoder(), hidden=8).eval()
    preds = head.raw([torch.zeros(1, 8, 4, 4)])
    preds.box[0][0, 2:] = -1
    assert not head.top(torch.rand(1, 1, 4, 4), preds)[0, :, 4].any()


@pytest.mark.parametrize("coupled", [False, True])
def test_the_folded_convolution_equals_the_two_it_stands_for(coupled):
    torch.manual_seed(0)
    branch = HeatBranch(6, 3, coupled=coupled).double().eval()
    x = torch.randn(2, 6, 5, 4, dtype=torch.float64)
    plain = branch.out(branch.up2(branch.up1(branch.conv(x)).relu()))
    torch.testing.assert_close(branch(x), plain)
    assert plain.shape == (2, 3, 20, 16)


def test_every_class_has_channels_of_its_own_unless_coupled():
    torch.manual_seed(0)
    for coupled, changed in ((False, [1]), (True, [0, 1, 2])):
        branch = HeatBranch(6, 3, coupled=coupled)
        x = torch.randn(1, 24, 4, 4)
        y = x.clone()
        y[:, 8:16] += 1
        away = (branch.out(y) - branch.out(x)).abs().amax((0, 2, 3))
        assert (away > 1e-6).nonzero()[:, 0].tolist() == changed


def test_known_value_parameters_of_the_paper_s_head():
    """1,163,280 in all; here the 1x1 convolution before its batch norm has no bias, which are 384 less."""
    grouped, coupled = (YOLCDetect(10, [384], [4.0], CenterCoder(), coupled=c) for c in (False, True))
    count = lambda m: sum(p.numel() for p in m.parameters())  # noqa: E731
    assert count(grouped) == 1_163_280 - 384 and count(grouped.heat) == 742_778 - 384
    assert count(coupled.heat) == 743_498 - 384
    parts = [grouped.reg, grouped.coarse, grouped.offset, grouped.refined]
    assert list(map(count, parts)) == [414_912, 388, 1_746, 3_456]


@pytest.mark.parametrize(("prior", "bias"), [(0.1, -2.1972), (0.01, -4.5951)])
def test_a_fresh_heat_map_says_the_prior_everywhere(prior, bias):
    head = YOLCDetect(2, [8], [4.0], CenterCoder(), hidden=8, prior=prior)
    assert head.heat.out.bias.tolist() == pytest.approx([bias, bias], abs=1e-3)
    assert head.raw([torch.zeros(1, 8, 4, 4)]).heat[0].sigmoid().mean().item() == pytest.approx(prior, rel=0.2)
    with pytest.raises(InputError, match="prior=1"):
        YOLCDetect(2, [8], [4.0], CenterCoder(), prior=1)


def test_the_number_of_detections_is_the_option_of_that_name():
    head = YOLCDetect(2, [8], [4.0], CenterCoder(), hidden=8).eval()
    head.max_det = 7
    assert head([torch.rand(1, 8, 4, 4)])[0].shape == (1, 7, 6)


def test_two_looks_at_one_object_leave_one():
    rows = torch.tensor([[[0.0, 0, 10, 10, 0.5, 0], [0, 0, 10, 9, 0.9, 0], [0, 0, 10, 9, 0.4, 1]]])
    assert one_of_each(rows)[0, :, 4].tolist() == pytest.approx([0, 0.9, 0.4])


def test_memory_layout_does_not_matter():
    head = YOLCDetect(2, [8], [4.0], CenterCoder(), hidden=8).eval()
    x = torch.rand(1, 8, 4, 4)
    torch.testing.assert_close(head([x])[0], head([x.contiguous(memory_format=torch.channels_last)])[0])


def test_renorm_gives_a_lone_pixel_the_score_it_had_before_the_blur():
    def found(**options):
        head = YOLCDetect(2, [8], [4.0], CenterCoder(), refine=False, **options).eval()
        head.heat.forward = lambda x: maps
        return head([torch.zeros(1, 8, 8, 8)])[0][0, :2]

    maps = torch.full((1, 2, 32, 32), -20.0)
    maps[0, 0, 10:13, 10:13] = 0.0  # a broad peak of .5
    maps[0, 1, 20, 24] = 2.0  # a single pixel of .88
    assert found()[:, 4].tolist() == pytest.approx([0.5, 0.2042 * 0.8808], abs=1e-3)
    sharp = found(renorm=True)
    assert sharp[:, 4].tolist() == pytest.approx([0.8808, 0.5], abs=1e-3) and sharp[:, 5].tolist() == [1, 0]
    with pytest.raises(InputError, match="renorm=true restores scores"):
        found(renorm=True, blur=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"swapped": True, "refine": False}, "swapped=true is about the refined boxes; leave it out with refine=false"),
        ({"swapped": 1}, "swapped must be true or false, not 1"),
    ],
)
def test_boxes_are_looked_into_swapped_only_where_they_are_refined(options, message):
    with pytest.raises(InputError, match=f"YOLCDetect: {message}"):
        YOLCDetect(2, [8], [4.0], CenterCoder(), **options)
