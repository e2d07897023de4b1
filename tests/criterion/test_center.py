"""The loss of detectors with a heat map: known values, stages, ignore regions, empty pictures."""

from __future__ import annotations

import math

import pytest
import torch

from yolotiny.coders import CenterCoder
from yolotiny.criterion.center import CenterCriterion, not_ignored
from yolotiny.errors import InputError
from yolotiny.losses.heatmap import gaussian_focal
from yolotiny.structures import CenterPreds, Priors, Targets

H, W = 16, 24


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def preds(stages: int = 1, boxes: int = 1, p: float = 0.1) -> CenterPreds:
    """One picture of 24 x 16 px, one class, cells of 4 px, every box 4 px square in the middle of its cell."""
    rows, cols = H // 4, W // 4
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(cols), indexing="ij")
    centers = torch.stack((x, y), -1).view(-1, 2) * 4 + 2.0
    n = rows * cols
    priors = Priors(centers, torch.full((n, 2), 4.0), torch.full((n, 1), 4.0), ((1, rows, cols),))
    heat = tuple(torch.full((1, 1, H, W), logit(p), requires_grad=True) for _ in range(stages))
    box = tuple(torch.full((1, 4, rows, cols), 0.5, requires_grad=True) for _ in range(boxes))
    return CenterPreds(heat, box, priors)


def batch(*boxes: tuple[float, ...], ignore: tuple[tuple[float, ...], ...] = ()) -> dict:
    """Objects and ignore regions as centre x, centre y, width, height, pixels."""
    size = torch.tensor([W, H, W, H])
    return {
        "img": torch.zeros(1, 3, H, W),
        "batch_idx": torch.zeros(len(boxes)),
        "cls": torch.zeros(len(boxes), 1),
        "bboxes": torch.tensor(boxes).view(-1, 4) / size,
        "ignore_idx": torch.zeros(len(ignore)),
        "ignore_bboxes": torch.tensor(ignore).view(-1, 4) / size,
    }


def criterion(**loss) -> CenterCriterion:
    return CenterCriterion({"loss": loss}, CenterCoder(), 1)


@pytest.mark.parametrize(("p", "y", "value"), [(0.9, 1, 0.0010536), (0.3, 0.6, 0.00082178), (0.5, 0, 0.173287)])
def test_known_value_focal(p, y, value):
    x, t = torch.tensor([logit(p)]), torch.tensor([float(y)])
    assert gaussian_focal(x, t).item() == pytest.approx(value, rel=1e-3)


def test_focal_is_finite_with_its_gradient_however_sure_the_network_is():
    x = torch.tensor([100.0, -100.0, 100.0, -100.0], requires_grad=True)
    value = gaussian_focal(x, torch.tensor([1.0, 1.0, 0.0, 0.0]))
    value.backward()
    assert value.item() == pytest.approx(200) and torch.isfinite(x.grad).all()


def test_focal_gradients_are_those_of_finite_differences():
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).double().requires_grad_()
    y = torch.rand(3, 4, generator=torch.Generator().manual_seed(1)).double()
    y[0, 0] = 1
    loss = lambda v: gaussian_focal(v, y).double()  # noqa: E731
    assert torch.autograd.gradcheck(loss, x, eps=1e-3, atol=1e-2, rtol=1e-2)


def test_known_value_one_object_of_one_pixel():
    """4 px square at (10, 6): the middle of its cell and radius 0, so a box in place and a single centre."""
    _, parts = criterion()(preds(), batch((10.0, 6.0, 4.0, 4.0)))
    others, centre = 0.1**2 * -math.log(0.9) * (H * W - 1), 0.9**2 * -math.log(0.1)
    assert parts["heat_loss"].item() == pytest.approx(others + centre, rel=1e-4)
    assert parts["box_loss"].item() == pytest.approx(0, abs=1e-6) and list(parts) == ["heat_loss", "box_loss"]


def test_known_value_the_box_counts_in_cells():
    """A pair worked by hand: W^2 = .5625 in cells gives 2 gwd + .5 L1."""
    maps = preds()
    maps.box[0].data[0, :, 1, 2] = torch.tensor([0.0, 0.75, 2.0, 1.0])
    gt = ((2 + 0.5) * 4, (1 + 1.0) * 4 - 0.001, 1.5 * 8, 1 * 8)  # .5 and .25 cells away, half a cell narrower
    _, parts = criterion()(maps, batch(gt))
    assert parts["box_loss"].item() == pytest.approx(2 * 0.308574 + 0.5 * 0.85, abs=2e-3)


