"""One raster: its windows, those that hold data, through a callback; a run that was cut off goes on at its window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from ..pace import Pace, clock
from ..pictures.files import Unreadable
from ..rasters.levels import Levels
from ..rasters.raster import Raster, Window
from ..rasters.view import View
from .journal import EMPTY, FAULT, SEEN, Journal
from .windows import NO_ROWS, Plan, Rules, joined

Look = Callable[[Sequence[View]], Sequence[np.ndarray]]  # views -> for each (n, 6) xyxy in its pixels, score, class


@dataclass(frozen=True)
class Found:
    """What a raster holds.

    Attributes:
        rows: (n, 6) xyxy in pixels of the raster, score, class; the best first.
        windows: by what became of them: seen, empty (without data), fault (not decoded).
    """

    rows: np.ndarray
    windows: Counter[str]


@dataclass(frozen=True)
class Job:
    """Objects in a raster.

    Attributes:
        raster: where to look.
        levels: how its values become eight bits.
        channels: of the network.
        plan: the windows.
        rules: how what they found is joined.
        tell: is given a line of progress now and then, and what is wrong with a window.
    """

    raster: Raster
    levels: Levels
    channels: int
    plan: Plan
    rules: Rules
    tell: Callable[[str], None]

    def run(self, look: Look, journal: Journal) -> Found:
        """Look at every window that is not in the journal yet, and join what all of them found.

        Raises:
            InputError: no window can be read, or the journal cannot be written.
        """
        windows = self.plan.windows(self.raster.size)
        told = Told(self.raster.path, len(windows), len(journal.entries), self.tell)
        for batch in self._batches(windows, journal):
            views = [View(self.raster, windows[i], self.levels, self.channels) for i in batch]
            for i, state, rows in self._looked(batch, views, look):
                journal.add(i, state, rows)
            told.tell(len(journal.entries), journal.objects)
        states = Counter(state for state, _ in journal.entries.values())
        if states[FAULT] == len(windows):
            raise Unreadable(self.raster.path, "none of its windows decodes")
        found = [journal.entries[i][1] for i in range(len(windows))]
        return Found(joined(found, windows, self.raster.size, self.plan.pixel, self.rules), states)

    def _batches(self, windows: Sequence[Window], journal: Journal) -> Iterator[list[int]]:
        """Numbers of the windows that are left, those of one size together."""
        left = [i for i in range(len(windows)) if i not in journal.entries]
        for _, group in groupby(left, key=lambda i: windows[i][2:]):
            same = list(group)
            for start in range(0, len(same), self.plan.batch):
                yield same[start : start + self.plan.batch]

    def _looked(self, batch: Sequence[int], views: Sequence[View], look: Look) -> Iterator[tuple[int, str, np.ndarray]]:
        """Number, what became of it, and rows in pixels of the raster, of each window of a batch."""
        held: dict[int, np.ndarray | None] = {}
        for i, view in zip(batch, views, strict=True):
            try:
                mask = view.held()
            except Unreadable as error:
                self.tell(f"window {i + 1} is left out: {error}")
                yield i, FAULT, NO_ROWS
                continue
            if mask is not None and not mask.any():
                yield i, EMPTY, NO_ROWS
            else:
                held[i] = mask
        there = [(i, view) for i, view in zip(batch, views, strict=True) if i in held]
        try:
            found = look([view for _, view in there]) if there else []
        except Unreadable as error:
            if len(there) > 1:  # one of them; the others are seen alone
                for i, view in there:
                    yield from self._looked([i], [view], look)
                return
            self.tell(f"window {there[0][0] + 1} is left out: {error}")
            yield there[0][0], FAULT, NO_ROWS
            return
        for (i, view), rows in zip(there, found, strict=True):
            yield i, SEEN, _placed(np.asarray(rows, np.float32).reshape(-1, 6), view, held[i])


def _placed(rows: np.ndarray, view: View, held: np.ndarray | None) -> np.ndarray:
    """(n, 6) rows in pixels of a window -> those that touch data, in pixels of the raster."""
    x, y, w, h = view.window
    if held is not None and len(rows):
        cells = np.array([held.shape[1] / w, held.shape[0] / h] * 2)
        low = np.floor(rows[:, :2] * cells[:2]).astype(int).clip(0)
        high = np.maximum(np.ceil(rows[:, 2:4] * cells[2:]).astype(int), low + 1)
        rows = rows[[bool(held[b:d, a:c].any()) for (a, b), (c, d) in zip(low, high, strict=True)]]
    return rows + np.array([x, y, x, y, 0, 0], np.float32)


class Told:
    """Says how far a run is and how long the rest will take.

    Args:
        name: of the raster.
        total: windows.
        before: of them, done by an earlier run.
        say: is given the lines.
    """

    def __init__(self, name: str, total: int, before: int, say: Callable[[str], None]):
        self.name, self.total, self.say, self.pace = name, total, say, Pace(before)
        if before:
            say(f"{name}: goes on behind {before:,} of {total:,} windows")

    def tell(self, done: int, objects: int) -> None:
        """Say it, where the last line is some time ago."""
        if done < self.total and not self.pace.due():
            return
        what = f"windows, {objects:,} boxes"
        so_far = self.pace.line(done, self.total, what)
        self.say(f"{self.name}: {so_far if done < self.total else f'{done:,} {what} in {clock(self.pace.spent)}'}")
