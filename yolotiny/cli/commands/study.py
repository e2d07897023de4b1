"""The commands study run, study table and study plot: arms of a file, trained with several seeds and compared."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import Any

from ...errors import InputError
from ...text import printable_lines


def run(file: str, profile: str = "small", to: str | None = None, jobs: int = 1, **given: Any) -> None:
    """Train what is left of a study, then print its table."""
    from ... import study

    asked = study.read(file, profile, given)
    folder = study.folder_of(asked, to)
    failed = study.run(asked, folder, jobs)
    with suppress(InputError) if failed else nullcontext():  # it may be that nothing is done
        print()
        _print(asked, folder)
    if failed:
        raise InputError(failed)


def _print(asked: Any, folder: Any) -> None:
    """Print the table and say where it is."""
    from ... import study

    table = study.tabulate(asked, folder)
    print(printable_lines(f"{table}\n\nwritten: {folder / 'table.md'}, {folder / 'runs.csv'}"))


def table(file: str, profile: str = "small", to: str | None = None, **given: Any) -> None:
    """Print the table of what is done, and write it."""
    from ... import study

    asked = study.read(file, profile, given)
    _print(asked, study.folder_of(asked, to))


def plot(file: str, profile: str = "small", to: str | None = None, figures: Any = None, **given: Any) -> None:
    """Draw what is done."""
    from ... import study

    asked = study.read(file, profile, given)
    chosen = figures.split(",") if isinstance(figures, str) else figures or ()
    print(f"drawn: {study.draw(asked, study.folder_of(asked, to), chosen)}")
