"""The engine of one machine: a few worker processes, each with the model loaded once, that are given shards."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator

from .devices import threads_shared
from .keeper import Job, Keeper, Stopped
from .plan import Shard

Counts = dict[str, int]


def run(shards: Iterable[Shard], job: Job, workers: int) -> Iterator[Counts]:
    """Do shards; gives the counts of each one that is done.

    Args:
        shards: to be done.
        job: what workers are to know.
        workers: processes.

    Raises:
        InputError: see `Keeper.do`; the other workers are ended.
    """
    waiting, results = iter(shards), queue.Queue[Counts | BaseException | None]()
    taking, keepers = threading.Lock(), [Keeper(job, number) for number in range(workers)]

    def take() -> Shard | None:
        with taking:
            return next(waiting, None)

    def work(keeper: Keeper) -> None:
        try:
            while (shard := take()) is not None:
                results.put(keeper.do(shard.name, shard.pictures))
            keeper.close()
            results.put(None)
        except Stopped:
            pass
        except BaseException as error:
            results.put(error)

    with threads_shared(workers):
        left = workers
        try:
            for keeper in keepers:
                threading.Thread(target=work, args=(keeper,), daemon=True).start()
            while left:
                said = results.get()
                if isinstance(said, BaseException):
                    raise said
                if said is None:
                    left -= 1
                else:
                    yield said
        finally:
            for keeper in keepers:
                keeper.stop()
