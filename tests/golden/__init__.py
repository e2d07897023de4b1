"""Outcomes of fixed cases, recorded once: a change that moves code has to leave them as they are."""

from __future__ import annotations

import platform
from pathlib import Path

import torch

from yolotiny._compat import cpu_threads

FILE = Path(__file__).with_name("recorded.npz")


def machine() -> str:
    """What decides about the last bit of a sum: equal here, equal outcomes."""
    kind = torch.backends.cpu.get_cpu_capability()
    threads = cpu_threads()  # as the process began: libraries split sums by it, whatever torch is told later
    return f"torch {torch.__version__}, {kind}, {platform.machine()}, threads {threads}"
