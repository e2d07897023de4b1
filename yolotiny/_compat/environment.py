"""What this process was asked for by environment variables, before any library looks at them."""

from __future__ import annotations

import os
import re

from ..errors import InputError
from .silence import silence

_asked: dict[str, str] = {}


def flag(name: str, default: bool = False) -> bool:
    """Whether a variable of the environment is switched on."""
    value = os.environ.get(name)
    return default if value is None else _on(value)


def _on(value: str) -> bool:
    return value.strip().lower() in {"1", "true", "yes", "on", "y", "t"}


def online() -> bool:
    """Whether the user has asked for the network, by `YOLOTINY_ONLINE=1`."""
    return flag("YOLOTINY_ONLINE")


def offline() -> bool:
    """Whether the user has forbidden even what is asked for, by `YOLO_OFFLINE=1`; our own default does not count."""
    return _on(_asked.get("offline", ""))


def prepare() -> None:
    """Set the environment that keeps `import ultralytics` off the network. Cheap: imports nothing.

    Also remembers the user's number of threads before ultralytics puts its own there, and whether it was the user who
    forbade the network.
    """
    _asked.setdefault("offline", os.environ.get("YOLO_OFFLINE", ""))
    _asked.setdefault("threads", os.environ.get("OMP_NUM_THREADS", ""))
    if not online():
        silence()


def need_folder() -> None:
    """Raise InputError where the current folder was removed: the libraries under torch would end the process."""
    try:
        os.getcwd()
    except FileNotFoundError:
        raise InputError("the current folder does not exist any more; go to another one") from None


def cpu_threads() -> int:
    """Threads of a run on the CPU: `OMP_NUM_THREADS` where the user set it, else every core this process may use.

    ultralytics takes one core less, and so half of a machine with two.
    """
    first = _asked.get("threads", "").partition(",")[0].strip()
    if first.isdigit() and int(first):
        return int(first)
    allowed = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def several_processes() -> bool:
    """Whether this is one of several processes that were started together, by torchrun or with its variables.

    Raises:
        InputError: a variable is no whole number, at which `import ultralytics` would end.
    """

    def number(name: str, otherwise: int) -> int:
        text = os.environ.get(name)
        if text is not None and not re.fullmatch(r"\s*-?\d+\s*", text):
            raise InputError(f"{name}={text!r} in the environment is no whole number; unset it, or let torchrun set it")
        return otherwise if text is None else int(text)

    if number("WORLD_SIZE", 1) <= 1:
        return False
    for name in ("LOCAL_RANK", "MASTER_PORT"):
        number(name, 0)
    return number("RANK", -1) >= 0
