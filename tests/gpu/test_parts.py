"""Parts on a device: training steps, their average, suppression, the refinement of YOLC; each as on the CPU."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.ops import deform_conv2d
from ultralytics.utils import DEFAULT_CFG
from ultralytics.utils.torch_utils import ModelEMA

from tests.detectors import crowd
from tests.gpu.families import FAMILIES
from yolotiny.detector import Detector
from yolotiny.nn.refine import BoxConv, points_in_box
from yolotiny.ops import postprocess as suppression
from yolotiny.ops.postprocess import NMSConfig, nms

# How far the first loss may be off: rounding through some 60 layers, and through an assigner that may choose otherwise.
ROUNDING = {torch.float32: 2e-3, torch.float16: 0.01, torch.bfloat16: 0.04}


def detector(model: str) -> Detector:
    """A fresh detector, the same one every time."""
    torch.manual_seed(0)
    made = Detector(model, nc=2).train()
    made.args = DEFAULT_CFG
    return made


def moved(batch: dict[str, Any], device: torch.device) -> dict[str, Any]:
    return {k: v.to(device) if isinstance(v, Tensor) else v for k, v in batch.items()}


def steps(model: Detector, batch: dict[str, Any], dtype: torch.dtype, count: int) -> list[float]:
    """Losses of so many steps of training on one batch, in mixed precision unless dtype is float32."""
    kind = batch["img"].device.type
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    # From 65,536 on, the usual value, half of the steps would be those that find a scale that does not overflow.
    scaler = torch.amp.GradScaler(kind, init_scale=1024.0, enabled=dtype == torch.float16)
    losses = []
    for _ in range(count):
        optimizer.zero_grad()
        with torch.autocast(kind, dtype=dtype, enabled=dtype != torch.float32):
            loss = model(batch)[0].sum()
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("dtype", ROUNDING, ids=lambda d: str(d).removeprefix("torch."))
@pytest.mark.parametrize("family", FAMILIES)
def test_ten_steps_are_finite_and_the_loss_falls_from_that_of_the_cpu(device, family, dtype):
    if device.type == "cpu" and dtype == torch.float16 and family != "yolov5":
        pytest.skip("a CPU takes seconds for a step in float16: one family shows that the test works")
    side = 64 if device.type == "cpu" else 128
    batch, model = crowd((side, side)), detector(FAMILIES[family])
    expected = steps(deepcopy(model), batch, torch.float32, 1)[0]
    found = steps(model.to(device), moved(batch, device), dtype, 10)
    assert all(torch.isfinite(torch.tensor(found))) and all(p.isfinite().all() for p in model.parameters())
    assert found[0] == pytest.approx(expected, rel=ROUNDING[dtype])
    assert found[-1] < found[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_channels_last_changes_nothing_but_the_layout(device, family):
    batch, model = crowd((64, 64)), detector(FAMILIES[family])
    expected = steps(deepcopy(model), batch, torch.float32, 1)[0]
    model = model.to(device, memory_format=torch.channels_last)
    batch = moved(batch, device) | {"img": batch["img"].to(device, memory_format=torch.channels_last)}
    assert steps(model, batch, torch.float32, 1)[0] == pytest.approx(expected, rel=ROUNDING[torch.float32])


def test_the_average_of_the_weights_follows_them_on_their_device(device):
    model = detector("yolov5n.yaml").to(device)
    ema = ModelEMA(model, decay=0.5, tau=1)
    expected = {k: v.detach().cpu().clone() for k, v in model.named_parameters()}
    for _ in range(3):
        steps(model, moved(crowd((64, 64)), device), torch.float32, 1)
        ema.update(model)
        share = ema.decay(ema.updates)
        expected = {k: v * share + model.get_parameter(k).detach().cpu() * (1 - share) for k, v in expected.items()}
    assert all(p.device.type == device.type for p in ema.ema.parameters())
    for name, p in ema.ema.named_parameters():
        torch.testing.assert_close(p.cpu(), expected[name], rtol=1e-4, atol=1e-6)


IOU = 0.6137  # no quotient of areas of up to 2,048 whole pixels, so no overlap lies on it


def clutter(count: int) -> Tensor:
    """(1, 6, count) raw predictions: boxes of whole pixels, so that every device finds the same overlaps to the bit."""
    g = torch.Generator().manual_seed(0)
    corner = torch.randint(0, 1200, (count, 2), generator=g).float()
    side = 2 * torch.randint(2, 17, (count, 2), generator=g).float()
    scores = torch.zeros(count, 2)
    scores[torch.arange(count), torch.randint(2, (count,), generator=g)] = torch.linspace(0.9, 0.3, count)
    return torch.cat((corner + side / 2, side, scores), 1).T[None]


def test_sixty_thousand_boxes_are_suppressed_as_on_the_cpu(device):
    y = clutter(suppression.MAX_CANDIDATES)
    expected, found = (nms(x, NMSConfig(conf=0.25, iou=IOU, max_det=60_000))[0] for x in (y, y.to(device)))
    assert found.device.type == device.type and 5_000 < len(expected) < 59_000
    assert torch.equal(found.cpu(), expected)


def test_pictures_suppressed_together_are_as_on_the_cpu(device):
    y = clutter(8 * 3000).view(6, 8, 3000).transpose(0, 1).contiguous()
    expected, found = (nms(x, NMSConfig(conf=0.25, iou=IOU, max_det=3000), together=True) for x in (y, y.to(device)))
    assert all(torch.equal(a.cpu(), b) and len(b) for a, b in zip(found, expected, strict=True))


def test_suppression_by_nwd_is_as_on_the_cpu(device):
    y = clutter(10_000)
    expected, found = (nms(x, NMSConfig(conf=0.25, iou=0.5, max_det=10_000, c=12.7))[0] for x in (y, y.to(device)))
    assert found.device.type == device.type and 100 < len(expected) < 9_900
    assert torch.equal(found.cpu(), expected)


def refined(device: torch.device | str) -> list[Tensor]:
    """The refinement's output and its gradients: for features, kernel and sampling points; on the CPU again."""
    g = torch.Generator().manual_seed(0)
    x, box, share = (torch.randn(2, c, 12, 16, generator=g).to(device).requires_grad_() for c in (8, 4, 18))
    torch.manual_seed(0)
    conv = BoxConv(8, 4).to(device)
    out = conv(x, points_in_box(box * 3, share.sigmoid()))
    (out * torch.linspace(0, 1, out.numel(), device=device).view_as(out)).sum().backward()
    return [t.detach().cpu() for t in (out, x.grad, conv.weight.grad, box.grad, share.grad)]


def test_the_deformable_refinement_is_as_on_the_cpu_forward_and_backward(device):
    for found, expected in zip(refined(device), refined("cpu"), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3 * expected.abs().max().item())


def test_the_refinement_equals_a_deformable_convolution_on_this_device(device):
    g = torch.Generator().manual_seed(0)
    x, box, share = (torch.randn(2, c, 12, 16, generator=g).to(device) for c in (8, 4, 18))
    conv = BoxConv(8, 4).to(device)
    points = points_in_box(box * 3, share.sigmoid())
    rows, cols = torch.meshgrid(torch.arange(12.0), torch.arange(16.0), indexing="ij")
    taps = torch.tensor([[i, j] for i in (-1.0, 0.0, 1.0) for j in (-1.0, 0.0, 1.0)], device=device)
    regular = torch.stack((rows, cols)).to(device) + taps[:, :, None, None]  # (9, 2, 12, 16)
    wanted = deform_conv2d(x, (points - regular).flatten(1, 2), conv.weight, padding=1)
    torch.testing.assert_close(conv(x, points), wanted, rtol=1e-3, atol=1e-4)
