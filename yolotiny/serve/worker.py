"""The process that looks at pictures. It can be killed at any time, and another one takes its place.

What comes back from it is JSON and not a pickle: it decodes files from strangers, and is trusted with nothing else.
"""

from __future__ import annotations

import contextlib
import json
import logging
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any, Protocol

from ..errors import InputError
from .picture import check_header
from .refused import Refused

START = 120.0  # seconds to load a model
END = 5.0  # seconds to end when told to
logger = logging.getLogger(__name__)


class Look(Protocol):
    """Finds what is in a picture."""

    @property
    def names(self) -> Mapping[int, str]:
        """Those of the classes, by number."""

    def __call__(self, content: bytes, options: Mapping[str, Any]) -> dict[str, Any]:
        """What is in a picture file, as plain values; InputError for what the sender can mend."""


Load = Callable[[], Look]  # called in the worker, so it has to be picklable; InputError where there is no such model


class Died(Exception):
    """The worker ended before it answered."""


class TooLong(Exception):
    """The worker did not answer in time and was killed."""


class Worker:
    """One process at a time, started when it is needed. Of one thread at a time.

    Args:
        load: loads the model there.
        pixels: of a picture at most.

    Attributes:
        names: of the classes, by number, once it was ready.
    """

    def __init__(self, load: Load, pixels: int):
        self.load, self.pixels = load, pixels
        self.names: dict[int, str] = {}
        self.process: Any = None
        self.pipe: Connection | None = None
        self.loaded = self.closed = False

    @property
    def alive(self) -> bool:
        """Whether there is a process; it may still load."""
        return self.process is not None and self.process.is_alive()

    def spawn(self) -> None:
        """Start a process in the place of the last one, without waiting for it; Died after `close`."""
        if self.closed:
            raise Died
        self.stop()
        context = multiprocessing.get_context("spawn")  # a fork would copy threads of libraries in any state
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, self.load, self.pixels), daemon=True)
        self.process.start()
        theirs.close()  # so that its end is seen here
        self.loaded = False

    def ready(self) -> None:
        """Wait until there is a process that has loaded the model.

        Raises:
            InputError: it cannot be loaded.
            Died: the process ended.
        """
        if not self.alive:
            self.spawn()
        if self.loaded:
            return
        assert self.pipe is not None
        said: dict[str, Any]
        try:
            said = json.loads(self.pipe.recv_bytes()) if self.pipe.poll(START) else {"error": f"not within {START:g} s"}
        except (EOFError, OSError):
            self.kill()
            raise Died from None
        if "error" in said:
            self.stop()
            raise InputError(said["error"])
        self.names = {int(k): v for k, v in said["names"].items()}
        self.loaded = True

    def ask(self, content: bytes, options: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Have a picture looked at.

        Args:
            content: the picture file.
            options: of the look.
            seconds: after which the process is killed.

        Returns:
            `found` and `seconds`, or `refused`, a status and a line, or `fault`, which only we can mend.

        Raises:
            InputError: the model cannot be loaded.
            Died: the process ended.
            TooLong: it had to be killed.
        """
        self.ready()
        assert self.pipe is not None
        over, process = threading.Event(), self.process

        def end() -> None:
            over.set()
            process.kill()

        timer = threading.Timer(seconds, end)
        timer.start()
        try:
            self.pipe.send_bytes(json.dumps(options).encode())
            self.pipe.send_bytes(content)
            return json.loads(self.pipe.recv_bytes())
        except (EOFError, OSError):
            self.kill()
            raise (TooLong if over.is_set() else Died) from None
        finally:
            timer.cancel()

    def kill(self) -> None:
        """End the process, whatever it does."""
        self.loaded = False
        self.process.kill()
        self.stop()

    def close(self) -> None:
        """End the process, and start no other."""
        self.closed = True
        self.stop()

    def stop(self) -> None:
        """End the process, if there is one."""
        if self.process is None:
            return
        if self.pipe is not None:
            self.pipe.close()  # it ends by itself when it has nothing to do
        self.process.join(END if self.loaded else 0)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process = self.pipe = None


def _work(pipe: Connection, load: Load, pixels: int) -> None:
    """What the process does until nobody is at the other end."""
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to the whole group; who started us says when it is over
        signal.signal(number, signal.SIG_IGN)
    logging.basicConfig(format="%(message)s")
    with contextlib.suppress(EOFError, OSError):
        try:
            look = load()
        except InputError as error:
            pipe.send_bytes(json.dumps({"error": str(error)}).encode())
            return
        pipe.send_bytes(json.dumps({"names": dict(look.names)}).encode())
        while True:
            options = json.loads(pipe.recv_bytes())
            pipe.send_bytes(json.dumps(answer(look, pipe.recv_bytes(), options, pixels)).encode())


def answer(look: Look, content: bytes, options: Mapping[str, Any], pixels: int) -> dict[str, Any]:
    """What comes back from the process; see `Worker.ask`.

    Args:
        look: finds it.
        content: the picture file.
        options: of the look.
        pixels: of a picture at most.
    """
    start = time.perf_counter()
    try:
        check_header(content, pixels)
        found = look(content, options)
    except Refused as refused:
        return {"refused": [refused.status, refused.line]}
    except InputError as error:
        return {"refused": [422, str(error)]}
    except Exception:  # the next picture shall not wait for another process
        logger.exception("a picture could not be looked at")
        return {"fault": True}
    return {"found": found, "seconds": time.perf_counter() - start}
