"""An export that is whole or not there: written to a folder of its own beside its place, and then moved."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ultralytics.utils import LOGGER

from .errors import InputError
from .files import cannot_write, move
from .loaders.trained import as_metadata
from .training_stats import TrainingStats

# What libraries say in place of the system's error: torch, protobuf, OpenVINO.
FAILURE = "export failure"  # how ultralytics begins what it logs of one
FULL = re.compile("No space|quota|File too large|StreamWriter|iostream error|(fail|unable|can ?not).{0,40}writ", re.I)


def export_whole(network: Any, run: Callable[[], str]) -> str:
    """Export so that a full disk or a kill leaves what was there before, and nothing half under its name.

    Args:
        network: the module, whose `pt_path` tells ultralytics where to write: beside the checkpoint, or in the current
            folder for a model file.
        run: exports it and returns the file or folder.

    Returns:
        the same, at its place.

    Raises:
        InputError: the system cannot write it.
    """
    known = getattr(network, "pt_path", None)
    name = Path(known or network.yaml.get("yaml_file") or "model.yaml")
    folder = name.parent if known else Path()
    try:
        stage = Path(tempfile.mkdtemp(prefix=".export-", dir=folder))
    except OSError as error:
        raise cannot_write(folder.absolute(), error) from error
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


def check_layers(network: Any, options: Mapping[str, Any]) -> None:
    """See that every layer can be exported as is asked for.

    Args:
        network: its layers may say which version of ONNX' operators they need (`least_opset`), and that what they do
            depends on the size of the input (`one_size`).
        options: of the export.

    Raises:
        InputError: `opset` is too low, or `dynamic` asks for any size.
    """
    opset = options.get("opset")
    least = max((getattr(layer, "least_opset", 0) for layer in network.modules()), default=0)
    if opset is not None and opset < least:
        raise InputError(
            f"opset={opset}: this model needs opset={least} or a later one; left out, torch's best is taken"
        )
    if options.get("dynamic") and any(getattr(layer, "one_size", False) for layer in network.modules()):
        raise InputError(
            "dynamic=True does not go with a head of two stages, whose proposals are counted for one size of input and "
            "number of pictures; leave it out, and export a file for each imgsz"
        )


@contextlib.contextmanager
def sizes_noted(network: Any, started: list[Callable[[Any], None]]) -> Iterator[None]:
    """While it lasts, exports know what was measured on the training data.

    Args:
        network: has it in its configuration.
        started: ultralytics' callbacks at the start of an export.
    """
    sizes = replace(TrainingStats.of(network), object_areas=None).known()  # metadata are single values
    sizes |= as_metadata(network)
    note = lambda exporter: exporter.metadata.update(sizes)  # noqa: E731
    started.append(note)
    try:
        yield
    finally:
        started.remove(note)


def _check_room(folder: Path, size: int) -> None:
    """Raise OSError where a folder has no room for a file of so many bytes."""
    with tempfile.TemporaryFile(dir=folder) as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        elif shutil.disk_usage(folder).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


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
        record.msg = text.splitlines()[0] if FAILURE in text else text
        return True
