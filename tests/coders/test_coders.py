"""Raw channels to boxes and back."""

from __future__ import annotations

import math

import pytest
import torch

from yolotiny.boxes import xywh2xyxy, xyxy2xywh
from yolotiny.coders import CODERS, V5Coder, YOLOXCoder
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
