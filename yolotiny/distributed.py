"""Counts over all processes that train together.

DistributedDataParallel averages the gradients of N processes, and ultralytics' trainer multiplies the loss by N before,
so what reaches the optimizer is the sum of the gradients. A loss of ours therefore is this process's share of the loss
of the whole batch: a sum over its own pictures, divided by a count over those of all. N processes then learn what one
would from the same pictures, however unevenly objects fall to them.

Outside a process group, and without gradients (in validation processes have unequal numbers of batches), a process
counts for itself, and nothing is sent. Otherwise every process has to ask for the same counts in the same order.
"""

from __future__ import annotations

import socket
import textwrap
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

from .errors import InputError


def training_together() -> bool:
    """Whether this is a training step of one of several processes."""
    return dist.is_available() and dist.is_initialized() and torch.is_grad_enabled()


def world_sum(values: Tensor) -> Tensor:
    """`values`, any shape, the same in each process -> their sum over all of them, same shape, without gradient."""
    values = values.detach()
    if training_together():
        values = values.clone()
        dist.all_reduce(values)
    return values


def gathered(own: Any) -> list[Any]:
    """What each process has, in their order, in the first one; in the others their own alone."""
    parts: list[Any] | None = [None] * dist.get_world_size() if dist.get_rank() == 0 else None
    dist.gather_object(own, parts, dst=0)
    return parts or [own]


def gathered_by_all(own: Any) -> list[Any]:
    """What each process has, in their order, in all of them."""
    parts: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(parts, own)
    return parts


def of_first(value: Any) -> Any:
    """What the first process has, in all of them; outside a process group `value` itself."""
    if not (dist.is_available() and dist.is_initialized()):
        return value
    parts = [value]
    dist.broadcast_object_list(parts, src=0)
    return parts[0]


def need_same(own: Mapping[str, Any]) -> None:
    """Raise InputError in every process where one has something else, or by another name, than the first.

    Args:
        own: what this process has, by the names that a user knows it by.
    """
    parts = gathered_by_all((socket.gethostname(), dict(own)))
    host, first = parts[0]
    for rank, (there, other) in enumerate(parts):
        for key in [k for k in {**first, **other} if first.get(k) != other.get(k)]:
            a, b = (textwrap.shorten(str(x.get(key)), 60, placeholder="...") for x in (first, other))
            raise InputError(
                f"{key} is {a} in process 0 ({host}) and {b} in process {rank} ({there}); start all processes with the "
                "same command, the same data and the same versions"
            )


def world_range(values: Tensor) -> tuple[Tensor, Tensor]:
    """The (n,) `values` of all processes -> the least and the largest, a scalar each; inf and -inf without any."""
    ends = torch.stack([values.new_full((), -torch.inf)] * 2)  # -least, largest: one maximum is asked for both
    if len(values):
        ends = torch.stack((-values.detach().min(), values.detach().max()))
    if training_together():
        dist.all_reduce(ends, op=dist.ReduceOp.MAX)
    return -ends[0], ends[1]
