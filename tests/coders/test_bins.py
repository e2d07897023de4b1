"""A box as distributions over a grid: the grid, two-hot targets, and the expectation."""

from __future__ import annotations

import math

import pytest
import torch

from yolotiny.boxes import xywh2xyxy, xyxy2xywh
from yolotiny.coders import BinsCoder
from yolotiny.coders.bins import grid, two_hot
from yolotiny.errors import InputError
from yolotiny.structures import Priors

# One prior: the cell in row 1, column 2 of a level of 8-px cells, with an anchor of 10 x 13 px.
PRIOR = Priors(torch.tensor([[20.0, 12.0]]), torch.tensor([[10.0, 13.0]]), torch.tensor([[8.0]]), ())
MANY = [PRIOR.at(torch.zeros(n, dtype=torch.long)) for n in range(60)]


@pytest.mark.parametrize(
    ("alpha", "beta", "n", "positive"),
    [
        (2, 1.0, 10, [0, 0.153958, 0.383638, 0.726278, 1.237439, 2]),
        (2, 1.5, 10, [0, 0.086151, 0.243128, 0.529160, 1.050343, 2]),
        (5, 1.0, 5, [0.058281, 0.647348, 5]),
        (5, 1.0, 10, [0, 0.058281, 0.216706, 0.647348, 1.817957, 5]),
        (5, 1.5, 5, [0.009634, 0.246306, 5]),
    ],
)
def test_known_grids(alpha, beta, n, positive):
    negative = [-v for v in reversed(positive) if v]
    assert grid(alpha, beta, n).tolist() == pytest.approx(negative + positive, abs=1e-6)


def test_a_grid_without_beta_is_uniform_and_n_intervals_have_one_point_more():
    assert grid(2, 0, 4).tolist() == [-2, -1, 0, 1, 2]
    assert grid(2, 1e-9, 4).tolist() == pytest.approx([-2, -1, 0, 1, 2])
    assert grid(2, 0, 4, one_sided=True).tolist() == [0, 0.5, 1, 1.5, 2]


def test_the_first_gap_shrinks_as_beta_grows():
    gaps = [float(grid(2, beta, 10)[6]) for beta in (0, 0.5, 1, 1.5)]
    assert gaps == sorted(gaps, reverse=True) and gaps[0] == pytest.approx(0.4)


def test_a_one_sided_grid_starts_at_zero_and_ends_at_alpha():
    g = grid(16, 0.25, 16, one_sided=True)
    assert g[0] == 0 and g[-1] == pytest.approx(16) and len(g) == 17
    assert (g.diff().diff() > 0).all()  # every interval longer than the one before


@pytest.mark.parametrize(
    ("points", "t", "left", "weights"),
    [
        (grid(2, 1, 10), 0.3, 6, (0.36415, 0.63585)),
        (grid(2, 0, 10), 0.3, 5, (0.25, 0.75)),
        (grid(5, 1, 5), 0.3, 3, (0.589658, 0.410342)),
        (grid(2, 1, 10), -1.7, 0, (0.606589, 0.393411)),
        (grid(2, 1, 10), 2.5, 9, (0.0, 1.0)),
        (grid(2, 1, 10), -9.0, 0, (1.0, 0.0)),
        (grid(2, 0, 4), 1.0, 3, (1.0, 0.0)),  # on a point
    ],
)
def test_known_two_hot_targets(points, t, left, weights):
    wanted = torch.zeros(len(points))
    wanted[left], wanted[left + 1] = weights
    assert torch.allclose(two_hot(torch.tensor(t), points), wanted, atol=1e-5)


def test_the_printed_weights_are_swapped():
    # |y_i - T| (n + 1) / (2 alpha), as printed: the farther point would weigh more, and the sum would not be 1.
    printed = [abs(y - 0.3) * 11 / 4 for y in (0.0, 0.4)]
    assert printed == pytest.approx([0.825, 0.275])
    assert two_hot(torch.tensor(0.3), grid(2, 0, 10))[5:7].tolist() == pytest.approx([0.25, 0.75])


def test_the_expectation_of_a_target_is_the_value_itself():
    t = torch.linspace(-3, 3, 101).view(1, -1)
    for points in (grid(2, 1, 10), grid(2, 0, 7), grid(2, 2, 5), grid(2, 1, 8, one_sided=True)):
        p = two_hot(t, points)
        assert p.shape == (1, 101, len(points)) and torch.allclose(p.sum(-1), torch.ones(1, 101))
        assert ((p > 0).sum(-1) <= 2).all()
        assert torch.allclose((p * points).sum(-1), t.clamp(points[0], points[-1]), atol=1e-6)


