"""What is left of a plan, done by an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from . import local
from .keeper import Job
from .plan import Plan
from .results import write_failed
from .worker import Load

Progress = Callable[[str, int, int], None]  # what, how many are done, of how many


@dataclass(frozen=True)
class Engine:
    """What does the work.

    Attributes:
        kind: local or ray.
        workers: processes; None for what there is.
        address: of a Ray cluster; None for one that is started here.
        devices: where workers compute, in turn.
    """

    kind: str = "local"
    workers: int | None = None
    address: str | None = None
    devices: tuple[str | None, ...] = ("cpu",)


@dataclass(frozen=True)
class Summary:
    """What lies in `out` after a run.

    Attributes:
        pictures: that were planned, each of which has one row.
        failed: of them, those that could not be looked at; `failed.parquet` says why.
        boxes: that were found.
        shards: files.
        new: pictures that this call has looked at; the others were there.
    """

    pictures: int
    failed: int
    boxes: int
    shards: int
    new: int


def work(plan: Plan, load: Load, engine: Engine, progress: Progress | None = None) -> Summary:
    """Do what is left of a plan.

    Args:
        plan: what there is to do.
        load: opens what looks at pictures, in each worker.
        engine: what does it.
        progress: told how far it is.

    Raises:
        InputError: workers cannot work; what is done stays.
    """
    counts, done = plan.counts(), plan.done()
    left, total = counts.keys() - done, len(plan.table)
    there = sum(n for name, n in counts.items() if name in done)
    shards = (shard for shard in plan.shards() if shard.name in left)
    job, new = Job(load, plan.store.address, engine.devices[0]), 0
    if not left:
        results: Iterator[local.Counts] = iter(())
    elif engine.kind == "ray":
        from . import ray_engine

        results = ray_engine.run(shards, job, engine.workers, engine.address)
    else:
        results = local.run(shards, job, min(engine.workers or 1, len(left)))
    try:
        for found in results:
            new += found["pictures"]
            if progress is not None:
                progress("pictures", there + new, total)
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(f"{there + new} of {total} pictures are done; the same command goes on") from stop
    failed, boxes = write_failed(plan)
    plan.store.tidy()
    return Summary(total, failed, boxes, len(counts), new)
