"""Gaussian targets: known radii and values, crowds, borders, cells."""

from __future__ import annotations

import pytest
import torch

from yolotiny.assigners.gaussian_center import GaussianCenter
from yolotiny.boxes import xywh2xyxy
from yolotiny.errors import InputError
from yolotiny.ops.gaussian import draw_gaussians, gaussian_radius
from yolotiny.structures import CenterPreds, Priors, Targets


def targets(*objects: tuple[float, ...], size=(32, 48), images: int = 2) -> Targets:
    """Objects as (image, class, centre x, centre y, width, height), pixels."""
    rows = torch.tensor(objects).view(-1, 6)
    none = torch.zeros(0)
    where = rows[:, 0].long()
    return Targets(xywh2xyxy(rows[:, 2:]), rows[:, 1].long(), where, none.view(-1, 4), none.long(), images, size)


def cells(rows: int, cols: int, levels: int = 1) -> CenterPreds:
    n = rows * cols * levels
    priors = Priors(torch.zeros(n, 2), torch.full((n, 2), 4.0), torch.full((n, 1), 4.0), ((1, rows, cols),) * levels)
    return CenterPreds((), (), priors)


@pytest.mark.parametrize(
    ("w", "h", "radius"), [(4, 4, 0.9046), (8, 8, 1.8091), (16, 16, 3.6182), (20, 10, 2.8902), (32, 32, 7.2364)]
)
def test_known_value_radius(w, h, radius):
    assert gaussian_radius(torch.tensor([[w, h]])).item() == pytest.approx(radius, abs=1e-4)


def test_an_object_without_size_has_radius_0_and_is_one_pixel():
    assert gaussian_radius(torch.zeros(1, 2)).item() == 0
    heat = GaussianCenter().heat(targets((0, 0, 5.5, 6.5, 2, 2)), 1, (32, 48))
    assert heat.nonzero().tolist() == [[0, 0, 6, 5]] and heat.sum() == 1


def test_known_value_the_gaussian_of_radius_2():
    heat = draw_gaussians(1, (9, 9), torch.tensor([0]), torch.tensor([[4, 4]]), torch.tensor([2]))[0]
    assert heat[4].tolist() == pytest.approx([0, 0, 0.0561, 0.4868, 1, 0.4868, 0.0561, 0, 0], abs=1e-4)
    assert heat[5, 5].item() == pytest.approx(0.2369, abs=1e-4)


def test_where_gaussians_meet_the_larger_value_stays():
    two = draw_gaussians(1, (9, 12), torch.tensor([0, 0]), torch.tensor([[4, 4], [6, 4]]), torch.tensor([2, 2]))[0]
    ones = [draw_gaussians(1, (9, 12), torch.tensor([0]), torch.tensor([[x, 4]]), torch.tensor([2]))[0] for x in (4, 6)]
    assert torch.equal(two, torch.maximum(*ones))


def test_a_gaussian_at_the_border_is_cut():
    heat = draw_gaussians(1, (5, 5), torch.tensor([0]), torch.tensor([[0, 4]]), torch.tensor([2]))[0]
    whole = draw_gaussians(1, (9, 9), torch.tensor([0]), torch.tensor([[4, 4]]), torch.tensor([2]))[0]
    torch.testing.assert_close(heat[2:, :3], whole[2:5, 4:7])
    assert heat.sum() == heat[2:, :3].sum()


def test_every_object_has_its_class_and_picture():
    found = targets((0, 1, 10, 12, 8, 8), (1, 0, 30, 20, 8, 8))
    heat = GaussianCenter().heat(found, 2, (32, 48))
    assert (heat == 1).nonzero().tolist() == [[0, 1, 12, 10], [1, 0, 20, 30]]


def test_a_smaller_map_is_scaled():
    heat = GaussianCenter().heat(targets((0, 0, 10, 12, 32, 32)), 1, (8, 12))
    assert (heat == 1).nonzero().tolist() == [[0, 0, 3, 2]]
    assert (heat[0, 0] > 0).any(0).sum() == 2 * 1 + 1  # 8 cells wide: radius 1


def test_the_box_belongs_to_the_cell_of_its_centre():
    found = GaussianCenter()(cells(8, 12), None, targets((0, 0, 10, 13, 8, 8), (1, 0, 48, 32, 8, 8)))
    assert found.prior.tolist() == [3 * 12 + 2, 7 * 12 + 11]  # the second centre lies on the far corner
    assert (found.image.tolist(), found.gt.tolist()) == ([0, 1], [0, 1])


def test_of_two_objects_in_one_cell_the_later_has_it():
    found = GaussianCenter()(cells(8, 12), None, targets((0, 0, 9, 9, 2, 2), (0, 1, 10, 10, 2, 2), (1, 0, 9, 9, 2, 2)))
    assert (found.image.tolist(), found.gt.tolist()) == ([0, 1], [1, 2])


def test_no_object():
    assert not GaussianCenter().heat(targets(), 2, (8, 8)).any()
    assert len(GaussianCenter()(cells(8, 12), None, targets()).gt) == 0


def test_impossible_overlaps_are_refused():
    with pytest.raises(InputError, match="min_overlap=1"):
        GaussianCenter(1)
