"""How far a long piece of work is: when that is told, and how long the rest will take."""

from __future__ import annotations

import time

EVERY = 10.0  # seconds between two lines


class Pace:
    """Tells now and then how far work is, and how long the rest takes at the speed so far.

    Args:
        done: of it, before it begins: what an earlier run has done took no time of this one.
        every: seconds between two lines.
    """

    def __init__(self, done: int = 0, every: float | None = None):
        self.before, self.every = done, EVERY if every is None else every
        self.begun = self.told = time.monotonic()

    @property
    def spent(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.begun

    def due(self) -> bool:
        """Whether the last line is long enough ago for another one, which then counts as told."""
        now = time.monotonic()
        if now - self.told < self.every:
            return False
        self.told = now
        return True

    def left(self, done: int, total: int) -> str:
        """`0:05:00 left`; "" where nothing was done yet that would show the speed."""
        gained = done - self.before
        return f"{clock(self.spent * (total - done) / gained)} left" if gained > 0 else ""

    def line(self, done: int, total: int, what: str) -> str:
        """`2 of 4 pictures, 0:00:12 left`."""
        return ", ".join(filter(None, [f"{done:,} of {total:,} {what}", self.left(done, total)]))


def clock(seconds: float) -> str:
    """Hours, minutes and seconds as 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
