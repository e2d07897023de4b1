"""`freeze=`: layers that keep their weights, checked before a run and told in one line."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from ultralytics.utils import LOGGER, RANK

from ..errors import InputError

FREEZES = "Freezing layer "  # how ultralytics begins the line of each tensor


def check_freeze(asked: Any, model: nn.Module) -> int | list[str]:
    """What ultralytics is to be given for `freeze=`.

    Args:
        asked: so many first layers, a name, or a list of numbers and names: `23` or `23.cv2`.
        model: a detector.

    Raises:
        InputError: a layer that is not there, or all of them.
    """
    layers = [name for name, _ in model.model.named_children()]
    tensors = [name for name, _ in model.model.named_parameters()]
    if isinstance(asked, (int, float)) and asked >= len(layers):
        raise InputError(f"freeze={asked}: the model has {len(layers)} layers, and one has to learn")
    if isinstance(asked, (int, float)):
        return int(asked)
    chosen = [str(int(part) if isinstance(part, float) else part) for part in _listed(asked)]
    for part in chosen:
        if not any(tensor.startswith(f"{part}.") for tensor in tensors):
            raise InputError(
                f"freeze={part}: no layer of that name has weights; write a number up to {len(layers) - 1}, or a name "
                f"such as {tensors[-1].rpartition('.')[0]}"
            )
    if all(any(tensor.startswith(f"{part}.") for part in chosen) for tensor in tensors):
        raise InputError("freeze= names all layers, and one has to learn")
    return chosen


def _listed(asked: Any) -> list[Any]:
    return list(asked) if isinstance(asked, (list, tuple)) else [asked]


@contextmanager
def frozen_in_one_line() -> Iterator[None]:
    """Keep back the lines in which ultralytics tells each frozen tensor; one line at the end counts them."""
    told: list[str] = []

    def keep_back(record: logging.LogRecord) -> bool:
        if of_tensor := record.getMessage().startswith(FREEZES):
            told.append(record.getMessage())
        return not of_tensor

    LOGGER.addFilter(keep_back)
    try:
        yield
    finally:
        LOGGER.removeFilter(keep_back)
    if told and RANK in {-1, 0}:
        LOGGER.info(f"freeze: {len(told)} tensors keep their values")
