"""An export that is whole or not there: written to a folder of its own beside its place, and then moved."""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ultralytics.utils import LOGGER

from ..errors import InputError
from ..files import cannot_write, move
from ..shipped import of_package

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

STAGE = ".export-"
FRESH_SECONDS, OLD_SECONDS = 2.0, 86_400.0  # younger folders may be about to be locked; no export takes a day

# What libraries say in place of the system's error: torch, protobuf, OpenVINO.
FAILURE = "export failure"  # how ultralytics begins what it logs of one
FULL = re.compile("No space|quota|File too large|StreamWriter|iostream error|(fail|unable|can ?not).{0,40}writ", re.I)


def export_whole(network: Any, run: Callable[[], str]) -> str:
    """Export so that a full disk or a kill leaves what was there before, and nothing half under its name.

    Args:
        network: the module, whose `pt_path` tells ultralytics where to write: beside the checkpoint, or in the current
            folder for a model file and for shipped weights.
        run: exports it and returns the file or folder.

    Returns:
        the same, at its place.

    Raises:
        InputError: the system cannot write it.
    """
    known = getattr(network, "pt_path", None)
    name = Path(known or network.yaml.get("yaml_file") or "model.yaml")
    ours = known and of_package(name)
    folder = name.parent if known and not ours else Path()
    try:
        remove_left(folder)
        stage = Path(tempfile.mkdtemp(prefix=STAGE, dir=folder))
    except OSError as error:
        raise cannot_write(folder.absolute(), error) from error
    lock = _lock(stage)
    shown = _Shown(stage, folder)
    LOGGER.addFilter(shown)
    network.pt_path = str(stage / f"{name.stem}.pt")
    try:
        # Before anything else, as torch ends the process where a disk gets full under it.
        _check_room(stage, sum(p.numel() * p.element_size() for p in network.parameters()))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch says of its own tracing concerns no user
            file = Path(run())
        _check_room(stage, 1 << 12)  # not every library looks whether its file was written
        for made in sorted(stage.iterdir()):
            move(made, folder / made.name)
        return str(folder / file.relative_to(stage))
    except ImportError as error:
        raise InputError(f"this format needs the package {error.name}: pip install {error.name}") from error
    except Exception as error:
        if not isinstance(error, OSError) and not FULL.search(str(error)):
            raise
        full = error if isinstance(error, OSError) else OSError(errno.ENOSPC, "the disk is full, or a quota is reached")
        raise cannot_write(f"the export of {name.name} to {folder.absolute()}", full) from error
    finally:
        network.pt_path = known
        LOGGER.removeFilter(shown)
        shutil.rmtree(stage, ignore_errors=True)
        _unlock(lock)


def remove_left(folder: Path) -> None:
    """Remove what killed exports left in a folder.

    An export holds a lock on its own as long as it lives; where there are no locks, what is a day old counts as left.
    """
    for left in folder.glob(f"{STAGE}*"):
        try:
            age = time.time() - left.stat().st_mtime
        except OSError:  # it has just gone
            continue
        lock = None if age < FRESH_SECONDS or not left.is_dir() else _lock(left)
        if lock is not None or (fcntl is None and age > OLD_SECONDS):
            shutil.rmtree(left, ignore_errors=True)
            _unlock(lock)


def _lock(folder: Path) -> int | None:
    """Hold a folder until `_unlock`, or the end of this process; None where somebody has it, or it cannot be held."""
    if fcntl is None:
        return None
    handle = None
    try:
        handle = os.open(folder, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        _unlock(handle)
        return None
    return handle


def _unlock(handle: int | None) -> None:
    if handle is not None:
        os.close(handle)


def _check_room(folder: Path, size: int) -> None:
    """Raise OSError where a folder has no room for a file of so many bytes."""
    with tempfile.TemporaryFile(dir=folder) as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        elif shutil.disk_usage(folder).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


NO_SIZE = " (0.0 MB)"  # of a checkpoint, which does not lie where ultralytics measures it


class _Shown(logging.Filter):
    """Puts the place where an export will be into what is logged of the place where it grows.

    Of a failure, whose first line is the reason, it leaves out the network that libraries print behind it.
    """

    def __init__(self, stage: Path, folder: Path):
        super().__init__()
        places = [(stage.absolute(), folder.absolute()), (stage, folder)]
        self.places = [(f"{a}{os.sep}", "" if b == Path() else f"{b}{os.sep}") for a, b in places]

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the line; always True."""
        text = str(record.msg)
        for stage, folder in self.places:
            text = text.replace(stage, folder)
        text = text.removesuffix(NO_SIZE)
        record.msg = text.splitlines()[0] if FAILURE in text else text
        return True
