"""How far the runs of a study are, in one line with the time left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from ..pace import Pace, clock
from .records import Run, epochs_of

WIDTH = 24  # characters


class Bar:
    """How many epochs of how many are done, and how long the rest will take at the speed so far.

    On a terminal it is one line that changes, elsewhere a line each time a run has ended.

    Args:
        runs: all of them.
        screen: where it goes.
    """

    def __init__(self, runs: Sequence[Run], screen: IO[str]):
        self.runs, self.screen = runs, screen
        self.total = sum(map(asked_epochs, runs))
        self.pace, self.told = Pace(self.epochs()), -1

    def epochs(self) -> int:
        """Those behind all runs; a run that is done counts as a whole, wherever it stopped."""
        return sum(
            asked_epochs(run) if run.done else min(epochs_of(run)[0], asked_epochs(run) - 1) for run in self.runs
        )

    def line(self, failed: int = 0, elsewhere: int = 0) -> str:
        """The bar in words."""
        ended, now = sum(run.done for run in self.runs), self.epochs()
        full = round(WIDTH * now / self.total)
        words = [f"[{'#' * full}{'-' * (WIDTH - full)}] {ended}/{len(self.runs)} runs", f"{now}/{self.total} epochs"]
        if ended + failed == len(self.runs):
            words.append(f"{clock(self.pace.spent)} in all")
        else:
            words.append(self.pace.left(now, self.total) or "time left unknown until an epoch is done")
        words += [f"{failed} failed"] * bool(failed) + [f"{elsewhere} in other processes"] * bool(elsewhere)
        return ", ".join(words)

    def show(self, failed: int, elsewhere: int) -> None:
        """Draw it."""
        ended = sum(run.done for run in self.runs) + failed
        if self.screen.isatty():
            self.screen.write(f"\r\x1b[K{self.line(failed, elsewhere)}")
        elif ended != self.told:
            self.screen.write(f"{self.line(failed, elsewhere)}\n")
        self.told = ended
        self.screen.flush()

    def close(self) -> None:
        """End its line."""
        if self.screen.isatty():
            self.screen.write("\n")
            self.screen.flush()


def asked_epochs(run: Run) -> int:
    """The epochs that a run is to have."""
    return max(int(run.settings.get("epochs") or 1), 1)
