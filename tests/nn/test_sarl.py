"""SARL: an identity at first, gates that come from the coarser level alone, and switches that each do something."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from tests.detectors import batch, pictures
from yolotiny.config import load as config
from yolotiny.detector import Detector
from yolotiny.errors import InputError
from yolotiny.nn.gates import ChannelGate, SpatialGate
from yolotiny.nn.sarl import SARL, Enhancement, Interaction

CH, STRIDES = [16, 32, 64], [8.0, 16.0, 32.0]


def levels(ch=CH, size=(12, 20), count=2) -> list[Tensor]:
    g = torch.Generator().manual_seed(0)
    h, w = size
    return [torch.randn(count, c, -(-h // 2**i), -(-w // 2**i), generator=g) for i, c in enumerate(ch)]


def sarl(**switches) -> SARL:
    torch.manual_seed(0)
    return SARL(CH, STRIDES, **switches).eval()


@pytest.mark.parametrize("size", [(12, 20), (13, 7), (5, 5)])  # odd maps are not half of the next
def test_at_first_the_output_is_the_input_bit_by_bit(size):
    x = levels(size=size)
    assert all(torch.equal(a, b) for a, b in zip(sarl()(x), x, strict=True))
    wide = [torch.randn(1, c, s, s) for c, s in ((128, 80), (256, 40), (512, 20))]
    assert all(torch.equal(a, b) for a, b in zip(SARL([128, 256, 512], STRIDES)(wide), wide, strict=True))


@pytest.mark.parametrize(
    ("ch", "count"),
    [
        ([64, 128, 256], 57_503),
        ([128, 256, 512], 220_991),
        ([192, 384, 768], 494_055),
        ([256, 512, 1024], 875_663),
        ([320, 640, 1280], 1_365_815),
        ([256, 512, 1024, 2048], 3_636_757),
    ],
)
def test_parameters_by_width(ch, count):
    assert sum(p.numel() for p in SARL(ch, [4.0, 8.0, 16.0, 32.0][-len(ch) :]).parameters()) == count


def test_a_channel_gate_by_hand():
    gate = ChannelGate(2, 1)
    with torch.no_grad():
        for p, v in zip(gate.parameters(), ([[1.0, -1.0]], [0.0], [[0.5], [0.25]], [0.0, -0.5]), strict=True):
            p.copy_(torch.tensor(v).view(p.shape))
    x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [0.0, 1.0]]]])  # means 2.5 and .5, maxima 4 and 1
    assert gate(x).flatten().tolist() == pytest.approx([0.9241, 0.5622], abs=1e-4)


def test_a_spatial_gate_by_hand():
    gate = SpatialGate()
    with torch.no_grad():
        gate.conv.weight.zero_()[0, :, 3, 3] = torch.tensor([1.0, 2.0])
        gate.conv.bias.fill_(-1.0)
    x = torch.tensor([[[[0.0, 1.0]], [[2.0, 1.0]]]])  # means 1 and 1, maxima 2 and 1
    assert gate(x).flatten().tolist() == pytest.approx([(1 + 2.718281828 ** -(1 + 4 - 1)) ** -1, 0.880797], abs=1e-5)


def test_gates_lie_between_nought_and_one():
    for gate in (ChannelGate(16, 8), SpatialGate()):
        y = gate(levels()[0])
        assert ((y > 0) & (y < 1)).all()


def test_the_coarser_level_reaches_the_finer_one_through_gates_only():
    fim = Interaction(16, 32, "both", 16, gamma_init=1.0).eval()
    x, high, _ = levels()
    assert not torch.equal(fim(x, high), fim(x, high + 1))
    assert not fim(torch.zeros_like(x), high).any()  # nothing to weigh, nothing comes out
    share = (fim(x, high) / x - 1)[x.abs() > 1e-3]
    assert ((share > 0) & (share < 1)).all()


def test_enhancement_weighs_channels_first_and_the_places_of_what_is_left():
    fem = Enhancement(16, "both", 16, gamma_init=1.0)
    x = levels()[0]
    channel, spatial = fem.gates
    left = x * channel(x)
    torch.testing.assert_close(fem(x), x + left * spatial(left))


def test_gammas_get_a_gradient_in_the_first_step_and_gates_after_it():
    made = sarl().train()
    x = levels()
    sum(y.square().sum() for y in made(x)).backward()
    grads = {n: p.grad for n, p in made.named_parameters()}
    assert all(bool(g.any()) == ("gamma" in n) for n, g in grads.items())
    with torch.no_grad():
        for n, p in made.named_parameters():
            if "gamma" in n:
                p -= 0.01 * p.grad
    sum(y.square().sum() for y in made(x)).backward()
    assert all(p.grad.any() for p in made.parameters())


def test_relay_progressive_carries_the_coarsest_level_to_the_finest_and_adjacent_does_not():
    x = levels()
    moved = [x[0], x[1], x[2] + 1]
    for relay, reaches in (("progressive", True), ("adjacent", False)):
        made = sarl(relay=relay, gamma_init=1.0)
        assert torch.equal(made(x)[0], made(moved)[0]) != reaches
        assert not torch.equal(made(x)[1], made(moved)[1])


@pytest.mark.parametrize(
    "switches", [{"fim": False}, {"fem": False}, {"gate": "channel"}, {"gate": "spatial"}, {"reduction": 1}]
)
def test_each_switch_changes_what_comes_out(switches):
    x, whole, other = levels(), sarl(gamma_init=1.0), sarl(gamma_init=1.0, **switches)
    assert [y.shape for y in other(x)] == [y.shape for y in x]
    assert not torch.allclose(whole(x)[0], other(x)[0])
    assert len(list(other.parameters())) != len(list(whole.parameters())) or "reduction" in switches


def test_without_interaction_levels_do_not_see_each_other():
    x = levels()
    made = sarl(fim=False, gamma_init=1.0)
    assert torch.equal(made(x)[0], made([x[0], x[1] + 1, x[2] + 1])[0])


def test_any_number_of_levels_and_a_copy_that_gives_the_same():
    made = SARL([8, 16], [4.0, 8.0], gamma_init=0.5).eval()
    x = levels([8, 16])
    assert all(torch.equal(a, b) for a, b in zip(made(x), copy.deepcopy(made)(x), strict=True))


def test_half_precision_keeps_its_type_and_stays_near():
    made, x = sarl(gamma_init=1.0), levels()
    half = copy.deepcopy(made).bfloat16()([v.bfloat16() for v in x])
    assert all(h.dtype == torch.bfloat16 for h in half)
    assert all(torch.allclose(h.float(), f, rtol=0.05, atol=0.05) for h, f in zip(half, made(x), strict=True))
    with torch.autocast("cpu", torch.bfloat16):
        assert all(y.dtype == torch.bfloat16 for y in made([v.bfloat16() for v in x]))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (([16], [8.0]), "SARL needs two levels or more, from fine to coarse; its inputs have strides"),
        (([16, 32], [16.0, 8.0]), "SARL needs two levels or more, from fine to coarse; its inputs have strides"),
        (([16, 32], [8.0, 16.0], True, True, "chanel"), "SARL: unknown gate 'chanel'; did you mean 'channel'"),
        (([16, 32], [8.0, 16.0], True, True, "both", "next"), "SARL: unknown relay 'next'; there are: adjacent, prog"),
        (([16, 32], [8.0, 16.0], False, False), "SARL without fim and without fem does nothing"),
    ],
)
def test_a_mistake_is_one_line(args, message):
    with pytest.raises(InputError, match="^" + message):
        SARL(*args)


def test_a_level_that_does_not_exist_is_named_with_the_nearest():
    cfg = {"base": "yolov5n.yaml", "insert": [{"name": "sarl", "after": ["c3", "c44"], "module": "SARL"}]}
    with pytest.raises(InputError, match="insert 'sarl' reads unknown 'c44'; did you mean 'c4'"):
        config.load(cfg)


@pytest.mark.parametrize("base", ["yolov5n", "yolov5n-p2", "yolox-nano"])
def test_a_detector_with_the_weights_of_its_base_answers_as_the_base_does(base):
    torch.manual_seed(0)
    plain = Detector(f"{base}.yaml", nc=2).eval()
    made = Detector(f"{base}-sarl.yaml", nc=2)
    before = made.state_dict().keys() - plain.state_dict().keys()
    made.load(plain, verbose=False)
    assert before and all(k.startswith("model.sarl.") for k in before)
    with torch.no_grad():
        assert torch.equal(made.eval()(batch()["img"])[0], plain(batch()["img"])[0])


@pytest.mark.real
def test_the_public_yolov5n_weights_give_the_same_boxes_with_and_without(real_data):
    outputs = []
    for name in ("yolov5n", "yolov5n-sarl"):
        model = Detector(f"{name}.yaml", nc=80)
        model.load(real_data / "weights" / "yolov5n_coco_v6_state_dict.pt", verbose=False)
        with torch.no_grad():
            outputs.append(model.eval()(pictures(1, (128, 128)))[0])
    assert torch.equal(*outputs)


@pytest.mark.parametrize(("base", "rows"), [("yolov8n", [4, 6, 9]), ("yolo11n", [4, 6, 10]), ("yolo26n", [4, 6, 10])])
def test_one_insert_puts_it_into_a_model_of_ultralytics(base, rows):
    torch.manual_seed(0)
    plain = Detector(f"{base}.yaml", nc=2).eval()
    cfg = {"base": f"{base}.yaml", "insert": [{"name": "sarl", "after": rows, "module": "SARL"}]}
    made = Detector(cfg, nc=2)
    made.load(plain, verbose=False)
    with torch.no_grad():
        assert torch.equal(made.eval()(batch()["img"])[0], plain(batch()["img"])[0])
