"""The assignment of FCOS on two levels small enough to count."""

from __future__ import annotations

import pytest

from tests.assigners.test_simota import flat_preds, grid, triples, truth
from yolotiny.assigners import ASSIGNERS
from yolotiny.assigners.center_sampling import CenterSampling
from yolotiny.errors import InputError
from yolotiny.registry import build


def assign(boxes, priors=None, **said):
    options = {k: said.pop(k) for k in ("radius", "low", "high") if k in said}
    batch = said.get("batch", 1)
    preds = flat_preds(priors or grid(64, 64, (8, 16)), batch)[0]
    return CenterSampling(**options)(preds, None, truth(boxes, **said))


def test_cells_in_the_object_near_its_centre_on_the_level_of_its_size():
    # Centre (24, 24) on a corner of four cells of 8 px; the farthest side is 20 px away, below 64.
    assert assign([8.0, 8, 40, 40]).prior.tolist() == [18, 19, 26, 27]
    # No cell's centre lies in it.
    assert assign([9.0, 9, 11, 11]).prior.tolist() == []
    # A side of 140 px is beyond 8 cells of 8 px: the coarse level alone.
    large = assign([0.0, 0, 140, 140], priors=grid(160, 160, (8, 16)))
    assert large.prior.min() >= 400 and len(large.prior)


def test_radius_and_range_are_options():
    assert len(assign([8.0, 8, 40, 40], radius=2.5).prior) > len(assign([8.0, 8, 40, 40]).prior)
    assert len(assign([8.0, 8, 40, 40], low=0.5, high=2).prior) != len(assign([8.0, 8, 40, 40]).prior)


def test_of_two_objects_the_smaller_has_the_cell_and_pictures_are_apart():
    big, small = [8.0, 8, 40, 40], [16.0, 16, 32, 32]
    found = assign([big, small])
    assert set(found.gt.tolist()) == {1}
    apart = assign([big, small], image=[0, 1], batch=2)
    assert {(i, g) for i, _, g in triples(apart)} == {(0, 0), (1, 1)}


def test_no_objects_and_ignore_regions():
    found = assign([], ignore=[[0, 0, 7, 7]], ignore_image=[0])
    assert triples(found) == [] and found.ignored.nonzero().tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"radius": 0}, "radius=0 must be a number above 0; write for example 1.5"),
        ({"low": 8}, "low=8 must be below high=8.0"),
        ({"high": -1}, "high=-1 must be a number above 0; write for example 8.0"),
    ],
)
def test_settings_that_make_no_sense_are_one_line(wrong, message):
    with pytest.raises(InputError) as caught:
        build({"type": "center_sampling"} | wrong, ASSIGNERS)
    assert str(caught.value) == f"assigner center_sampling: {message}"
