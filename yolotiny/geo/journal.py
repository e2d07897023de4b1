"""What each window found, a line each, on disk as it is found: a run that was cut off goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..files import cannot_write
from ..text import printable

SUFFIX = ".windows.jsonl"  # behind the name of the raster
SEEN, EMPTY, FAULT = "seen", "empty", "fault"  # what became of a window
Entry = tuple[str, np.ndarray]


class Journal:
    """The file beside the output in which a run notes its windows.

    Its first line says what the run is. A line that a cut left half is not there.

    Args:
        path: the file.
        about: what the run is, ready for JSON; only the same run goes on.

    Attributes:
        entries: (what became of it, (n, 6) rows found, xyxy in pixels of the raster, score, class) of each window that
            is done, by its number.
        objects: how many rows there are in all.

    Raises:
        InputError: the file is of another run, or cannot be written.
    """

    def __init__(self, path: Path, about: Mapping[str, Any]):
        self.path = path
        self.entries: dict[int, Entry] = {}
        head = json.dumps(about, sort_keys=True)
        lines = _whole_lines(path)
        if lines and (other := difference(json.loads(lines[0]), json.loads(head))):
            raise InputError(f"{path} is of a run that was cut off, {other}; repeat that to go on, or remove the file")
        for line in lines[1:]:
            entry = json.loads(line)
            self.entries[entry["window"]] = entry["state"], np.array(entry["rows"], np.float32).reshape(-1, 6)
        self.objects = sum(len(rows) for _, rows in self.entries.values())
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if lines:
                os.truncate(path, sum(len(line) + 1 for line in lines))
            else:
                path.unlink(missing_ok=True)
                self._write(head)
        except OSError as error:
            raise cannot_write(path, error) from error

    def add(self, window: int, state: str, rows: np.ndarray) -> None:
        """Note what became of a window, and (n, 6) what it found: xyxy in pixels of the raster, score, class.

        Raises:
            InputError: the system cannot write it.
        """
        try:
            self._write(json.dumps({"window": window, "state": state, "rows": rows.tolist()}))
        except OSError as error:
            raise cannot_write(self.path, error, f"{len(self.entries)} windows before it are kept there") from error
        self.entries[window] = state, rows
        self.objects += len(rows)

    def _write(self, line: str) -> None:
        with self.path.open("ab", buffering=0) as file:  # not held open: a run may be of thousands of rasters
            left = memoryview(line.encode() + b"\n")
            while left:
                left = left[file.write(left) :]

    def remove(self) -> None:
        """Take the file away: the output is written."""
        self.path.unlink(missing_ok=True)


def _whole_lines(path: Path) -> list[bytes]:
    """The lines of a journal that were written to their end; none where there is no file, or it is none."""
    if not path.is_file():
        return []
    *lines, _ = path.read_bytes().split(b"\n")
    for i, line in enumerate(lines):
        try:
            json.loads(line)
        except ValueError:
            return lines[:i]
    return lines


def unfinished(folder: Path, name: str, about: Mapping[str, Any]) -> Path | None:
    """Where a run that was cut off left its journal.

    Args:
        folder: of the runs.
        name: of a run; those numbered behind it are looked into as well, the newest first.
        about: what the run is; its `name` is that of the raster.

    Returns:
        the folder of that run; None where there is none.
    """
    head = json.loads(json.dumps(about))
    if not folder.is_dir():
        return None
    runs = [p for p in folder.iterdir() if p.is_dir() and p.name.removeprefix(name).lstrip("-").isdecimal()]
    for run in sorted({*runs, folder / name}, key=lambda p: -os.path.getmtime(p) if p.exists() else 0):
        lines = _whole_lines(run / f"{about['name']}{SUFFIX}")
        if lines and not difference(json.loads(lines[0]), head):
            return run
    return None


def difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """In which the first of what two runs are differs, in words; "" where they are the same."""
    for key in sorted({*before, *now}):
        if isinstance(before.get(key), dict) and isinstance(now.get(key), dict):
            if said := difference(before[key], now[key]):
                return said
        elif before.get(key) != now.get(key):
            return f"with {key}={printable(before.get(key))} and not {printable(now.get(key))}"
    return ""
