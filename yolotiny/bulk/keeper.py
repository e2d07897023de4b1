"""One worker process after the other: where one dies, the next does its shard, and a picture that kills is left out."""

from __future__ import annotations

import json
import multiprocessing
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from ..errors import InputError
from .worker import Load, Order, serve

CARE = 3  # workers that a shard may kill before its pictures are looked at one by one
GUILTY = 2  # workers that a picture has to kill before it is left out
MOST = 10  # pictures of a shard that may be left out for it: more is no fault of pictures
END = 10.0  # seconds to end when told to


class Stopped(Exception):
    """The run is over: there is no other process."""


@dataclass(frozen=True)
class Job:
    """What workers are to know.

    Attributes:
        load: opens the model there.
        out: the folder or bucket of the shards.
        device: cpu where cards are not to be used; None for what the engine has.
    """

    load: Load
    out: str
    device: str | None = None


class Keeper:
    """Has shards done by a process, of which there is one at a time. Of one thread; `stop` may come from others.

    Args:
        job: what the process is to know.
        number: of the worker.
    """

    def __init__(self, job: Job, number: int = 0):
        self.job, self.number, self.stopped = job, number, False
        self.process: Any = None
        self.pipe: Connection | None = None

    def do(self, name: str, pictures: list[str]) -> dict[str, int]:
        """Have a shard done; the counts of `worker.do`.

        Raises:
            InputError: the model, the source or the destination cannot be used, or workers die whatever they look at.
            Stopped: by `stop`.
        """
        faults: dict[str, str] = {}
        deaths, killed = 0, Counter[str]()
        while True:
            at: int | None = None
            try:
                self._begin()
                self._send(Order(name, pictures, faults, careful=deaths >= CARE))
                while (said := self._receive()).keys() == {"at"}:
                    at = said["at"]
                if "error" in said:
                    raise InputError(said["error"])
                return said["done"]
            except (EOFError, OSError):
                why = self._bury()
            deaths += 1
            if at is not None:
                killed[pictures[at]] += 1
                if killed[pictures[at]] >= GUILTY:
                    faults[pictures[at]] = f"the process that looked at it was ended {GUILTY} times ({why})"
            if len(faults) > MOST or (at is None and deaths > 2 * CARE):
                raise InputError(
                    f"workers end before they are through with a shard ({why}); is there too little memory?"
                )

    def _begin(self) -> None:
        """Start a process where there is none, and wait until it has loaded the model."""
        if self.stopped:
            raise Stopped
        if self.process is not None:
            return
        context = multiprocessing.get_context("spawn")  # a fork would copy threads of libraries in any state
        self.pipe, theirs = context.Pipe()
        words = (theirs, self.job.load, self.number, self.job.out)
        self.process = context.Process(target=serve, args=words, daemon=True)
        self.process.start()
        theirs.close()  # so that its end is seen here
        if self.stopped:  # meanwhile
            self._kill()
            raise Stopped
        if "error" in (said := self._receive()):
            raise InputError(said["error"])

    def _send(self, order: Order) -> None:
        assert self.pipe is not None
        self.pipe.send_bytes(json.dumps(vars(order)).encode())

    def _receive(self) -> dict[str, Any]:
        assert self.pipe is not None
        return json.loads(self.pipe.recv_bytes())

    def _bury(self) -> str:
        """Clear away a process that has ended; in words, how it did."""
        if self.stopped:
            raise Stopped
        self.process.join(END)
        code = self.process.exitcode
        self.close()
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"

    def close(self) -> None:
        """End the process, if there is one, between two shards."""
        if self.process is None:
            return
        if self.pipe is not None:
            self.pipe.close()  # it ends by itself when it has nothing to do
        self.process.join(END)
        self._kill()
        self.process = self.pipe = None

    def stop(self) -> None:
        """End the process, whatever it does, and start no other."""
        self.stopped = True
        self._kill()

    def _kill(self) -> None:
        if (process := self.process) is not None and process.is_alive():
            process.kill()
            process.join()
