"""Looks that need no model: what they find is in the name of a picture, and some of them end the process."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from yolotiny.bulk.plan import Plan
from yolotiny.bulk.shard import Found
from yolotiny.bulk.storage import Store
from yolotiny.bulk.work import Engine, work


class Stub:
    """Finds `n % 3` boxes in `n.png`, and notes who looked at it.

    Args:
        log: a file that gets a line `process number` for each picture.
        pause: seconds a picture.
    """

    def __init__(self, log: Path | None = None, pause: float = 0.0):
        self.log, self.pause = log, pause

    def __call__(self, pictures: Sequence[str]) -> Iterator[Found]:
        for picture in pictures:
            stem = Path(picture).stem
            if stem.startswith("kills"):
                os.kill(os.getpid(), signal.SIGKILL)
            if stem.startswith("raises"):
                raise RuntimeError("this one does not agree with it")
            if self.log is not None:
                with self.log.open("a") as file:
                    file.write(f"{os.getpid()}\n")
            time.sleep(self.pause)
            if stem.startswith("broken"):
                yield Found(picture, error="it does not decode")
            else:
                yield Found(picture, (64, 48), rows_in(int(stem)))


def rows_in(number: int) -> np.ndarray:
    """(n, 6) rows of picture `number`."""
    one = np.array([number, 1, number + 4, 5.5, 0.5, number % 2], np.float32)
    return np.stack([one] * (number % 3)) if number % 3 else np.zeros((0, 6), np.float32)


def load(number: int, log: Path | None = None, pause: float = 0.0) -> Stub:
    """What workers are given."""
    return Stub(log, pause)


def plan_of(out: str | Path, pictures: Sequence[str]) -> Plan:
    """A plan for these pictures, begun or taken up."""
    store = Store(str(out))
    manifest = {"model": {"file": "stub", "sha256": "0"}, "source": "here", "options": {}}
    manifest |= {"names": {"0": "a", "1": "b"}, "job": "stub", "depth": {}}
    return Plan.found(store) or Plan.begin(store, manifest, pictures)


def drive(out: str, log: str, pictures: int, pause: float) -> None:
    """A driver of its own, to be killed."""
    plan = plan_of(out, [f"/pictures/{i}.png" for i in range(pictures)])
    work(plan, partial(load, log=Path(log), pause=pause), Engine(workers=2))


if __name__ == "__main__":
    drive(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
