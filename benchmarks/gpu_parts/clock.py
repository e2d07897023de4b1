"""A clock for work on a device."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch


def finish(device: str) -> None:
    """Wait for what the device still computes."""
    if device == "cuda":
        torch.cuda.synchronize()


def median_ms(work: Callable[[], Any], device: str, toy: bool = False) -> float:
    """Median milliseconds of `work`, the device waited for, after two runs that warm it up."""
    least, seconds = (1, 0.0) if toy else (5, 1.0)
    for _ in range(1 if toy else 2):
        work()
    finish(device)
    times: list[float] = []
    while len(times) < least or sum(times) < seconds:
        start = time.perf_counter()
        work()
        finish(device)
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def mean_ms(work: Callable[[], Any], device: str, toy: bool = False) -> float:
    """Mean milliseconds of work that draws on a store: first it is used up, then the pace of what fills it counts."""
    before, count = (1, 2) if toy else (20, 20)  # eight workers of a loader have two batches each in store
    for _ in range(before):
        work()
    finish(device)
    start = time.perf_counter()
    for _ in range(count):
        work()
    finish(device)
    return 1e3 * (time.perf_counter() - start) / count


def peak_gb(device: str) -> dict[str, float]:
    """Most memory that tensors had since the count was reset; nothing on a CPU."""
    return {} if device == "cpu" else {"GB": torch.cuda.max_memory_allocated() / 2**30}
