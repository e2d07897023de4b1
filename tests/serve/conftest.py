"""A service that runs: as a process of its own on a small detector, and in this process on a look that is told."""

from __future__ import annotations

import asyncio
import atexit
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.runtime.conftest import hand_made
from tests.serve.looks import Told
from yolotiny.serve.app import create_app
from yolotiny.serve.bounds import Bounds
from yolotiny.serve.desk import Desk
from yolotiny.serve.metrics import Metrics
from yolotiny.serve.worker import answer

ROOT = Path(__file__).parents[2]


class Here:
    """A worker without a process."""

    names = Told.names
    alive = loaded = True

    def ready(self) -> None:
        """Always."""

    def __init__(self, pixels: int):
        self.pixels = pixels

    def ask(self, content: bytes, options: dict[str, Any], seconds: float) -> dict[str, Any]:
        return answer(Told(), content, options, self.pixels)


def asked(method: str, address: str, bounds: Bounds | None = None, **words: Any) -> httpx.Response:
    """The answer of a new service in this process."""

    async def ask() -> httpx.Response:
        own = bounds or Bounds()
        app = create_app(Desk(Here(own.pixels), own, Metrics()), "best.onnx")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            return await client.request(method, address, **words)

    return asyncio.run(ask())


class Service:
    """`yolotiny-run serve` as a process.

    Args:
        words: of its command line; a free port is chosen.

    Attributes:
        address: http://127.0.0.1:PORT.
    """

    def __init__(self, *words: object):
        command = [sys.executable, "-m", "yolotiny.runtime", "serve", "--port", "0", *map(str, words)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        atexit.register(self.process.kill)  # where a test fails before it ends it
        assert self.process.stderr is not None
        self.said = self.process.stderr.readline()
        found = re.search(r"http://[\d.]+:\d+", self.said)
        assert found, self.said
        self.address = found[0]

    def end(self) -> tuple[int, str]:
        """SIGTERM; its exit code and what else it said."""
        self.process.send_signal(signal.SIGTERM)
        said = self.process.communicate(timeout=60)[1]
        return self.process.returncode, said


@pytest.fixture(scope="session")
def bright(tmp_path_factory) -> Path:
    """A detector of bright squares of 8 px in pictures of 64."""
    return hand_made(tmp_path_factory.mktemp("hand") / "bright.onnx")


@pytest.fixture(scope="package")
def service(bright) -> Iterator[Service]:
    """One service for all tests of this room that leave it as it was."""
    started = Service(bright, "--timeout", 30, "--max-bytes", 200_000, "--max-pixels", 1_000_000)
    yield started
    code, said = started.end()
    assert (code, said) == (0, "")
