"""What a worker process does: it looks at the pictures of a shard, writes the shard, and says how many there were."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any, Protocol

from ..errors import InputError
from .shard import FOLDER, Found, as_bytes, table_of
from .storage import Store, Unreachable


class Look(Protocol):
    """Finds what is in pictures."""

    def __call__(self, pictures: Sequence[str]) -> Iterator[Found]:
        """What is known of each picture, one by one in any order, those that cannot be read among them."""


Load = Callable[[int], Look]  # called in the worker with its number, so it has to be picklable


class Order:
    """A shard to be done.

    Args:
        name: of the shard.
        pictures: of the shard.
        faults: pictures that are not to be looked at, and why.
        careful: look at one picture after the other and say which one is in turn, so that one that ends the process is
            known. Pictures of several sizes that shared a batch may come out a rounding apart.
    """

    def __init__(
        self, name: str, pictures: Sequence[str], faults: Mapping[str, str] | None = None, careful: bool = False
    ):
        self.name, self.pictures, self.faults, self.careful = name, list(pictures), dict(faults or {}), careful


def serve(pipe: Connection, load: Load, number: int, out: str) -> None:
    """The process: orders come as JSON, answers go back as JSON, until nobody is at the other end.

    Args:
        pipe: to whoever started it.
        load: opens the model.
        number: of this worker.
        out: the folder or the bucket that shards are written to.
    """
    for each in (signal.SIGINT, signal.SIGTERM):  # sent to the whole group; who started us says when it is over
        signal.signal(each, signal.SIG_IGN)
    with contextlib.suppress(EOFError, OSError):
        try:
            look, store = load(number), Store(out)
        except (InputError, OSError, RuntimeError, ImportError) as error:
            _say(pipe, error=_one_line(error))
            return
        _say(pipe, ready=True)
        while True:
            order = Order(**json.loads(pipe.recv_bytes()))
            try:
                _say(pipe, done=do(order, look, store, lambda i: _say(pipe, at=i)))
            except Unreachable as error:
                _say(pipe, error=str(error))


def do(order: Order, look: Look, store: Store, say: Callable[[int], None]) -> dict[str, int]:
    """Do a shard and write it; gives the counts of `pictures`, `failed` and `boxes`.

    Args:
        order: what to do.
        look: finds it.
        store: where to.
        say: told the number of the picture in turn, where it is done with care.

    Raises:
        Unreachable: source or destination.
    """
    good = [picture for picture in order.pictures if picture not in order.faults]
    found = {p: Found(p, error=why) for p, why in order.faults.items()}
    if not order.careful:
        try:
            found |= {each.picture: each for each in _watched(look(good))}
        except Unreachable:
            raise
        except Exception:  # of one of them; the others shall not suffer, so they are looked at one by one
            found |= _one_by_one(good, look, lambda i: None)
    else:
        numbers = {picture: i for i, picture in enumerate(order.pictures)}
        found |= _one_by_one(good, look, lambda i: say(numbers[good[i]]))
    in_order = [found[picture] for picture in order.pictures]
    store.write(f"{FOLDER}/{order.name}.parquet", as_bytes(table_of(in_order)))
    failed = sum(bool(each.error) for each in in_order)
    return {"pictures": len(in_order), "failed": failed, "boxes": sum(len(each.rows) for each in in_order)}


def _one_by_one(pictures: Sequence[str], look: Look, say: Callable[[int], None]) -> dict[str, Found]:
    """What is known of each picture; what is raised for one is its fault."""
    found, raised = {}, 0
    for i, picture in enumerate(pictures):
        say(i)
        try:
            (found[picture],) = _watched(look([picture]))
        except Unreachable:
            raise
        except Exception as error:
            found[picture], raised, why = Found(picture, error=_one_line(error)), raised + 1, _one_line(error)
    if raised == len(pictures) > 1:  # then it lies in none of them
        raise Unreachable(f"no picture could be looked at: {why}")
    return found


def _watched(found: Iterator[Found]) -> Iterator[Found]:
    """The same; the process ends where the one that started it has gone."""
    parent = multiprocessing.parent_process()
    for each in found:
        if parent is not None and not parent.is_alive():
            raise SystemExit(1)
        yield each


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _say(pipe: Connection, **what: Any) -> None:
    pipe.send_bytes(json.dumps(what).encode())
