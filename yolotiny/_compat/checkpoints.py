"""Checkpoints are read, and networks of ultralytics built, without running anything that a file says."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import InputError

_reader: list[Callable[[str], dict[str, Any]]] = []  # what another room reads checkpoints with


def read_checkpoints_by(read: Callable[[str], dict[str, Any]]) -> None:
    """Say what reads checkpoints from now on: file -> its dict, with modules under `model` and `ema`."""
    _reader[:] = [read]


def torch_safe_load(weight: str | Path, safe_only: bool | None = None) -> tuple[dict[str, Any], str]:
    """Read a checkpoint; every way of ultralytics to one ends here. Never unpickles, whatever `safe_only` says.

    Raises:
        InputError: no checkpoint that can be opened.
    """
    file = importlib.import_module("ultralytics.utils.downloads").attempt_download_asset(weight)
    return _reader[0](file), file


def build_theirs(name: str, config: dict[str, Any]) -> Any:
    """A network of ultralytics from its configuration: no text in it is evaluated, no layer of it fetches weights.

    Args:
        name: a class of ultralytics.nn.tasks.
        config: as such a network has it under `yaml`.

    Raises:
        InputError: no such network, or a configuration that does not make one.
    """
    from ultralytics.nn import tasks

    kind = getattr(tasks, {"YOLOv10DetectionModel": "DetectionModel"}.get(name, name), None)
    if not (isinstance(kind, type) and issubclass(kind, tasks.BaseModel)) or kind.__module__ != tasks.__name__:
        raise InputError(f"ultralytics has no network {name}")
    for row in [*config.get("backbone", []), *config.get("head", [])]:
        if row[2] == "TorchVision":
            row[3] = [*row[3][:2], None, *row[3][3:]]
        if not isinstance(row[1], int) or row[1] > 1000:
            raise InputError(f"{row[1]!r} repeats of {row[2]}")
    act, restricted = tasks.Conv.default_act, tasks._SafeLoad._local
    restricted.active = True
    try:
        return kind(config, ch=config.get("channels", config.get("ch", 3)), verbose=False)
    except (KeyError, AttributeError, TypeError, ValueError, IndexError, RuntimeError) as error:
        raise InputError(f"{name} of ultralytics does not take it ({str(error).strip().splitlines()[0]})") from error
    finally:
        restricted.active, tasks.Conv.default_act = False, act
