"""Outcomes of fixed cases, recorded once: a change that moves code has to leave them as they are."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch

FILE = Path(__file__).with_name("recorded.npz")


def machine() -> str:
    """What decides about the last bit of a sum: equal here, equal outcomes."""
    threads = os.environ.get("OMP_NUM_THREADS", "all")  # libraries split sums by them, whatever torch is told later
    kind = torch.backends.cpu.get_cpu_capability()
    return f"torch {torch.__version__}, {kind}, {platform.machine()}, {threads} threads"
