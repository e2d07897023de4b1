"""SARL, a scale-aware relay layer: between backbone and neck, coarse levels say what finer ones should attend to.

Source: Scale-Aware Relay and Scale-Adaptive Loss (arXiv 2511.09891). It names the two modules FIM and FEM and what they
are for, and leaves their inside to a figure that is missing from it; no code is public. What stands here is built from
that description: levels keep number, channels and size; the semantics of a level reweight the next finer one, from the
coarsest down. Gammas of zero make the layer an identity at first, so a pretrained detector starts as it was.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from ultralytics.nn.modules import Conv

from ..errors import InputError, did_you_mean
from .gates import ChannelGate, SpatialGate

GATES, RELAYS = ("channel", "spatial", "both"), ("progressive", "adjacent")
LEAST = 8  # hidden channels of a gate, however narrow the level


def _gates(c: int, gate: str, reduction: int) -> nn.ModuleList:
    """The gates of one level, in the order in which they act."""
    channel = [ChannelGate(c, max(c // reduction, LEAST))] if gate != "spatial" else []
    return nn.ModuleList([*channel, *([SpatialGate()] if gate != "channel" else [])])


class Interaction(nn.Module):
    """FIM: a finer level is reweighted by what the next coarser one sees; nothing of the coarser one is added to it.

    Args:
        c: channels of the finer level.
        c_high: channels of the coarser level.
        gate, reduction, gamma_init: see `SARL`.
    """

    def __init__(self, c: int, c_high: int, gate: str, reduction: int, gamma_init: float):
        super().__init__()
        self.project = Conv(c_high, c, 1)
        self.gates = _gates(c, gate, reduction)
        self.gamma = nn.Parameter(torch.full((c, 1, 1), float(gamma_init)))

    def forward(self, x: Tensor, high: Tensor) -> Tensor:
        """(B, c, H, W) and (B, c_high, h, w) -> (B, c, H, W)."""
        guide = F.interpolate(self.project(high), size=x.shape[-2:], mode="nearest")
        weighted = x
        for gate in self.gates:
            weighted = weighted * gate(guide)
        return x + self.gamma.to(x.dtype) * weighted


class Enhancement(nn.Module):
    """FEM: a level is reweighted by itself, channels first and then places.

    Args:
        c: channels.
        gate, reduction, gamma_init: see `SARL`.
    """

    def __init__(self, c: int, gate: str, reduction: int, gamma_init: float):
        super().__init__()
        self.gates = _gates(c, gate, reduction)
        self.gamma = nn.Parameter(torch.full((c, 1, 1), float(gamma_init)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, c, H, W) -> same shape."""
        weighted = x
        for gate in self.gates:
            weighted = weighted * gate(weighted)
        return x + self.gamma.to(x.dtype) * weighted


class SARL(nn.Module):
    """Top-down relay: the coarsest level enhances itself, then each finer one interacts with it and enhances itself.

    Args:
        ch, strides: given by the graph; levels run from fine to coarse.
        fim: let each level interact with the next coarser one.
        fem: let each level enhance itself.
        gate: "channel", "spatial" or "both".
        relay: "progressive" passes on what the coarser level became, "adjacent" what it was.
        gamma_init: what the reweighted part starts with: 0 an identity, 1 attention from the first step.
        reduction: channels of a level per hidden channel of its channel gate.

    Raises:
        InputError: fewer than two levels, levels out of order, an unknown switch.
    """

    def __init__(
        self,
        ch: list[int],
        strides: list[float],
        fim: bool = True,
        fem: bool = True,
        gate: str = "both",
        relay: str = "progressive",
        gamma_init: float = 0.0,
        reduction: int = 16,
    ):
        super().__init__()
        if len(ch) < 2 or strides != sorted(set(strides)):
            raise InputError(f"SARL needs two levels or more, from fine to coarse; its inputs have strides {strides}")
        for name, value, known in (("gate", gate, GATES), ("relay", relay, RELAYS)):
            if value not in known:
                raise InputError(f"SARL: unknown {name} {value!r}{did_you_mean(str(value), known)}")
        if not (fim or fem):
            raise InputError("SARL without fim and without fem does nothing; leave the insert out")
        self.progressive = relay == "progressive"
        pairs = zip(ch[:-1], ch[1:], strict=True)
        self.fim = nn.ModuleList(Interaction(c, high, gate, reduction, gamma_init) for c, high in pairs if fim)
        self.fem = nn.ModuleList(Enhancement(c, gate, reduction, gamma_init) for c in ch if fem)

    def forward(self, x: list[Tensor]) -> list[Tensor]:
        """Levels (B, c_l, H_l, W_l), fine to coarse -> as many, of the same shapes."""
        out = list(x)
        for level in reversed(range(len(x))):
            if self.fim and level + 1 < len(x):
                high = out[level + 1] if self.progressive else x[level + 1]
                out[level] = self.fim[level](out[level], high)
            if self.fem:
                out[level] = self.fem[level](out[level])
        return out
