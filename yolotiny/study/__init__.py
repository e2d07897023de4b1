"""Studies: arms that differ in one thing, trained alike with several seeds, and what can be said of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import whole
from ..files import write_bytes
from .definition import Study, read
from .driver import Driver
from .plan import plan
from .plot import drawing
from .table import rows_of, write

__all__ = ["Study", "draw", "folder_of", "read", "run", "tabulate"]
MOST_JOBS = 256


def folder_of(study: Study, to: str | None = None) -> Path:
    """Where a study lies: `to`, or runs/study/NAME-PROFILE."""
    return Path(to or f"runs/study/{study.name}-{study.profile}").expanduser()


def run(study: Study, folder: Path, jobs: int = 1, screen: Any = None) -> str:
    """Train all that is not done yet, `jobs` runs at once; the bar goes to `screen`, by default what is printed.

    Returns:
        What to say of runs that have failed, "" where none has.

    Raises:
        InputError: a study that cannot be run, before anything is trained.
    """
    whole(jobs, "jobs", 1, MOST_JOBS)
    return Driver(plan(study, folder), jobs, screen).run()


def tabulate(study: Study, folder: Path) -> str:
    """The table, which is written to table.md, and every run to runs.csv.

    Raises:
        InputError: no run is done.
    """
    return write(study, rows_of(study, folder), folder)


def draw(study: Study, folder: Path, figures: Sequence[str] = ()) -> Path:
    """Draw every run as a dot to plot.png.

    Raises:
        InputError: no run is done, or an unknown figure.
    """
    write_bytes(folder / "plot.png", drawing(study, rows_of(study, folder), figures))
    return folder / "plot.png"
