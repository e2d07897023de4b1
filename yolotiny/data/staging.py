"""A conversion grows in a hidden folder and moves to its place when it is whole, so that it can stop and go on."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..data_file import SPLITS
from ..errors import InputError
from ..files import write_text
from .records import Dataset

FOLDERS = ("images", "labels", "ignore", "annotations")
PART = ".part"  # the folder in its target in which a data set grows
ABOUT = "conversion.json"  # what a folder was made from


def check_free(to: Path, force: bool) -> None:
    """Raise InputError when `to` is a file, or holds more than an unfinished conversion and `force` is False."""
    if to.exists() and not to.is_dir():
        raise InputError(f"{to} is a file; name a folder to write to")
    going_on = (to / PART / ABOUT).is_file() and not (to / "data.yaml").exists()
    if to.is_dir() and not _nothing_yet(to) and not (force or going_on):
        raise InputError(
            f"folder {to} is not empty; name another one, or pass force=True to replace the data set in it"
        )


def _nothing_yet(to: Path) -> bool:
    """Whether a folder is empty, or holds no more than what a conversion leaves that could not begin."""
    inside = list(to.iterdir())
    return not inside or (inside == [to / PART] and {p.name for p in inside[0].iterdir()} <= {f".{ABOUT}"})


def prepare(to: Path, force: bool) -> None:
    """Make `to` ready to be written: new or empty, unless `force`, which removes what an earlier run wrote."""
    check_free(to, force)
    for stale in (to / "data.yaml", *to.glob("labels/*.cache")):  # the trainer's label cache would outlive the labels
        stale.unlink(missing_ok=True)
    for folder in FOLDERS:
        for split in (*SPLITS, *(f"{s}.json" for s in SPLITS)):
            _remove(to / folder / split)
    to.mkdir(parents=True, exist_ok=True)


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)


def fingerprint(data: Dataset) -> str:
    """A number that changes with any picture of the source: its name, size, date, or tile."""
    found = hashlib.sha256()
    for split, records in data.splits.items():
        last, state = None, ""
        for r in records:
            if r.image != last:
                there = r.image.stat()
                last, state = r.image, f"{there.st_size} {there.st_mtime_ns}"
            found.update(f"{split} {r.image} {state} {r.name} {r.window} {r.width}\n".encode())
    return found.hexdigest()[:16]


def open_stage(to: Path, about: Mapping[str, Any], force: bool) -> Path:
    """Make the folder in which the data set grows, or take up the one that an interrupted conversion left.

    Args:
        to: where the data set will be.
        about: what it is made from; only the same conversion may go on.
        force: start anew where another conversion was interrupted.

    Returns:
        the folder: pictures in it are complete, everything else is to be written again.
    Raises:
        InputError: another conversion was interrupted there.
    """
    stage = to / PART
    marker = stage / ABOUT
    if marker.is_file() and marker.read_text(encoding="utf-8") != _text(about):
        if not force:
            raise InputError(
                f"{to} holds an unfinished conversion with other options or another source; repeat those to go on "
                "with it, or pass force=True to start anew"
            )
        shutil.rmtree(stage)
    stage.mkdir(parents=True, exist_ok=True)
    for folder in FOLDERS[1:]:
        _remove(stage / folder)
    write_text(marker, _text(about))
    return stage


def _text(about: Mapping[str, Any]) -> str:
    return json.dumps(about, indent=2) + "\n"


def take_over(stage: Path, to: Path) -> None:
    """Move a complete data set to its place, over what was there; data.yaml comes last."""
    prepare(to, force=True)
    for folder in FOLDERS:
        (to / folder).mkdir(exist_ok=True)
        for entry in sorted((stage / folder).iterdir()):
            os.replace(entry, to / folder / entry.name)
        (stage / folder).rmdir()
    rank = {"data.yaml": 1, ABOUT: 2}
    for entry in sorted(stage.iterdir(), key=lambda p: rank.get(p.name, 0)):
        os.replace(entry, to / entry.name)
    stage.rmdir()
