"""Mixed precision: whether a device can be trusted with it, and bfloat16 on a CPU."""

from __future__ import annotations

import platform
import re
from typing import Any

from .places import originals

# Cards whose half-precision convolutions are known to give NaN in training although a forward pass looks right.
FAULTY_HALF = re.compile(r"GTX 16\d\d|\bT(400|550|600|1000|1200|2000)\b|K40m", re.IGNORECASE)


def half_agrees(device: Any, dtype: Any = None) -> bool:
    """Return whether convolutions in half precision, forward and backward, stay within 2 % of full precision.

    Args:
        device: torch.device to try.
        dtype: half type, torch.float16 unless given.
    """
    import torch
    from torch.nn import functional as F

    generator = torch.Generator().manual_seed(0)  # its own: the seed of the user's run stays untouched
    image = torch.rand(2, 3, 64, 64, generator=generator)
    kernels = [torch.randn(16, c, 3, 3, generator=generator) / (9 * c) ** 0.5 for c in (3, 16, 16)]

    def run(half: bool) -> list[torch.Tensor]:
        weights = [k.to(device).requires_grad_() for k in kernels]
        x = image.to(device)
        with torch.enable_grad(), torch.autocast(device.type, dtype=dtype or torch.float16, enabled=half):
            for w in weights:
                x = F.silu(F.conv2d(x, w, stride=2, padding=1))
        (x.float().square().mean() * 1024).backward()  # scaled as a GradScaler would, against underflow
        return [x.detach().float(), *(w.grad.float() for w in weights)]

    return all((a - b).abs().max() <= 0.02 * b.abs().max() for a, b in zip(run(True), run(False), strict=True))


def local_amp_check(model: Any) -> bool:
    """Decide about mixed precision by a small numeric trial on the model's own device, without fetching weights."""
    import torch
    from ultralytics.utils import LOGGER

    device = next(model.parameters()).device
    if device.type in {"cpu", "mps"}:
        return False
    faulty = device.type == "cuda" and FAULTY_HALF.search(torch.cuda.get_device_name(device))
    if faulty or not half_agrees(device):
        LOGGER.warning(f"half precision is not reliable on {device}: training runs in full precision")
        return False
    return True


def autocast(enabled: Any, device: str = "cuda") -> Any:
    """Mixed precision as ultralytics' `autocast` gives it, and bfloat16 on a CPU too, where that one refuses.

    Args:
        enabled: a bool or a dtype.
        device: type of the device.
    """
    import torch

    if device == "cpu" and enabled is torch.bfloat16:
        return torch.autocast("cpu", torch.bfloat16)
    return originals["ultralytics.engine.trainer", "autocast"](enabled, device=device)


def slow_bfloat16() -> bool:
    """Whether this processor is known to have no instructions for bfloat16, which then takes longer than float32."""
    import torch

    tells = [getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile")]
    return platform.machine() in {"x86_64", "AMD64"} and all(tells) and not any(tell() for tell in tells)
