"""The things that travel between rooms."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from yolotiny.structures import Assignment, Priors, WithAux


def priors() -> Priors:
    """Two levels: two anchors on 2 x 3 cells of 8 px, one anchor on 1 x 2 cells of 16 px."""
    a = 2 * 2 * 3 + 2
    strides = torch.cat((torch.full((12, 1), 8.0), torch.full((2, 1), 16.0)))
    return Priors(torch.arange(2.0 * a).view(a, 2), strides.expand(-1, 2), strides, ((2, 2, 3), (1, 1, 2)))


def test_levels_are_told_by_the_column():
    p = priors()
    assert p.counts == [12, 2]
    assert p.level(torch.tensor([0, 11, 12, 13])).tolist() == [0, 0, 1, 1]
    assert p.level(torch.tensor([], dtype=torch.long)).tolist() == []


def test_priors_of_chosen_columns_keep_their_places():
    p = priors().at(torch.tensor([13, 0, 0]))
    assert p.centers.tolist() == [[26, 27], [0, 1], [0, 1]]
    assert p.strides.tolist() == [[16], [8], [8]] and p.sizes[0].tolist() == [16, 16]
    assert p.shapes == ()


def test_what_has_been_said_is_not_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        priors().centers = torch.zeros(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Assignment(torch.zeros(1), torch.zeros(1), torch.zeros(1)).iou = None


def test_a_layer_gives_features_and_tensors_for_the_loss_side_by_side():
    out, aux = WithAux(torch.ones(2), {"mean": torch.zeros(1)})
    assert out.sum() == 2 and list(aux) == ["mean"]
