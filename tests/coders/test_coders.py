"""Raw channels to boxes and back."""

from __future__ import annotations

import math

import pytest
import torch
from torchvision.models.detection._utils import BoxCoder, BoxLinearCoder

from yolotiny.boxes import xywh2xyxy, xyxy2xywh
from yolotiny.coders import CODERS, BinsCoder, DeltaCoder, LTRBCoder, V5Coder, YOLOXCoder
from yolotiny.errors import InputError
from yolotiny.structures import Priors

# One prior: the cell in row 1, column 2 of a level of 8-px cells, with an anchor of 10 x 13 px.
DIRECT = [name for name in CODERS if not hasattr(CODERS[name](), "grids")]
PRIOR = Priors(torch.tensor([[20.0, 12.0]]), torch.tensor([[10.0, 13.0]]), torch.tensor([[8.0]]), ())


def decode(coder, *raw: float) -> list[float]:
    return xyxy2xywh(coder.decode(torch.tensor([raw]), PRIOR))[0].tolist()


def test_yolov5_reads_a_zero_as_the_cell_and_the_anchor():
    assert decode(V5Coder(), 0, 0, 0, 0) == pytest.approx([20, 12, 10, 13])
    quarter = -math.log(3)  # sigmoid 1/4: half a cell back, a quarter of the anchor
    assert decode(V5Coder(), quarter, quarter, quarter, quarter) == pytest.approx([16, 8, 2.5, 3.25])


def test_yolov5_reaches_one_and_a_half_cells_and_four_anchors():
    assert decode(V5Coder(), 30, -30, 30, -30) == pytest.approx([28, 4, 40, 0], abs=1e-4)


def test_yolov5_says_what_it_reaches_and_yolox_reaches_everything():
    # centres one cell off and just less, sides of four anchors and just less, and a box far smaller than the anchor
    rows = [[28, 12, 10, 13], [27.9, 4.1, 10, 13], [20, 12, 40, 13], [20, 12, 39.9, 51.9], [20, 12, 0.1, 0.1]]
    wanted = xywh2xyxy(torch.tensor(rows))
    assert V5Coder().reaches(wanted, PRIOR).tolist() == [False, True, False, True, True]
    many = PRIOR.at(torch.zeros(5, dtype=torch.long))
    reached = V5Coder().reaches(wanted, many)
    again = V5Coder().decode(V5Coder().encode(wanted, many), many)
    assert torch.allclose(again[reached], wanted[reached], atol=1e-2)
    assert YOLOXCoder().reaches(wanted[:, None] + 500, many).shape == (5, 5)
    assert YOLOXCoder().reaches(wanted + 500, PRIOR).all()


def test_yolox_reads_offsets_from_the_corner_and_logarithms_of_cells():
    assert decode(YOLOXCoder(), 0, 0, 0, 0) == pytest.approx([16, 8, 8, 8])
    assert decode(YOLOXCoder(), 0.5, 2, math.log(2), math.log(0.5)) == pytest.approx([20, 24, 16, 4])


def test_deltas_count_in_priors():
    assert decode(DeltaCoder(), 0, 0, 0, 0) == pytest.approx([20, 12, 10, 13])
    assert decode(DeltaCoder(), 0.5, -1, math.log(2), -math.log(2)) == pytest.approx([25, -1, 20, 6.5])
    tenth = DeltaCoder(stds=[0.1, 0.1, 0.2, 0.2])
    assert decode(tenth, 5, -10, 5 * math.log(2), -5 * math.log(2)) == pytest.approx([25, -1, 20, 6.5])
    assert decode(DeltaCoder(), 0, 0, 99, 0)[2] == pytest.approx(625)


@pytest.mark.parametrize("stds", [(1.0, 1.0, 1.0, 1.0), (0.1, 0.1, 0.2, 0.2)])
def test_deltas_are_those_of_torchvision(stds):
    g, many = torch.Generator().manual_seed(0), 200
    rand = lambda: torch.rand(many, 2, generator=g, dtype=torch.float64)  # noqa: E731
    at = Priors(rand() * 500, 4 + rand() * 60, torch.full((many, 1), 8.0), ())
    priors, gt = (xywh2xyxy(torch.cat((c, s), 1)) for c, s in ((at.centers, at.sizes), (rand() * 500, 2 + 90 * rand())))
    theirs, ours = BoxCoder(tuple(1 / s for s in stds)), DeltaCoder(stds)
    assert torch.allclose(ours.encode(gt, at), theirs.encode_single(gt, priors), rtol=0, atol=1e-6)
    raw = 3 * torch.randn(many, 4, generator=g, dtype=torch.float64)
    raw[:5, 2:] = 40  # beyond the largest ratio
    assert torch.allclose(ours.decode(raw, at), theirs.decode_single(raw, priors), rtol=0, atol=1e-6)


