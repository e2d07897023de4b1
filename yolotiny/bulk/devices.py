"""How many workers there are, and where each computes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._compat import cpu_threads
from ..config.option_table import check
from ..errors import InputError

MOST = 8  # workers on a CPU where nobody says how many: each needs memory for a model of its own


def devices_of(device: Any, engine: str) -> list[str | None]:
    """Where workers compute, in turn: each card that is named, or that there is, else the CPU.

    Args:
        device: as the user named it.
        engine: with ray, each actor sees the card that it was given, and no other.
    """
    if engine == "ray":
        if device not in (None, "cpu"):
            raise InputError(f"device={device}: Ray gives each worker a card; leave device= out, or write device=cpu")
        return [device]
    if device is None:
        import torch

        return [str(n) for n in range(torch.cuda.device_count())] or ["cpu"]
    named = device if isinstance(device, (list, tuple)) else str(device).split(",")
    return [str(each).strip() for each in named]


def workers_for(workers: int | None, devices: list[str | None], engine: str) -> int | None:
    """How many workers there are: as the user said, or one a card, or one a core; None where the cluster says it.

    Raises:
        InputError: none at all.
    """
    if workers is not None:
        check("predict", {"workers": workers})
        if not workers:
            raise InputError("workers=0: somebody has to look at the pictures; give a number from 1 up")
        return workers
    if engine == "ray":
        return None
    if devices != ["cpu"]:
        return len(devices)
    allowed = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return min(len(allowed(0)) if allowed else os.cpu_count() or 1, MOST)


@contextmanager
def threads_shared(workers: int) -> Iterator[None]:
    """While it lasts, processes that are started share the threads that this one may have."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = str(max(cpu_threads() // max(workers, 1), 1))
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