def test_terms_are_means_over_objects():
    one, two = (criterion()(preds(), batch(*b)) for b in ([(11.0, 6.0, 4.0, 4.0)], [(11.0, 6.0, 4.0, 4.0)] * 2))
    assert one[1]["box_loss"].item() == pytest.approx(two[1]["box_loss"].item())  # the cell is taken once


def test_coarse_and_refined_boxes_weigh_the_same():
    _, parts = criterion(box={"weight": 3.0})(preds(boxes=2), batch((11.0, 6.0, 4.0, 4.0)))
    single = criterion()(preds(), batch((11.0, 6.0, 4.0, 4.0)))[1]["box_loss"]
    assert parts["box_loss"].item() == parts["coarse_loss"].item() == pytest.approx(3 * single.item())


def test_two_stacks_share_the_weight_of_one():
    gt = batch((11.0, 6.0, 4.0, 4.0))
    one, two = criterion()(preds(), gt)[1], criterion()(preds(stages=2, boxes=2), gt)[1]
    assert list(one) == list(two) and all(one[k].item() == pytest.approx(two[k].item()) for k in one)


def test_nothing_is_learnt_in_an_ignore_region_but_its_objects():
    maps = preds()
    inside = (10.0, 6.0, 4.0, 4.0)
    vector, _ = criterion()(maps, batch(inside, ignore=((12.0, 8.0, 8.0, 8.0),)))
    vector.sum().backward()
    pulled = maps.heat[0].grad[0, 0] != 0
    assert not pulled[4:12, 8:16].flatten()[1:].all() and pulled[6, 10]
    pulled[6, 10] = False
    assert not pulled[4:12, 8:16].any() and pulled[:4].all() and pulled[:, :8].all() and pulled[12:].all()


def test_an_empty_picture_gives_the_same_parts_and_gradients_everywhere():
    maps = preds(boxes=2)
    vector, parts = criterion()(maps, batch())
    vector.sum().backward()
    assert list(parts) == ["heat_loss", "box_loss", "coarse_loss"] and parts["box_loss"] == 0
    assert maps.heat[0].grad.all() and all(m.grad is not None for m in maps.box)


def test_weights_and_exponents_change_the_loss():
    gt = batch((10.0, 6.0, 8.0, 8.0))
    plain = criterion()(preds(), gt)[1]["heat_loss"].item()
    assert criterion(heat={"weight": 2.0})(preds(), gt)[1]["heat_loss"].item() == pytest.approx(2 * plain)
    assert criterion(heat={"gamma": 1.0})(preds(), gt)[1]["heat_loss"].item() > plain * 0.9
    assert criterion(heat={"alpha": 1.0})(preds(), gt)[1]["heat_loss"].item() > 2 * plain


def test_an_assigner_without_heat_maps_is_refused():
    with pytest.raises(InputError, match="gaussian_center"):
        CenterCriterion({"assigner": "simota"}, CenterCoder(), 1)


def test_ignore_regions_are_the_same_as_filled_one_after_the_other():
    g = torch.Generator().manual_seed(0)
    corner, size = torch.rand(30, 2, generator=g) * 140 - 20, torch.rand(30, 2, generator=g) * 60
    none = torch.zeros(0)
    image = torch.randint(3, (30,), generator=g)
    regions = torch.cat((corner, corner + size), 1)  # they overlap, reach over the border, and lie outside
    targets = Targets(none.view(0, 4), none.long(), none.long(), regions, image, 3, (100, 141))
    wanted = torch.ones(3, 1, 37, 53, dtype=torch.bool)
    for i, box in zip(image, (regions * torch.tensor([53 / 141, 37 / 100]).repeat(2)).clamp(min=0), strict=True):
        (x1, y1), (x2, y2) = box[:2].floor().long(), box[2:].ceil().long()
        wanted[i, :, y1:y2, x1:x2] = False
    assert torch.equal(not_ignored(targets, (37, 53)), wanted) and 0.1 < wanted.float().mean() < 0.9
