"""A wider network that finds exactly what a trained one finds, to time what a larger model would take.

    python benchmarks/widen.py model=best.pt width=0.5 to=wide.pt

Weights of the trained network stand among zeros in one of the same depth: the channels that are added stay zero and
change nothing. Convolutions do not skip zeros, so each costs what a trained one of that width costs, and what follows
the network has the same work. `width` is that of the scales in a model file and above the trained one: 0.25 is that of
YOLOv5n, 0.5 of YOLOv5s.
"""

from __future__ import annotations

import sys
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
OPTIONS = {"model": "", "width": 0.0, "to": ""}


def fill(theirs: nn.Conv2d, wide: nn.Conv2d, args: tuple[Any, ...]) -> None:
    """Before a convolution first runs: its weights, on those channels of its input that carry something."""
    alive = (args[0].abs().amax((0, 2, 3)) > 0).nonzero()[:, 0]
    if len(alive) != theirs.in_channels:
        sys.exit(f"{len(alive)} channels carry something where the trained network has {theirs.in_channels}")
    weight = torch.zeros_like(wide.weight)
    weight[: theirs.out_channels, alive] = theirs.weight
    wide.weight.data = weight
    if wide.bias is not None:
        wide.bias.data.zero_()
        wide.bias.data[: theirs.out_channels] = theirs.bias.data


def widen(small: nn.Module, wide: nn.Module) -> nn.Module:
    """`wide`, of the same depth, made to answer as `small` does."""
    trained, hooks = dict(small.named_modules()), []
    for name, module in wide.named_modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_pre_hook(partial(fill, trained[name])))
        elif isinstance(module, nn.BatchNorm2d):
            ours, theirs = module, trained[name]
            ours.eps = theirs.eps
            for key in ("weight", "bias", "running_mean"):
                values = getattr(ours, key).data.zero_()
                values[: theirs.num_features] = getattr(theirs, key)
            ours.running_var.fill_(1)[: theirs.num_features] = theirs.running_var
        for key, values in module.named_buffers(recurse=False):
            if values.shape == getattr(trained[name], key).shape:  # anchors
                values.copy_(getattr(trained[name], key))
    wide.eval()
    with torch.no_grad():
        wide(torch.rand(2, 3, 256, 256))
    for hook in hooks:
        hook.remove()
    return wide


def main() -> None:
    """Write the wider checkpoint and say how far its answers lie from the trained one's."""
    from benchmarks.words import options_of
    from yolotiny import YOLO
    from yolotiny.detector import Detector

    model, width, to = options_of(sys.argv[1:], OPTIONS, list(OPTIONS)).values()
    trained = YOLO(model)
    small = trained.model.float().eval()
    cfg = deepcopy(small.yaml)
    scale = cfg["scales"][cfg["scale"]]
    if not width > scale[1]:
        sys.exit(f"width={width}: give a number above {scale[1]}, the width of {model}")
    scale[1] = width
    wide = widen(small, Detector(cfg))
    wide.names, wide.args = small.names, small.args
    x = torch.rand(1, 3, 320, 320)
    with torch.no_grad():
        apart = float((wide(x)[0] - small(x)[0]).abs().max())
    sizes = [sum(p.numel() for p in m.parameters()) for m in (small, wide)]
    trained.model = wide
    trained.save(to)
    print(f"{to}: {sizes[1]:,} parameters for {sizes[0]:,}, answers apart by {apart:.1g} at most")


if __name__ == "__main__":
    main()
