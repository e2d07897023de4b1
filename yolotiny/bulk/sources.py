"""The pictures of a source, on a disk or in a bucket, and fetching those of a bucket a little ahead of their use."""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..runtime.sources import PICTURES, is_video, items_of, reads_files
from .storage import Store, is_bucket

AHEAD = 16  # pictures of a bucket that are fetched before their turn
IN_LIST = re.compile(r"(s3|gcs?|gs|abfss?|hdfs):/.*")  # what is left of an address that was taken for a path
LEFT = "give videos, cameras and streams to predict without out="


def pictures_of(source: Any) -> list[str]:
    """The pictures of a source, each once: absolute paths or addresses.

    Args:
        source: files, as `runtime.sources.items_of` takes them; or s3://bucket/prefix, with all pictures below it.

    Raises:
        InputError: nothing there, or something else than picture files.
    """
    if is_bucket(source):
        found = _in_bucket(str(source))
    else:
        if not reads_files(source):
            raise InputError(f"source={source}: out= takes picture files; {LEFT}")
        found = items_of(source)
    if other := [item for item in found if not isinstance(item, str) or is_video(item)]:
        raise InputError(f"source: {other[0] if isinstance(other[0], str) else 'an array'} is no picture file; {LEFT}")
    if not is_bucket(source) and (listed := next(filter(None, map(IN_LIST.search, found)), None)):
        raise InputError(f"source: a list names files of this machine, not {listed[0]}; give s3://bucket/prefix itself")
    return list(dict.fromkeys(found))


def _in_bucket(address: str) -> list[str]:
    if any(c in address for c in "*["):
        raise InputError(f"source={address}: a bucket has no patterns; give a prefix, such as s3://bucket/flight-7")
    store = Store(address)
    if Path(address).suffix[1:].lower() in PICTURES:
        return [address]
    found = [f"{store.address}/{name}" for name in store.below() if _is_picture(name)]
    if not found:
        raise InputError(f"no pictures in {address}; files with these suffixes are read: {', '.join(sorted(PICTURES))}")
    return found


def _is_picture(name: str) -> bool:
    last = name.rpartition("/")[2]
    return not last.startswith(".") and last.rpartition(".")[2].lower() in PICTURES


class Fetcher:
    """Gives each of several pictures as a file on this machine, in about the order of the list.

    Args:
        pictures: paths, which are given as they are, or addresses in a bucket.
    """

    def __init__(self, pictures: Sequence[str]):
        self.pictures, self.waiting, self.lock = pictures, dict[int, Future[bytes]](), threading.Lock()
        self.remote = bool(pictures) and is_bucket(pictures[0])
        if self.remote:
            self.place, self.pool = tempfile.TemporaryDirectory(prefix="yolotiny-"), ThreadPoolExecutor(AHEAD // 2)
            scheme, _, rest = pictures[0].partition("://")
            self.store = Store(f"{scheme}://{rest.partition('/')[0]}")

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(self, *error: object) -> None:
        if self.remote:
            self.pool.shutdown(cancel_futures=True)
            self.place.cleanup()

    @contextmanager
    def file(self, i: int) -> Iterator[str]:
        """The file of picture number `i`, which is there as long as this lasts.

        Raises:
            FileNotFoundError: the bucket has it no more.
            Unreachable: the bucket does not answer.
        """
        if not self.remote:
            yield self.pictures[i]
            return
        with self.lock:  # pictures of a large batch are decoded side by side
            for n in range(i, min(i + AHEAD, len(self.pictures))):
                if n not in self.waiting:
                    self.waiting[n] = self.pool.submit(self.store.read, self._name(n))
        content = self.waiting[i].result()
        self.waiting[i] = Future()  # was taken: it is not fetched again, and not kept
        path = os.path.join(self.place.name, f"{i}{Path(self.pictures[i]).suffix}")
        Path(path).write_bytes(content)
        try:
            yield path
        finally:
            os.unlink(path)

    def _name(self, i: int) -> str:
        """The path of a picture in its bucket."""
        return self.pictures[i].partition("://")[2].partition("/")[2]
