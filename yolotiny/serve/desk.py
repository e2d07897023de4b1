"""The queue: so many places, one turn at a time, and what happens when the worker ends over a picture."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..errors import InputError
from .bounds import Bounds
from .metrics import Metrics
from .refused import Refused
from .worker import Died, TooLong, Worker

MEMORY = 0.1  # weight of the newest picture in the usual time of one
PAUSE, LONGEST = 1.0, 60.0  # seconds between looks at the worker; they double while none can be started
logger = logging.getLogger(__name__)


class Desk:
    """Hands pictures to the worker, first come, first served.

    Args:
        worker: looks at them.
        bounds: places and time.
        metrics: counts.

    Attributes:
        taken: places in use.
    """

    def __init__(self, worker: Worker, bounds: Bounds, metrics: Metrics):
        self.worker, self.bounds, self.metrics = worker, bounds, metrics
        self.taken = 0
        self.usual = 1.0  # seconds of a picture
        self.turn = asyncio.Lock()
        self.thread = ThreadPoolExecutor(1, "worker")  # a request that is cancelled leaves the worker to no other

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """See that there is a worker, until the service ends; then there is none."""
        watch = asyncio.create_task(self.watch())
        try:
            yield
        finally:
            watch.cancel()
            await asyncio.get_running_loop().run_in_executor(self.thread, self.worker.close)  # after what it does

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """A place in the queue, from before the upload to after the answer, so that they bound what memory holds.

        Raises:
            Refused: none is free.
        """
        if self.taken >= self.bounds.queue:
            wait = max(math.ceil(self.usual * self.bounds.queue), 1)
            line = f"all {self.bounds.queue} places are taken; try again in {wait} s"
            raise Refused(503, line, {"Retry-After": str(wait)})
        self.taken += 1
        self.metrics.places.set(self.taken)
        try:
            yield
        finally:
            self.taken -= 1
            self.metrics.places.set(self.taken)

    async def look(
        self, content: bytes, options: Mapping[str, Any], gone: Callable[[], Awaitable[bool]]
    ) -> dict[str, Any]:
        """What is in a picture, when its turn comes.

        Args:
            content: the picture file.
            options: of the look.
            gone: whether nobody waits for the answer any more.

        Raises:
            Refused: it cannot be looked at.
        """
        async with self.turn:
            if await gone():
                raise Refused(400, "nobody waits for the answer")
            ask = asyncio.get_running_loop().run_in_executor(self.thread, self._ask, content, options)
            reply = await ask
        if "refused" in reply:
            raise Refused(*reply["refused"])
        if "fault" in reply:
            raise Refused(500, "the service failed over this picture; its log says how")
        self.usual += MEMORY * (reply["seconds"] - self.usual)
        self.metrics.looking.observe(reply["seconds"])
        return reply["found"]

    async def watch(self) -> None:
        """See that there is a worker, also while nobody asks for one; for as long as the service runs."""
        pause = PAUSE
        while True:
            await asyncio.sleep(pause)
            if self.worker.alive and self.worker.loaded:
                continue
            try:
                async with self.turn:
                    await asyncio.get_running_loop().run_in_executor(self.thread, self._mend)
                pause = PAUSE
            except (InputError, Died, OSError) as error:
                pause = min(2 * pause, LONGEST)
                logger.error(f"no worker can be started: {error or 'it ends'}; next try in {pause:g} s")

    def _mend(self) -> None:
        """Have a worker that has loaded the model; another one where it ended."""
        if not self.worker.alive:
            self.metrics.restarts.labels("end").inc()
        self.worker.ready()

    def _ask(self, content: bytes, options: Mapping[str, Any]) -> dict[str, Any]:
        """Ask the worker, twice where it ends: whatever ended it may have had nothing to do with the picture."""
        for _ in range(2):
            try:
                self._mend()
                return self.worker.ask(content, options, self.bounds.seconds)
            except InputError as error:
                raise Refused(503, f"the model cannot be loaded: {error}") from None
            except TooLong:
                self.metrics.restarts.labels("time").inc()
                self.worker.spawn()  # it loads while nobody waits
                what = f"the look took longer than {self.bounds.seconds:g} s"
                raise Refused(504, f"{what}; send a smaller picture, or crops=none") from None
            except Died:
                continue
        raise Refused(500, "the worker process ended twice over this picture")
