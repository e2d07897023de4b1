"""The engine of several machines: Ray Data, with an actor a card, each of which keeps a worker process of its own."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import InputError
from ..plugins.loading import VARIABLE as PLUGINS
from .keeper import Job, Keeper
from .local import Counts
from .plan import Shard

ANSWER, BEGIN = 10.0, 60.0  # seconds for an address to answer, and for its cluster to take us in
OTHER = "see that the cluster runs, with Python and Ray as here, and RAY_AUTH_MODE=token where it asks for a token"


class Actor:
    """What Ray keeps on a card: it has shards done as the engine of one machine does.

    Args:
        job: what its worker process is to know.
    """

    def __init__(self, job: Job):
        self.keeper = Keeper(job)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        """The counts of shards, or the line that ends the run, as JSON."""
        said: list[dict[str, Any]] = []
        for name, pictures in zip(batch["name"], batch["pictures"], strict=True):
            try:
                said.append(self.keeper.do(str(name), json.loads(str(pictures))))
            except InputError as error:
                said.append({"error": str(error)})
        return {"said": [json.dumps(each) for each in said]}


def run(shards: Iterable[Shard], job: Job, workers: int | None, address: str | None) -> Iterator[Counts]:
    """Do shards; gives the counts of each one that is done.

    Args:
        shards: to be done.
        job: what workers are to know; model, source and destination are to be there on every machine.
        workers: actors; None for one a card, or one a core where there are none.
        address: of a cluster; None for one that is started here.

    Raises:
        InputError: no Ray, nobody answers, or see `Keeper.do`.
    """
    ray, ours = _connected(address)
    try:
        there = ray.cluster_resources()
        kind = "GPU" if there.get("GPU") and job.device != "cpu" else "CPU"
        count = there.get(kind, 1.0)
        size = workers or int(count)
        share: dict[str, Any] = {f"num_{kind.lower()}s": min(count / size, 1.0)}
        rows = [{"name": each.name, "pictures": json.dumps(each.pictures)} for each in shards]
        data = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            Actor,
            fn_constructor_args=(job,),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=min(size, len(rows))),
            **share,
        )
        for row in data.iter_rows():
            said = json.loads(row["said"])
            if "error" in said:
                raise InputError(said["error"])
            yield said
    except ray.exceptions.RayError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise InputError(f"Ray cannot go on ({lines[0][:200] if lines else type(error).__name__})") from error
    finally:
        if ours:
            ray.shutdown()


def _connected(address: str | None) -> tuple[Any, bool]:
    """Ray, connected, and whether that was done here."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing is reported; read while it is imported
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray
        import ray.data
    except ModuleNotFoundError:
        raise InputError("engine=ray needs Ray, which is not installed: pip install 'yolotiny[ray]'") from None
    ray.data.DataContext.get_current().enable_progress_bars = False
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if ray.is_initialized():
        return ray, False
    words: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    if PLUGINS in os.environ:
        words["runtime_env"] = {"env_vars": {PLUGINS: os.environ[PLUGINS]}}
    if address is None:
        ray.init("local", include_dashboard=False, **words)
        return ray, True
    if address != "auto":
        _check_answer(address)
    _in_time(lambda: ray.init(address, **words), address)
    return ray, True


def _check_answer(address: str) -> None:
    """Raise InputError where nobody answers at host:port; Ray would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        raise InputError(f"ray={address}: give host:port, such as 10.0.0.1:6379, ray://10.0.0.1:10001, or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "no answer"
        raise InputError(f"ray={address}: nobody answers there within {ANSWER:g} s ({reason}); {OTHER}") from None


def _in_time(begin: Any, address: str) -> None:
    """Call what connects; InputError where it fails, or takes longer than any cluster does."""
    failed: list[BaseException | None] = []

    def call() -> None:
        try:
            begin()
            failed.append(None)
        except BaseException as error:  # Ray ends the interpreter for some
            failed.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    with contextlib.suppress(RuntimeError):
        thread.join(BEGIN)
    if not failed:
        raise InputError(f"ray={address}: no Ray cluster takes us in there within {BEGIN:g} s; {OTHER}")
    if failed[0] is not None:
        line = next(iter(str(failed[0]).strip().splitlines()), "") or type(failed[0]).__name__
        raise InputError(f"ray={address}: {line}; {OTHER}") from failed[0]
