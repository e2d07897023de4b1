"""Cross entropy and entropy of distributions over a grid, and the step uphill."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from yolotiny.coders import BinsCoder
from yolotiny.coders.bins import grid, two_hot
from yolotiny.errors import InputError
from yolotiny.losses.bins import TwoHotLoss, cross_entropy, entropy, perturbation
from yolotiny.structures import Assignment, Preds, Priors

LOGITS = torch.tensor([0.2, -0.5, 1.0, 0.3, 0.0, -1.0])
GRID = grid(5, 1, 5)


def gradient(loss, logits):
    x = logits.clone().requires_grad_()
    return torch.autograd.grad(loss(x).sum(), x)[0]


def test_known_values_of_a_distribution():
    target = two_hot(torch.tensor(0.3), GRID)
    p = LOGITS.softmax(-1)
    assert p.tolist() == pytest.approx([0.168146, 0.083499, 0.374215, 0.185830, 0.137666, 0.050645], abs=1e-6)
    assert cross_entropy(LOGITS, target).item() == pytest.approx(1.806027, abs=1e-5)
    assert entropy(LOGITS).item() == pytest.approx(1.611725, abs=1e-5)
    assert (p * GRID).sum().item() == pytest.approx(-0.563420, abs=1e-5)


def test_known_gradients_of_a_distribution():
    target = two_hot(torch.tensor(0.3), GRID)
    ce = gradient(lambda x: cross_entropy(x, target), LOGITS)
    assert ce.tolist() == pytest.approx([0.168146, 0.083499, 0.374215, -0.403829, -0.272676, 0.050645], abs=1e-5)
    h = gradient(entropy, LOGITS)
    assert h.tolist() == pytest.approx([0.028786, 0.072744, -0.235307, 0.013231, 0.051102, 0.069444], abs=1e-5)


def test_the_gradient_of_the_entropy_is_not_the_printed_one():
    p = torch.tensor([0.7, 0.2, 0.1])
    assert entropy(p.log()).item() == pytest.approx(0.801819, abs=1e-5)
    found = gradient(entropy, p.log())
    assert found.tolist() == pytest.approx([-0.311601, 0.161524, 0.150077], abs=1e-5)
    printed = -(p.log() + 1)
    assert printed.tolist() == pytest.approx([-0.643, 0.609, 1.303], abs=1e-3)
    assert not torch.allclose(found, printed, atol=0.1) and abs(found.sum()) < 1e-6


def test_gradcheck():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(3, 7, dtype=torch.float64, generator=g, requires_grad=True)
    target = torch.rand(3, 7, dtype=torch.float64, generator=g).softmax(-1)
    assert torch.autograd.gradcheck(lambda v: cross_entropy(v, target), x)
    assert torch.autograd.gradcheck(entropy, x)


def test_no_logit_however_large_gives_a_large_gradient():
    g = torch.Generator().manual_seed(0)
    x = (torch.rand(500, 11, generator=g) - 0.5) * 100
    target = two_hot((torch.rand(500, generator=g) - 0.5) * 4, grid(2, 1, 10))
    assert gradient(lambda v: cross_entropy(v, target), x).abs().max() <= 1
    bound = gradient(entropy, x).abs().max()
    assert torch.isfinite(bound) and bound < 0.7  # 0.666 for 11 points


@pytest.mark.parametrize(
    ("share", "weight", "best"),
    [(0.6, 0.1, 0.611), (0.75, 0.1, 0.771), (0.6, 0.5, 0.683), (0.75, 0.5, 0.859), (0.9, 0.5, 0.961), (0.9, 1, 0.979)],
)
def test_minimising_uncertainty_rounds_towards_a_grid_point(share, weight, best):
    p = torch.linspace(0.501, 0.999, 4981, dtype=torch.float64)
    logits = torch.stack((p, 1 - p), 1).log()
    target = torch.tensor([share, 1 - share], dtype=torch.float64).expand_as(logits)
    total = cross_entropy(logits, target) + weight * entropy(logits)
    assert p[total.argmin()].item() == pytest.approx(best, abs=1e-3)


def test_a_known_step_uphill():
    step = perturbation(torch.tensor([3.0, 4.0]).view(1, 2, 1, 1), 0.5)
    assert step.flatten().tolist() == pytest.approx([0.3, 0.4])


def test_each_image_has_a_step_of_its_own_and_a_flat_or_broken_one_has_none():
    g = torch.tensor([[3.0, 4.0], [0.0, 0.0], [float("inf"), 1.0], [3e-9, 4e-9]]).view(4, 2, 1, 1)
    wanted = [[0.6, 0.8], [0, 0], [0, 1], [0.6, 0.8]]
    assert torch.allclose(perturbation(g, 1.0).flatten(1), torch.tensor(wanted), atol=1e-3)


# Two images, a level of 2 x 2 cells of 8 px, a head that multiplies features by a matrix.
PRIORS = Priors(
    torch.tensor([[4.0, 4], [12, 4], [4, 12], [12, 12]]),
    torch.full((4, 2), 10.0),
    torch.full((4, 1), 8.0),
    ((1, 2, 2),),
)
FOUND = Assignment(torch.tensor([0, 0, 1]), torch.tensor([0, 3, 1]), torch.tensor([0, 1, 2]))
GT = torch.tensor([[1.0, 1, 9, 8], [6, 7, 17, 16], [8, 0, 16, 9]])


def scene(seed: int = 0) -> tuple[TwoHotLoss, Preds, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    loss = TwoHotLoss(BinsCoder())
    matrix = (torch.randn(44, 3, generator=g)).requires_grad_()
    feature = torch.randn(2, 3, 2, 2, generator=g).requires_grad_()
    again = lambda fs: torch.einsum("bchw,kc->bhwk", fs[0], matrix).flatten(1, 2)  # noqa: E731
    return loss, Preds(again([feature]), torch.zeros(2, 4, 1), None, PRIORS, {}, (feature,), again), matrix


def test_the_step_raises_the_entropy():
    for seed in range(5):
        loss, preds, _ = scene(seed)
        loss.rho = 1e-2
        parts = loss(preds, FOUND, GT)
        assert parts["ur"].sum() > parts["um"].sum() and parts["ce"].shape == (3,)


def test_refinement_teaches_head_and_features_and_nothing_flows_through_the_step():
    loss, preds, matrix = scene()
    um = loss(preds, FOUND, GT)["um"].sum()
    step = perturbation(torch.autograd.grad(um, preds.features, retain_graph=True)[0], 0.5)
    by_hand = entropy_of(loss, preds.again([preds.features[0] + step]))
    wanted = torch.autograd.grad(by_hand * loss.weight * loss.gamma, (matrix, *preds.features), retain_graph=True)
    found = torch.autograd.grad(loss(preds, FOUND, GT)["ur"].sum(), (matrix, *preds.features))
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(found, wanted, strict=True))
    assert found[0].any() and found[1].any()


def entropy_of(loss, raw):
    return torch.cat([entropy(x) for x in loss.coder.logits(raw[FOUND.image, FOUND.prior])], -1).mean(-1).sum()


def test_a_zero_step_changes_nothing_and_the_second_pass_is_the_first():
    _, preds, _ = scene()
    for ur, wanted in (("um", (0, 2)), ("ce", (1, 0)), ("ce+um", (1, 1))):
        parts = TwoHotLoss(BinsCoder(), rho=0.0, gamma=1.0, ur=ur)(preds, FOUND, GT)
        assert torch.allclose(parts["ur"], wanted[0] * parts["ce"] + wanted[1] * parts["um"], atol=1e-6)


def test_refinement_is_off_without_gradients_without_features_and_on_request():
    loss, preds, _ = scene()
    with torch.no_grad():
        assert not loss(preds, FOUND, GT)["ur"].any()
    assert not loss(replace(preds, features=(), again=None), FOUND, GT)["ur"].any()
    parts = TwoHotLoss(BinsCoder(), gamma=0)(preds, FOUND, GT)
    assert list(parts) == ["ce", "um", "ur"] and not parts["ur"].any() and parts["um"].all()


def test_the_length_of_the_features_joins_the_refinement_of_each_pair_in_training_alone():
    _, preds, _ = scene()
    plain, longer = TwoHotLoss(BinsCoder()), TwoHotLoss(BinsCoder(), weight=2.0, feature_l2=0.1)
    added = longer(preds, FOUND, GT)["ur"] / 2 - plain(preds, FOUND, GT)["ur"]
    assert torch.allclose(added, 0.1 * preds.features[0].square().sum((1, 2, 3))[FOUND.image], atol=1e-5)
    alone = TwoHotLoss(BinsCoder(), gamma=0, feature_l2=0.1)(preds, FOUND, GT)["ur"]
    assert torch.allclose(torch.autograd.grad(alone[2], preds.features)[0][1], 0.2 * preds.features[0][1], atol=1e-6)
    with torch.no_grad():
        assert not longer(preds, FOUND, GT)["ur"].any()


def test_no_pair_loses_nothing_and_has_a_gradient():
    loss, preds, matrix = scene()
    none = Assignment(*(torch.zeros(0, dtype=torch.long) for _ in range(3)))
    parts = loss(preds, none, GT[:0])
    assert all(v.shape == (0,) for v in parts.values())
    sum(v.sum() for v in parts.values()).backward()
    assert matrix.grad is not None and not matrix.grad.any()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rho": -1}, "rho=-1 must be a number from 0 up"),
        ({"gamma": -0.5}, "gamma=-0.5 must be a number from 0 up"),
        ({"feature_l2": -1}, "feature_l2=-1 must be a number from 0 up"),
        ({"entropy": "much"}, "entropy='much' must be a number from 0 up"),
        ({"ur": "mu"}, "ur must be um, ce or ce\\+um, not 'mu'"),
        ({"keep_iou": 1}, "keep_iou must be true or false, not 1"),
    ],
)
def test_bad_options_are_refused_in_one_line(options, said):
    with pytest.raises(InputError, match=said) as error:
        TwoHotLoss(BinsCoder(), **options)
    assert "\n" not in str(error.value)
