"""A service from its port to its end: SIGTERM and Ctrl-C finish what is under way."""

from __future__ import annotations

import math
import os
import signal
import socket
import sys
from typing import Any

import uvicorn

from ..errors import InputError, whole
from .app import create_app
from .bounds import Bounds
from .desk import Desk
from .metrics import Metrics
from .worker import Died, Load, Worker


def serve(load: Load, model: str, host: str, port: int, bounds: Bounds) -> None:
    """Answer until told to end.

    Args:
        load: loads the model, in a process of its own.
        model: its name, for answers.
        host: the address to listen at.
        port: and the port; 0 for any that is free.
        bounds: how much is taken.

    Raises:
        InputError: the port is not to be had, or the model cannot be loaded.
    """
    listener = listen(host, port)
    worker = Worker(load, bounds.pixels)
    before = signal.signal(
        signal.SIGTERM, _end
    )  # uvicorn has its own while it runs, and calls this one when it is done
    try:
        worker.ready()
        app = create_app(Desk(worker, bounds, Metrics()), model)
        address, number = listener.getsockname()[:2]
        shown = f"[{address}]" if ":" in address else address
        print(f"{model} at http://{shown}:{number}/ (Ctrl-C ends it)", file=sys.stderr, flush=True)
        patience = math.ceil(bounds.seconds * (bounds.queue + 1))
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=patience)
        uvicorn.Server(config).run(sockets=[listener])
    except Died:
        raise InputError(f"the process that loads {model} ended; is there enough memory?") from None
    finally:
        worker.close()
        listener.close()
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        InputError: the address or the port is not to be had.
    """
    whole(port, "port", 0, 65535, example=8000)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # Of a socket that says its protocol, asyncio sends answers at once; else their second part waits for 40 ms.
        made = socket.socket(family, kind, protocol)
        if os.name == "posix":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(128)
        return made
    except (OSError, UnicodeError) as error:
        why = (getattr(error, "strerror", None) or str(error)).partition(" (")[0].lower()
        raise InputError(f"cannot listen at {host} port {port}: {why}; give others with --host and --port") from None


def _end(*_: Any) -> None:
    raise SystemExit(0)
