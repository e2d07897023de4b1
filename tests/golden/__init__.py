"""Outcomes of fixed cases, recorded once: a change that moves code has to leave them as they are."""

from __future__ import annotations

import platform
from pathlib import Path

import torch

FILE = Path(__file__).with_name("recorded.npz")


def machine() -> str:
    """What decides about the last bit of a sum: equal here, equal outcomes."""
    return f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, {platform.machine()}"
