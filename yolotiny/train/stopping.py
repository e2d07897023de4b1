"""Training that is asked to stop by Ctrl-C, by SIGTERM (a queue, a container) or by SIGHUP (a terminal that closes)."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAMES = ("SIGTERM", "SIGHUP")  # Windows has no SIGHUP


class Terminated(KeyboardInterrupt):
    """SIGTERM came; it ends a run as Ctrl-C does."""

    code = 128 + signal.SIGTERM


class HungUp(KeyboardInterrupt):
    """SIGHUP came; it ends a run as Ctrl-C does."""

    code = 128 + getattr(signal, "SIGHUP", 1)


@contextmanager
def says_how_to_go_on(trainer: Any) -> Iterator[None]:
    """Whatever asks training to stop in here raises a KeyboardInterrupt that says how to go on.

    A handler of the user's own stays, and so does an ignored signal (`nohup`); outside the main thread signals keep
    their meaning.
    """
    before: dict[int, Any] = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for name in NAMES:
                number = getattr(signal, name, None)
                if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                    before[number] = signal.signal(number, _raise)
        yield
    except KeyboardInterrupt as stop:
        there = trainer.last.exists()
        how = f"go on with: yolotiny train resume={trainer.last}" if there else "before the first checkpoint"
        raise type(stop)(how) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise(number: int, frame: Any) -> None:
    raise Terminated if number == signal.SIGTERM else HungUp
