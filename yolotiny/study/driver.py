"""Runs of a study side by side, each a process of its own: which is next, and how far all are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from ..text import printable
from ..train.processes import ended_politely
from .bar import Bar
from .records import Run
from .worker import TAKEN

GRACE = 20  # seconds that runs have to end by themselves
PAUSE = 0.5  # seconds between looks at them


class Driver:
    """Starts what is left of a study, `jobs` at once.

    Args:
        runs: in the order in which they are wanted.
        jobs: processes at once.
        screen: where the bar goes.

    Attributes:
        alive: process of each run that this driver has started.
        failed: what those said that ended badly.
    """

    def __init__(self, runs: Sequence[Run], jobs: int = 1, screen: IO[str] | None = None):
        self.runs, self.jobs, self.screen = runs, jobs, screen or sys.stdout
        self.alive: dict[str, subprocess.Popen] = {}
        self.failed: dict[str, str] = {}
        self.bar = Bar(runs, self.screen)

    def run(self) -> str:
        """Run all; what to say of those that have failed, "" where none has. What is done stays."""
        try:
            with ended_politely():
                while self.step():
                    time.sleep(PAUSE)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("the same command goes on") from None
        finally:
            end(self.alive.values())
            self.bar.close()
        if not self.failed:
            return ""
        name, said = next(iter(self.failed.items()))
        return (
            f"{len(self.failed)} of {len(self.runs)} runs failed: {name}: {said}; see {self.runs[0].folder}/*.log, and "
            "give the same command again for what is left"
        )

    def step(self) -> bool:
        """Take note of what has ended, start what can begin; False when nothing is left."""
        for name, process in list(self.alive.items()):
            code = process.poll()
            if code is None:
                continue
            del self.alive[name]
            if code not in (0, TAKEN):
                self.failed[name] = last_line(self.named(name), code)
        left = [run for run in self.runs if not run.done and run.name not in self.failed]
        for run in left:
            if run.after in self.failed:
                self.failed[run.name] = f"it starts from {run.after}, which failed"
            elif len(self.alive) < self.jobs and self.can_begin(run):
                self.start(run)
        elsewhere = sum(1 for run in left if run.name not in self.alive and not run.free)
        self.bar.show(len(self.failed), elsewhere)
        return bool(self.alive) or any(not run.done and run.name not in self.failed for run in self.runs)

    def can_begin(self, run: Run) -> bool:
        """Whether a run has all that it needs, and nobody works on it."""
        ready = not run.after or self.named(run.after).done
        return ready and run.name not in self.alive and run.free

    def named(self, name: str) -> Run:
        """The run of a name."""
        return next(run for run in self.runs if run.name == name)

    def start(self, run: Run) -> None:
        """Start a process for a run; its output goes behind that of earlier tries."""
        threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, cores() // self.jobs))
        path = os.pathsep.join(p or os.getcwd() for p in sys.path)
        environment = os.environ | {"OMP_NUM_THREADS": threads, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
        with open(run.log, "a", encoding="utf-8") as log:
            self.alive[run.name] = subprocess.Popen(
                self.command(run), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment
            )

    def command(self, run: Run) -> list[str]:
        """The command line of a run's process."""
        return [sys.executable, "-m", "yolotiny.study.worker", str(run.asked)]


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def last_line(run: Run, code: int) -> str:
    """How a run ended, in the last words of its log."""
    if code < 0:
        return f"it was ended by {signal.Signals(-code).name}"
    said = Path(run.log).read_text(encoding="utf-8", errors="replace").splitlines()
    line = next((line for line in reversed(said) if line.strip()), f"exit code {code}")
    return printable(line.strip().removeprefix("error: "))[:200]


def end(processes: Iterable[subprocess.Popen]) -> None:
    """Ask processes to end, which leaves what they can go on from, and wait for them."""
    alive = [p for p in processes if p.poll() is None]
    for process in alive:
        process.terminate()
    until = time.monotonic() + GRACE
    for process in alive:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
