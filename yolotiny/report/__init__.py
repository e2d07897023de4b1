"""A report on disk: JSON always, plots and one self-contained HTML page where they are wanted."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import InputError
from ..files import write_bytes, write_text
from ..metrics import Evaluation
from .comparison import drawing
from .page import page
from .pictures import Album, check_folder, worst
from .plots import PLOTS, png

__all__ = ["WORST", "Album", "check_folder", "named", "prepare", "write", "write_comparison", "write_json"]

WORST = 12  # images on the page


def named(report: Mapping[str, Any], **about: Any) -> dict[str, Any]:
    """The report with `about` before its figures: what it is of (`data`, `model`, ...), the date and the version."""
    when = datetime.now().astimezone().isoformat(" ", "seconds")
    made = {k: None if v is None else str(v) for k, v in about.items()} | {"date": when, "yolotiny": __version__}
    first = ("protocol", "caps", "imgsz", "data_hash", "images")
    return {k: report[k] for k in first} | {"about": made} | {k: v for k, v in report.items() if k not in first}


def write(
    folder: Path,
    found: Evaluation,
    about: Mapping[str, Any],
    images: Path | Album | None = None,
    count: int = WORST,
    plots: bool = True,
) -> list[Path]:
    """Write `report.json`, and with `plots` the PNG files and `report.html`.

    Args:
        folder: an existing folder; files of an earlier report in it are replaced, each only when the new one is whole.
        found: what was evaluated.
        about: `data`, `model` and the like, for the header.
        images: folder of the pictures, or that and their reader; None draws the boxes without them.
        count: how many of the worst images the page shows.
        plots: False writes the JSON alone.

    Returns:
        the files.

    Raises:
        InputError: a file cannot be written.
    """
    report = write_json(folder / "report.json", found.report, about)
    content: dict[str, bytes] = {}
    if plots:
        drawn = {name: png(name, report) for name in PLOTS}
        content |= {f"{name}.png": data for name, data in drawn.items()}
        content["report.html"] = page(report, drawn, worst(found, count, images)).encode()
    for name, data in content.items():
        write_bytes(folder / name, data)
    return [folder / name for name in ("report.json", *content)]


def write_json(path: Path, report: Mapping[str, Any], about: Mapping[str, Any]) -> dict[str, Any]:
    """Write a report with its `about`, and return it; InputError where the file cannot be written."""
    whole = named(report, **about)
    write_text(path, json.dumps(whole, indent=2) + "\n")
    return whole


def write_comparison(folder: Path, found: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Write `compare.json` and `compare.png` to an existing folder.

    Args:
        folder: where to.
        found: what `metrics.compare` gives.
        about: the files it is of.

    Raises:
        InputError: a file cannot be written.
    """
    when = datetime.now().astimezone().isoformat(" ", "seconds")
    made = {k: str(v) for k, v in about.items()} | {"date": when, "yolotiny": __version__}
    write_text(folder / "compare.json", json.dumps({"about": made} | dict(found), indent=2) + "\n")
    write_bytes(folder / "compare.png", drawing(found, str(about["a"]), str(about["b"])))


def prepare(folder: Path) -> Path:
    """Make a folder for results; raise InputError where it cannot be made or written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise InputError(f"the folder {folder} cannot be made: {e.strerror or e}") from None
    if not os.access(folder, os.W_OK):
        raise InputError(f"the folder {folder} cannot be written")
    return folder
