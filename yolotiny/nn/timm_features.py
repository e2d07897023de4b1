"""Backbones of timm, and the fusion of their levels at the finest stride."""

from __future__ import annotations

import functools
import importlib.util
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from ultralytics.utils import LOGGER

from .._compat import online
from ..errors import InputError, did_you_mean

REGISTERED = re.compile(r"^@register_model\s+def (\w+)\(", re.M)
HUB_FILES = ("model.safetensors", "pytorch_model.bin")


class FixedNorm(nn.BatchNorm2d):
    """A batch norm that keeps its eps and momentum: ultralytics rewrites those of plain BatchNorm2d, and pretrained
    statistics belong to theirs."""


def local_weights(arch: str) -> Path:
    """Where timm's weights of a model lie on this machine if it has fetched them before.

    Raises:
        FileNotFoundError: they are not there.
    """
    import timm
    from huggingface_hub import try_to_load_from_cache

    about = timm.get_pretrained_cfg(arch)
    places = [about.hf_hub_id and try_to_load_from_cache(about.hf_hub_id, name) for name in HUB_FILES]
    places.append(about.url and Path(torch.hub.get_dir(), "checkpoints", Path(about.url).name))
    for place in places:
        if isinstance(place, (str, Path)) and place and Path(place).is_file():
            return Path(place)
    raise FileNotFoundError("they are not on this machine")


@functools.cache
def shipped_models() -> list[str]:
    """The names of timm's models, read from its source: a wrong one is told without the second of its import."""
    found = importlib.util.find_spec("timm")
    if found is None or found.origin is None:
        raise InputError("TimmFeatures needs the package timm: pip install timm")
    files = Path(found.origin).with_name("models").glob("*.py")
    return sorted(name for file in files for name in REGISTERED.findall(file.read_text("utf-8")))


_following: ContextVar[bool] = ContextVar("tensors follow", default=False)


@contextmanager
def tensors_follow() -> Iterator[None]:
    """Networks built in here get their tensors from a checkpoint: `pretrained` fetches nothing."""
    token = _following.set(True)
    try:
        yield
    finally:
        _following.reset(token)


class TimmFeatures(nn.Module):
    """Features of a timm model at strides 4, 8, 16 and 32.

    Args:
        arch: a model of timm, such as hrnet_w48 (its four branches as they are) or resnet50.
        pretrained: start from timm's weights where they are on this machine, or may be fetched (YOLOTINY_ONLINE=1);
            else from random ones, with a warning.
        image_channels: channels of the picture.
    Raises:
        InputError: a model that timm does not have, or that gives no such features.
    """

    def __init__(self, arch: str, pretrained: bool = False, image_channels: int = 3):
        if "timm" not in sys.modules and arch not in (known := shipped_models()):
            raise InputError(f"timm has no model {arch!r}{did_you_mean(arch, known)}")
        import timm  # takes a second, which other models need not wait

        super().__init__()
        if arch not in (known := timm.list_models()):
            raise InputError(f"timm has no model {arch!r}{did_you_mean(arch, known)}")
        options: dict[str, Any] = {"features_only": True, "out_indices": (1, 2, 3, 4), "in_chans": image_channels}
        if arch.startswith("hrnet"):
            options["feature_location"] = ""  # the branches themselves, not those widened for classification
        pretrained = pretrained and not _following.get()
        if pretrained:
            try:
                here = {} if online() else {"pretrained_cfg_overlay": {"file": str(local_weights(arch))}}
                self.m = timm.create_model(arch, pretrained=True, **here, **options)
            except Exception as error:  # whatever stands between this machine and the weights
                reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
                hint = "" if online() else "; YOLOTINY_ONLINE=1 fetches them"
                LOGGER.warning(f"{arch} starts from random weights: timm's could not be had ({reason}){hint}")
                pretrained = False
        if not pretrained:
            try:
                self.m = timm.create_model(arch, **options)
            except (RuntimeError, AssertionError, IndexError) as error:
                raise InputError(f"{arch} of timm gives no features at strides 4 to 32: {error}") from error
        for norm in self.m.modules():
            if type(norm) is nn.BatchNorm2d:
                norm.__class__ = FixedNorm

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, c, H, W) -> maps (B, c_s, H/s, W/s) at strides s of 4, 8, 16 and 32."""
        return self.m(x)


class UpsampleConcat(nn.Module):
    """Levels brought to the size of the first, side by side, through a 1x1 convolution.

    Args:
        ch: channels of the levels, the finest first.
        c2: channels out.
        smooth: a 3x3 convolution behind, as mmdetection's HRFPN has it.
    Raises:
        InputError: a smooth that is not true or false.
    Source: Sun et al. 2019 (HRNet, the fusion of HRFPN), with one level out.
    """

    def __init__(self, ch: list[int], c1: int, c2: int, smooth: bool = False):
        super().__init__()
        if not isinstance(smooth, bool):
            raise InputError(f"UpsampleConcat: smooth must be true or false, not {smooth!r}")
        self.conv = nn.Conv2d(sum(ch), c2, 1)
        self.smooth = nn.Conv2d(c2, c2, 3, padding=1) if smooth else nn.Identity()

    def forward(self, x: list[Tensor]) -> Tensor:
        """Per level (B, c, H, W) -> (B, c2, H, W) of the first."""
        size = x[0].shape[-2:]
        rest = [F.interpolate(f, size=size, mode="bilinear", align_corners=False) for f in x[1:]]
        return self.smooth(self.conv(torch.cat((x[0], *rest), 1)))
