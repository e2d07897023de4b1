"""SR-TOD: reconstruction, difference map, threshold and enhancement, by hand and against the Fourier transform."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from tests.detectors import pictures
from yolotiny.errors import InputError
from yolotiny.nn.padding import GREY
from yolotiny.nn.srtod import SRTOD, ReconstructionHead, exceeds, high_pass

T = 4 / 255


def srtod(c: int = 8, stride: int = 4, **switches) -> SRTOD:
    torch.manual_seed(0)
    return SRTOD([c, 3], [float(stride), 1.0], **switches)


def inputs(c: int = 8, size=(64, 96), stride: int = 4, count: int = 2) -> list[Tensor]:
    g = torch.Generator().manual_seed(1)
    return [torch.randn(count, c, size[0] // stride, size[1] // stride, generator=g), pictures(count, size)]


def spots() -> Tensor:
    """An 8 x 8 difference map that is zero but for three pixels."""
    d = torch.zeros(1, 1, 8, 8)
    d[0, 0, 0, 0], d[0, 0, 4, 4], d[0, 0, 0, 5] = 0.1, 0.01, 0.9
    return d


class Rebuilt(torch.nn.Module):
    """Stands in for the reconstruction head: always says the same."""

    def __init__(self, image: Tensor):
        super().__init__()
        self.image = image

    def forward(self, level: Tensor) -> Tensor:
        return self.image


def test_shapes_and_the_range_of_the_reconstruction():
    made = srtod(256)
    level, image = torch.randn(2, 256, 40, 56), torch.rand(2, 3, 160, 224)
    out, aux = made([level, image])
    assert out.shape == level.shape and aux["recon"].shape == image.shape and aux["valid"].shape == (2, 1, 160, 224)
    assert ((aux["recon"] > 0) & (aux["recon"] < 1)).all()


@pytest.mark.parametrize(("c", "count"), [(256, 1_025_923), (128, 256_963), (64, 64_483)])
def test_parameters_of_the_published_reconstruction_head(c, count):
    assert sum(p.numel() for p in ReconstructionHead(c, stride=4, start=c).parameters()) == count


def test_parameters_of_the_published_enhancement():
    made = srtod(256)
    assert sum(p.numel() for p in made.gate.parameters()) == 8_464 and made.threshold.numel() == 1


def test_head_and_gate_may_be_as_wide_as_printed():
    assert sum(p.numel() for p in srtod(256, rh_channels=256).head.parameters()) == 1_025_923
    narrower = sum(p.numel() for p in srtod(256).head.parameters())
    assert sum(p.numel() for p in srtod(256, rh_channels=128).head.parameters()) == narrower < 1_025_923
    assert [srtod(64, **o).gate.mlp[0].out_channels for o in ({}, {"gate_least": 1})] == [8, 4]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rh_channels": 512}, "rh_channels=512 must be a whole number from 4 to 256"),
        ({"gate_least": 0}, "gate_least=0 must be a whole number from 1 to"),
        ({"gate_least": 1, "fusion": "em"}, "gate_least is of the gate, which fusion=em has not"),
    ],
)
def test_widths_that_cannot_be_are_one_line(options, message):
    with pytest.raises(InputError, match=f"^SRTOD: {message}"):
        srtod(64, **options)


def test_the_head_doubles_once_for_each_power_of_the_stride_and_a_width_makes_it_thinner():
    for stride in (2, 4, 8, 16):
        level, image = inputs(8, stride=stride)
        assert srtod(8, stride)([level, image]).aux["recon"].shape == image.shape
    sizes = [sum(p.numel() for p in srtod(64, rh_width=w).head.parameters()) for w in (1, 0.5, 0.25)]
    assert sizes[0] == 64_483 and sizes[0] > 2 * sizes[1] > 4 * sizes[2]


def test_the_difference_map_by_hand():
    made, image = srtod(), torch.tensor([0.1, 0.7, 0.9]).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    made.head = Rebuilt(torch.tensor([0.2, 0.5, 0.9]).view(1, 3, 1, 1).expand(1, 3, 32, 32))
    recon, difference, valid = made.maps(torch.zeros(1, 8, 8, 8), image)
    assert torch.allclose(difference, torch.tensor(0.1)) and difference.shape == (1, 1, 32, 32) and valid.all()


@pytest.mark.parametrize(
    ("resize", "wanted"), [("nearest", [1, 0, 0, 0]), ("max", [1, 1, 0, 0]), ("area", [0.0625, 0.0625, 0, 0])]
)
@pytest.mark.parametrize("mode", ["ste", "fixed", "official"])
def test_the_mask_by_hand(resize, wanted, mode):
    made = srtod(resize=resize, thresh_mode=mode)
    assert made.mask(spots(), torch.ones(1, 1, 8, 8, dtype=torch.bool)).flatten().tolist() == pytest.approx(wanted)


def test_nearest_looks_at_the_first_pixel_of_each_cell():
    index = torch.arange(64.0).view(1, 1, 8, 8)
    seen = srtod(thresh_mode="none").mask(index, torch.ones(1, 1, 8, 8))
    assert seen.flatten().tolist() == [0, 4, 32, 36]
    assert torch.equal(seen, torch.nn.functional.interpolate(index, (2, 2)))


def test_on_the_threshold_the_mask_is_a_half():
    assert exceeds(torch.tensor([0.0, 0.25, 0.5]), torch.tensor(0.25)).tolist() == [0, 0.5, 1]


def test_a_relative_threshold_follows_how_well_the_picture_is_rebuilt():
    made = srtod(thresh_mode="relative", resize="max")
    assert made.threshold.item() == 2 and "threshold" not in dict(made.named_parameters())
    difference = torch.full((2, 1, 16, 16), 0.1)
    difference[0, 0, 0, 0] = 0.9  # the only one above twice the mean of 0.103, and of half of that
    difference[1] = difference[0] / 2
    valid = torch.ones_like(difference, dtype=torch.bool)
    m = made.mask(difference, valid)
    assert m[:, 0, 0, 0].tolist() == [1, 1] and m.sum() == 2
    valid[..., 1:] = False  # a column of 15 times 0.1 and the 0.9: mean 0.15, and padding is no part of it
    assert srtod(thresh_mode="relative", resize="max", threshold=7).mask(difference * valid, valid).sum() == 0
    assert srtod(thresh_mode="relative", resize="max", threshold=5).mask(difference * valid, valid).sum() == 2


def test_without_a_threshold_the_mask_is_the_map():
    made = srtod(thresh_mode="none", resize="max")
    m = made.mask(spots(), torch.ones(1, 1, 8, 8, dtype=torch.bool))
    assert m.flatten().tolist() == pytest.approx([0.1, 0.9, 0, 0.01])


def by_hand() -> tuple[SRTOD, Tensor]:
    """A two-channel enhancement with known weights, and its level."""
    made = srtod(2)
    mlp = torch.nn.Sequential(torch.nn.Conv2d(2, 1, 1), torch.nn.ReLU(), torch.nn.Conv2d(1, 2, 1))
    with torch.no_grad():
        for p, v in zip(mlp.parameters(), ([[1.0, -1.0]], [0.0], [[0.5], [0.25]], [0.0, -0.5]), strict=True):
            p.copy_(torch.tensor(v).view(p.shape))
    made.gate.mlp = mlp
    return made, torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [0.0, 1.0]]]])


def test_the_enhancement_by_hand():
    made, level = by_hand()
    out = made.enhance(level, torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]]))
    wanted = [1.8483, 1.8483, 2.7724, 3.6966, 0, 0.5622, 0, 0.5622]
    assert out.flatten().tolist() == pytest.approx(wanted, abs=1e-4)


def test_no_mask_leaves_the_gate_and_a_full_one_doubles_it():
    made, level = by_hand()
    a = made.gate(level)
    zero = torch.zeros(1, 1, 2, 2)
    torch.testing.assert_close(made.enhance(level, zero), level * a)
    torch.testing.assert_close(made.enhance(level, zero + 1), level * a * 2)


def test_a_perfect_reconstruction_has_an_empty_mask():
    made, (level, image) = srtod(), inputs()
    made.head = Rebuilt(image)
    out, _ = made([level, image])
    torch.testing.assert_close(out, level * made.gate(level))


def test_fusions_differ_and_none_gives_the_level_back():
    level, image = inputs()
    out = {f: srtod(fusion=f).eval()([level, image]).out for f in ("ea", "em", "concat", "none")}
    assert torch.equal(out["none"], level)
    assert all(o.shape == level.shape for o in out.values())
    made = srtod(fusion="em")
    assert torch.equal(made.enhance(level, torch.full_like(level[:, :1], 0.5)), level * 0.5)
    assert not torch.allclose(out["ea"], out["concat"]) and not torch.allclose(out["ea"], out["em"])


def threshold_and_map_gradients(**switches) -> tuple[SRTOD, Tensor | None, Tensor]:
    """Gradients of a known loss through the mask, `sum(w * m)`, with the same weight w = 2 everywhere."""
    made = srtod(**switches).train()
    d = torch.tensor([[[[0.0, 0.02], [0.03, 0.2]]]]).repeat_interleave(4, 2).repeat_interleave(4, 3).requires_grad_()
    (made.mask(d, torch.ones(1, 1, 8, 8)) * 2).sum().backward()
    return made, made.threshold.grad, d.grad


def test_the_published_threshold_has_a_gradient_of_exactly_nothing():
    _, grad, of_map = threshold_and_map_gradients(thresh_mode="official", detach=False)
    assert grad == 0 and not of_map.any()


def test_the_straight_through_threshold_has_the_gradient_of_a_sigmoid():
    made, grad, of_map = threshold_and_map_gradients(thresh_mode="ste")
    s = ((torch.tensor([0.0, 0.02, 0.03, 0.2]) - T) * 50).sigmoid()
    assert grad.item() == pytest.approx(-(2 * 50 * s * (1 - s)).sum().item(), rel=1e-5)
    assert of_map is None  # detection does not reach the reconstruction head
    _, _, of_map = threshold_and_map_gradients(thresh_mode="ste", detach=False)
    assert of_map.any()


@pytest.mark.parametrize(("wants_less", "direction"), [(True, 1), (False, -1)])
def test_the_threshold_moves_up_when_the_loss_wants_fewer_places_and_down_when_it_wants_more(wants_less, direction):
    made, (level, image) = srtod().train(), inputs()
    recon = (image + 0.03 * torch.randn(image.shape, generator=torch.Generator().manual_seed(2))).clamp(0, 1)
    made.head = Rebuilt(recon)
    optimizer = torch.optim.SGD([made.threshold], lr=1e-3)
    before = made.threshold.item()
    for _ in range(20):
        optimizer.zero_grad()
        _, difference, valid = made.maps(level, image)
        loss = made.mask(difference, valid).mean() * (1 if wants_less else -1)
        loss.backward()
        optimizer.step()
    assert (made.threshold.item() - before) * direction > 1e-3


def test_a_threshold_that_has_left_its_range_is_used_at_the_edge_and_still_learns():
    made = srtod().train()
    made.threshold.data.fill_(-0.5)
    m = made.mask(spots(), torch.ones(1, 1, 8, 8))
    assert m[0, 0, 0, 0] == 1 and m[0, 0, 1, 0] == 0.5  # as with a threshold of 0
    m.sum().backward()
    assert made.threshold.grad < 0


def test_only_a_threshold_that_may_move_is_a_parameter():
    for mode, learns in (("ste", True), ("official", True), ("fixed", False), ("none", False)):
        made = srtod(thresh_mode=mode)
        assert ("threshold" in dict(made.named_parameters())) is learns and "threshold" in made.state_dict()
    assert "threshold" not in dict(srtod(fusion="none").named_parameters())  # nothing reads it there


def test_the_mask_is_the_same_in_training_and_evaluation():
    made, x = srtod(), inputs()
    _, difference, valid = made.maps(*x)
    assert torch.equal(made.train().mask(difference, valid), made.eval().mask(difference, valid))


def test_high_pass_is_the_fourier_transform_with_a_box_cut_out():
    x = torch.rand(2, 3, 40, 60, dtype=torch.float32)
    f = torch.fft.fft2(x)
    fy, fx = (torch.fft.fftfreq(n).abs() * 2 for n in (40, 60))  # shares of the Nyquist frequency
    f[..., (fy[:, None] < 0.1) & (fx[None] < 0.1)] = 0
    torch.testing.assert_close(high_pass(x), torch.fft.ifft2(f).real, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(high_pass(torch.full((1, 1, 16, 16), 0.7)), torch.zeros(1, 1, 16, 16), atol=1e-6, rtol=0)


def test_the_frequency_map_overlooks_a_wrong_level_of_light_and_sees_an_edge():
    image = pictures(1, (64, 64))
    spot = image.clone()
    spot[..., 30:33, 30:33] += 0.3
    for recon, sees in ((image * 0 + image - 0.2, False), (spot, True)):
        made = srtod(diff="fft")
        made.head = Rebuilt(recon)
        _, difference, _ = made.maps(torch.zeros(1, 8, 16, 16), image)
        assert bool((difference > 0.05).any()) is sees


@pytest.mark.parametrize("diff", ["pixel", "fft"])
@pytest.mark.parametrize("resize", ["nearest", "area", "max"])
def test_padding_is_in_no_map_and_no_mask(diff, resize):
    made, (level, image) = srtod(diff=diff, resize=resize), inputs()
    image[..., :16, :] = GREY
    _, difference, valid = made.maps(level, image)
    assert not valid[..., :16, :].any() and valid[..., 16:, :].all()
    assert not difference[..., :16, :].any() and (difference[..., 16:, :] > 0).all()
    assert not made.mask(difference, valid)[..., :4, :].any()
    assert not srtod(thresh_mode="fixed", threshold=0, resize=resize).mask(difference, valid)[..., :4, :].any()


def test_half_precision_keeps_its_type_and_the_map_its_accuracy():
    made, (level, image) = srtod().eval(), inputs()
    full = made.maps(level, image)[1]
    half = copy.deepcopy(made).half()
    out, aux = half([level.half(), image.half()])
    assert out.dtype == torch.float16 and torch.isfinite(out).all()
    difference = half.maps(level.half(), image.half())[1]
    assert difference.dtype == torch.float32 and torch.allclose(difference, full, atol=2e-3)


def test_a_copy_gives_the_same_and_nothing_is_kept_of_the_last_picture():
    made, x = srtod().eval(), inputs()
    out = made(x).out
    assert torch.equal(copy.deepcopy(made)(x).out, out)
    assert not [k for k, v in vars(made).items() if isinstance(v, Tensor)]


def test_pictures_of_another_number_of_channels_are_rebuilt_in_theirs():
    made = SRTOD([8, 1], [4.0, 1.0])
    assert made([torch.rand(1, 8, 8, 8), torch.rand(1, 1, 32, 32)]).aux["recon"].shape == (1, 1, 32, 32)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (([8], [4.0]), r"SRTOD reads one level and the picture: write from: \[p2, image\]"),
        (([8, 8], [4.0, 8.0]), r"SRTOD reads one level and the picture: write from: \[p2, image\]"),
        (([8, 3], [12.0, 1.0]), "SRTOD doubles a level up to the picture's size; its stride 12 is no power of 2"),
        (([8, 3], [1.0, 1.0]), "SRTOD doubles a level up to the picture's size; its stride 1 is no power of 2"),
        (([8, 3], [4.0, 1.0], 2.0), "SRTOD: rh_width=2.0 must be a number above 0 and up to 1"),
        (([8, 3], [4.0, 1.0], 1.0, 15), "SRTOD: threshold=15 must be a number from 0 to 1"),
        (([8, 3], [4.0, 1.0], 1.0, -1, "relative"), "SRTOD: threshold=-1 must be a number from 0 up"),
        (([8, 3], [4.0, 1.0], 1.0, "low"), "SRTOD: threshold='low' must be a number from 0 to 1"),
        (([8, 3], [4.0, 1.0], None), "SRTOD: rh_width=None must be a number above 0 and up to 1"),
        (([8, 3], [4.0, 1.0], 1.0, 0.1, "stee"), "SRTOD: unknown thresh_mode 'stee'; did you mean 'ste'"),
        (([8, 3], [4.0, 1.0], 1.0, 0.1, "ste", "mean"), "SRTOD: unknown resize 'mean'; did you mean 'max'"),
    ],
)
def test_a_mistake_is_one_line(args, message):
    with pytest.raises(InputError, match="^" + message):
        SRTOD(*args)