def test_distances_count_in_cells_from_the_middle_of_the_cell():
    boxes = LTRBCoder().decode(torch.tensor([[1.0, 0.5, 2, 1.5]]), PRIOR)
    assert boxes.tolist() == [[12, 8, 36, 24]]
    theirs = BoxLinearCoder().decode(torch.tensor([[1.0, 0.5, 2, 1.5]]), torch.tensor([[16.0, 8, 24, 16]]))
    assert torch.equal(boxes, theirs)
    inside = LTRBCoder().reaches(torch.tensor([[12.0, 8, 36, 24], [21, 8, 36, 24], [12, 12, 36, 24]]), PRIOR)
    assert inside.tolist() == [True, False, False]  # the middle has to lie in it, not on a side


def test_bins_with_stds_count_as_deltas_do():
    # the middle point of a grid is 0 and the last one alpha: raw logits that name one
    coder, delta = BinsCoder(alpha=2, beta=1, n=2, stds=[0.1, 0.1, 0.2, 0.2]), DeltaCoder([0.1, 0.1, 0.2, 0.2])
    named = lambda *points: 50.0 * torch.eye(3)[list(points)].flatten()[None]  # noqa: E731
    assert torch.allclose(
        coder.decode(named(1, 2, 0, 2), PRIOR), delta.decode(torch.tensor([[0.0, 2, -2, 2]]), PRIOR), atol=1e-4
    )
    wanted = xywh2xyxy(torch.tensor([[20.5, 12.5, 11, 12]]))
    assert torch.allclose(coder.targets(wanted, PRIOR), delta.encode(wanted, PRIOR), atol=1e-5)
    assert torch.allclose(coder.decode(coder.encode(wanted, PRIOR), PRIOR), wanted, atol=1e-2)
    with pytest.raises(InputError, match="one_sided counts from a cell's corner, and stds from the prior's middle"):
        BinsCoder(one_sided=True, stds=[1, 1, 1, 1])


@pytest.mark.parametrize("stds", [[0.1, 0.1], 0.1, [0.1, 0.1, 0.2, 0], "text"])
def test_stds_are_four_numbers_above_zero(stds):
    with pytest.raises(InputError, match="^coder delta: stds"):
        DeltaCoder(stds)


@pytest.mark.parametrize("name", DIRECT)
def test_encoding_turns_decoding_round(name):
    coder, g = CODERS[name](), torch.Generator().manual_seed(0)
    many = PRIOR.at(torch.zeros(50, dtype=torch.long))
    raw = torch.randn(3, 50, coder.channels, generator=g)
    assert torch.allclose(coder.encode(coder.decode(raw, many), many), raw, atol=1e-3)


@pytest.mark.parametrize("name", list(CODERS))
def test_sizes_are_those_of_the_decoded_boxes(name):
    coder = CODERS[name]()
    raw = torch.randn(7, coder.channels)
    many = PRIOR.at(torch.zeros(7, dtype=torch.long))
    boxes = coder.decode(raw, many)
    assert torch.allclose(coder.sizes(raw, many), boxes[:, 2:] - boxes[:, :2], atol=1e-4)


@pytest.mark.parametrize("name", list(CODERS))
def test_boxes_without_size_or_out_of_reach_are_encoded_as_finite_numbers(name):
    coder = CODERS[name]()
    odd = torch.tensor([[5.0, 5, 5, 5], [9, 9, 3, 3], [-900, -900, 900, 900]])
    assert torch.isfinite(coder.encode(odd, PRIOR.at(torch.zeros(3, dtype=torch.long)))).all()


@pytest.mark.parametrize("name", list(CODERS))
def test_gradients_are_those_of_finite_differences(name):
    shape, g = (4, CODERS[name]().channels), torch.Generator().manual_seed(1)
    raw = torch.randn(shape, dtype=torch.float64, generator=g).requires_grad_()
    prior = Priors(PRIOR.centers.double(), PRIOR.sizes.double(), PRIOR.strides.double(), ())
    assert torch.autograd.gradcheck(lambda x: CODERS[name]().decode(x, prior), (raw,))
