"""How far a command is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

EVERY = 60.0  # seconds between lines where there is no terminal
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
        start: dict[str, float] = {}

        def show(what: str, done: int, total: int) -> None:
            now = time.monotonic()
            begun, first = start.setdefault("at", now), start.setdefault("done", done)
            if now - start.setdefault("said", now) >= EVERY:
                start["said"] = now
                left = (now - begun) * (total - done) / (done - first)
                print(f"{done} of {total} {what}, about {left / 60:.0f} min left", file=sys.stderr, flush=True)

        yield show
