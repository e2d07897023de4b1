"""How far a command is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ...pace import Pace

SELDOM = 60.0  # seconds between lines where there is no terminal, of work that may take hours
Progress = Callable[[str, int, int], None]  # what, how many are done, of how many


@contextmanager
def progress_bar(unit: str = "image") -> Iterator[Progress | None]:
    """A bar for each split on stderr, where that is a terminal; else nothing."""
    if not sys.stderr.isatty():
        yield None
        return
    from ultralytics.utils import TQDM

    bars: dict[str, Any] = {}

    def show(split: str, done: int, total: int) -> None:
        if split not in bars:
            for bar in bars.values():
                bar.close()
            bars[split] = TQDM(total=total, desc=split, unit=unit, file=sys.stderr)
        bars[split].update(done - bars[split].n)

    try:
        yield show
    finally:
        for bar in bars.values():
            bar.close()


@contextmanager
def progress_lines(unit: str = "image") -> Iterator[Progress]:
    """A bar on a terminal; elsewhere a line a minute, with the time that is left."""
    with progress_bar(unit) as bar:
        if bar is not None:
            yield bar
            return
        paces: list[Pace] = []

        def show(what: str, done: int, total: int) -> None:
            if not paces:  # what is done by now may be of an earlier run
                paces.append(Pace(done, SELDOM))
            elif paces[0].due():
                print(paces[0].line(done, total, what), file=sys.stderr, flush=True)

        yield show