def test_nothing_said_is_the_prior_itself():
    assert xyxy2xywh(BinsCoder().decode(torch.zeros(1, 44), PRIOR))[0].tolist() == pytest.approx([20, 12, 10, 13])


@pytest.mark.parametrize("options", [{}, {"alpha": [2, 5], "beta": [1, 0.5], "n": [10, 16]}, {"beta": 0, "n": 5}])
def test_decoding_turns_encoding_round(options):
    coder, g = BinsCoder(**options), torch.Generator().manual_seed(0)
    xywh = torch.rand(50, 4, generator=g) * torch.tensor([15, 15, 30, 30]) + torch.tensor([12.5, 4.5, 3.5, 3.5])
    boxes = xywh2xyxy(xywh)
    raw = coder.encode(boxes, MANY[50])
    assert raw.shape == (50, coder.channels) and coder.reaches(boxes, MANY[50]).all()
    assert torch.allclose(coder.decode(raw, MANY[50]), boxes, atol=0.01)


def test_what_lies_out_of_reach_is_clamped_and_said():
    coder = BinsCoder()
    rows = torch.tensor([[27.9, 12, 10, 13], [28.1, 12, 10, 13], [20, 12, 39, 51], [20, 12, 41, 13], [20, 12, 2, 13]])
    assert coder.reaches(xywh2xyxy(rows), MANY[5]).tolist() == [True, False, True, False, False]
    assert coder.reach == 1
    far = coder.decode(coder.encode(xywh2xyxy(torch.tensor([[90.0, 12, 999, 13]])), PRIOR), PRIOR)
    assert xyxy2xywh(far)[0].tolist() == pytest.approx([28, 12, 40, 13], abs=0.02)


def test_one_sided_offsets_count_from_the_corner_of_the_cell():
    coder = BinsCoder(alpha=[1, 5], beta=[1, 0.5], n=[8, 16], one_sided=True)
    assert coder.targets(torch.tensor([[16.0, 8, 24, 16]]), PRIOR)[0, :2].tolist() == [0.5, 0.5]
    box = xywh2xyxy(torch.tensor([[18.0, 14.0, 6.0, 4.0]]))
    assert coder.targets(box, PRIOR)[0, :2].tolist() == [0.25, 0.75]
    assert torch.allclose(coder.decode(coder.encode(box, PRIOR), PRIOR), box, atol=1e-2)
    assert coder.reach == 0.5


def test_the_spread_is_the_standard_deviation_in_pixels():
    coder = BinsCoder(alpha=[2, 1], beta=0, n=[2, 2])  # points -2 0 2 and -1 0 1
    even = math.log(1e-9)
    raw = torch.tensor([[0.0, even, 0.0, even, 0.0, even, 0.0, even, 0.0, even, 0.0, even]])
    # x is -2 or 2 cells, y surely 0; the width e^-1 or e^1 anchors, the height surely the anchor's
    assert coder.spread(raw, PRIOR)[0].tolist() == pytest.approx([16, 0, 10, 0], abs=1e-2)


def test_other_pixels_give_the_same_targets():
    coder, box = BinsCoder(), torch.tensor([[15.0, 7.0, 27.0, 15.0]])
    large = Priors(PRIOR.centers * 100, PRIOR.sizes * 100, PRIOR.strides * 100, ())
    assert torch.allclose(coder.targets(box, PRIOR), coder.targets(box * 100, large), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n": 0}, "n=0 must be a whole number from 1 to 1,000"),
        ({"n": [10, 2.5]}, "n=2.5 must be a whole number from 1 to 1,000"),
        ({"alpha": 0}, "alpha=0 must be a number above 0"),
        ({"alpha": [1, -2]}, "alpha=-2 must be a number above 0"),
        ({"beta": -1}, "beta=-1 must be a number from 0 up"),
        ({"beta": "steep"}, "beta='steep' must be a number from 0 up"),
        ({"alpha": [1, 2, 3]}, "alpha is one number, or two"),
        ({"beta": 100}, "alpha \\* beta is 100, above 80"),
        ({"one_sided": 1}, "one_sided must be true or false"),
    ],
)
def test_what_makes_no_grid_is_refused_in_one_line(options, said):
    with pytest.raises(InputError, match=said) as error:
        BinsCoder(**options)
    assert "\n" not in str(error.value)


def test_an_exported_graph_has_the_same_expectations_from_rows():
    coder = BinsCoder(alpha=(1.0, 1.4), beta=(2.0, 1.0), n=(10, 7))
    raw = 30 * torch.randn(2, 50, coder.channels, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(coder.expected_by_rows(raw), coder.expected(raw), atol=1e-6)
