"""How much a model file may ask for: a layer is weighed before it is built.

A few characters (`repeats: 100000000`, `[1000000000]`) can ask for more memory than there is, and the system then ends
the program, or others. A layer that could be large is built on torch's meta device first, which allocates nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from .errors import InputError

REPEATS = 100  # of a row after scaling; the deepest known model has 12
NUMBER = 65_536  # no width or size is larger
WINDOW = 255  # pixels; the largest kernel known has 51, and pooling takes time with the square of it
PARAMETERS = 1_000_000_000  # of a layer; the largest known model has 0.1 of it
OUTPUT = 1 << 24  # numbers that a layer may give for the small picture that channels are measured with
SUSPICIOUS = 1_024  # layers of ours and of ultralytics whose numbers stay below are not weighed
KERNEL = re.compile(r"k|ks|(\w+_)?kernel(_size)?")  # arguments that are the side of a window
COUNT = re.compile(r"n|depth|(num_)?(\w+_)?(layers|blocks|repeats|stacks)")  # arguments that count parts


def check_layer(
    target: Callable[..., nn.Module], kwargs: Mapping[str, Any], repeats: int, x: Tensor | list[Tensor], where: str
) -> None:
    """Weigh a layer before it is built.

    Args:
        target: builds the layer.
        kwargs: with these arguments.
        repeats: so many times.
        x: its input, (B, c, H, W), or a list of such.
        where: file and row.
    Raises:
        InputError: it is too large to be built.
    """
    for key, value in kwargs.items():
        most = REPEATS if COUNT.fullmatch(key) else NUMBER
        _check_numbers(key, value, most, where)
    if repeats > REPEATS:
        raise InputError(f"{where}: a row is repeated at most {REPEATS} times, not {repeats:,} times")
    usual = target.__module__.startswith(("yolotiny.", "ultralytics."))
    if not usual or max(map(abs, numbers(list(kwargs.values()))), default=0) > SUSPICIOUS:
        _weigh(target, kwargs, repeats, x, where)
    for key, value in kwargs.items():
        if KERNEL.fullmatch(key):
            _check_numbers(key, value, WINDOW, where)


def _check_numbers(key: str, value: Any, most: int, where: str) -> None:
    for number in numbers(value):
        if not abs(number) <= most:
            raise InputError(f"{where}: {key}={number:g} is more than a layer can have; at most {most:,}")


def _weigh(target: Callable[..., nn.Module], kwargs: Mapping[str, Any], repeats: int, x: Any, where: str) -> None:
    """Raise InputError for a layer that holds or gives too many numbers, which its form without any tells."""
    try:
        with torch.device("meta"), torch.no_grad():
            made = target(**kwargs)
            held = sum(p.numel() for p in [*made.parameters(), *made.buffers()]) * repeats
            given = held if held > PARAMETERS else _size(made.eval()(_meta(x)))
    except Exception:  # not every layer can be built so; what is wrong with it is told when it is built for good
        return
    if held > PARAMETERS:
        raise InputError(f"{where}: it would have {held:,} parameters; at most {PARAMETERS:,} are built")
    if given > OUTPUT:
        raise InputError(f"{where}: its output would have {given:,} numbers; at most {OUTPUT:,} are computed")


def numbers(value: Any) -> Iterator[float]:
    """Every number in a value of a YAML, except infinity, by which some arguments mean that there is no limit."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isinf(value):
        yield value
    elif isinstance(value, Mapping):
        yield from numbers(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from numbers(item)


def _meta(x: Any) -> Any:
    return [f.to("meta") for f in x] if isinstance(x, list) else x.to("meta")


def _size(y: Any) -> int:
    if isinstance(y, Tensor):
        return y.numel()
    return sum(map(_size, y)) if isinstance(y, (list, tuple)) else 0
