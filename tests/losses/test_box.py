"""Box losses are one minus a similarity, weighted."""

from __future__ import annotations

import pytest
import torch

from yolotiny import boxes
from yolotiny.errors import InputError
from yolotiny.losses import BOX_LOSSES
from yolotiny.losses.box import CIoULoss, IoU2Loss, IoULoss, iou2
from yolotiny.registry import build

A, B = torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[1.0, 0, 3, 2]])  # IoU 1/3


def test_known_values():
    assert IoULoss()(A, B).item() == pytest.approx(2 / 3)
    assert IoU2Loss()(A, B).item() == pytest.approx(1 - 1 / 9)
    assert iou2(A, A).item() == pytest.approx(1)


@pytest.mark.parametrize("name", list(BOX_LOSSES))
def test_every_loss_is_zero_at_home_one_value_a_box_and_pulls_towards_the_object(name):
    loss = build(name, BOX_LOSSES)
    pred = torch.tensor([[10.0, 10, 20, 20], [0, 0, 6, 4]], requires_grad=True)
    assert loss(pred, pred.detach()).tolist() == pytest.approx([0, 0], abs=1e-5)
    gt = torch.tensor([[12.0, 11, 22, 21], [1, 1, 7, 5]])  # right of and below the predictions
    value = loss(pred, gt)
    assert value.shape == (2,) and value.dtype == torch.float32 and (value > 0).all()
    value.sum().backward()
    assert (pred.grad[:, 2:] < 0).all()  # moving the far corner outwards helps


@pytest.mark.parametrize("name", list(BOX_LOSSES))
def test_no_pairs_give_an_empty_loss_that_can_be_summed(name):
    pred = torch.zeros(0, 4, requires_grad=True)
    loss = build(name, BOX_LOSSES)(pred, torch.zeros(0, 4))
    assert loss.shape == (0,) and loss.sum().item() == 0


def test_the_named_similarities_are_the_ones_in_boxes():
    for name in ("iou", "giou", "diou", "ciou"):
        assert torch.equal(build(name, BOX_LOSSES)(A, B), 1 - getattr(boxes, name)(A, B))


def test_the_weight_comes_from_the_yaml_and_a_mistake_is_one_line():
    assert build({"type": "ciou", "weight": 0.05}, BOX_LOSSES).weight == 0.05 and CIoULoss().weight == 1
    with pytest.raises(InputError, match="^unknown box loss 'ciuo' in x.yaml; did you mean 'ciou'"):
        build("ciuo", BOX_LOSSES, where="x.yaml")
    with pytest.raises(InputError, match="^box loss 'ciou' takes no argument 'wieght'; did you mean 'weight'"):
        build({"type": "ciou", "wieght": 1}, BOX_LOSSES)
