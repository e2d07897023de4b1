"""What the scan of a data set found, kept for the next run: one line of JSON, and arrays.

ultralytics keeps its scan in `labels/train.cache`, a pickle, which runs whatever somebody put there. Ours is another
file, `labels/train.yolotiny.cache`, and holds numbers only. It lies beside the labels or, where those cannot be
written or come with the package, below the folder of the runs. What is foreign, stale or damaged is ignored and
written anew.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
import os
import socket
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import numpy as np
from ultralytics.utils import LOGGER, NUM_THREADS, TQDM

from ..shipped import of_package

FORMAT = "yolotiny labels 2"  # a change of what is read from a row needs another number
SUFFIX = ".yolotiny.cache"
HEADER = 1 << 16  # bytes of the first line at most
# What follows the first line, little-endian, by name: type, and columns for each picture or label row.
WHOLE = ("<i8", 1)
COLUMNS = {"index": WHOLE, "shape": ("<i8", 2), "doubled": WHOLE, "over": WHOLE, "count": WHOLE, "rows": ("<f4", 5)}


@dataclass(frozen=True)
class Scan:
    """Pictures that can be read, and their labels.

    Attributes:
        index: (n,) their places among all pictures, rising.
        shape: (n, 2) height and width, pixels.
        doubled: (n,) label rows left out because they are there twice.
        over: (n,) label rows cut because they reach over the edge.
        count: (n,) label rows of each.
        rows: (m, 5), as many as the counts add up to: class and normalised xywh.
        found: pictures that have a label file.
    """

    index: np.ndarray
    shape: np.ndarray
    doubled: np.ndarray
    over: np.ndarray
    count: np.ndarray
    rows: np.ndarray
    found: int = 0

    @classmethod
    def of(cls, labels: Mapping[int, Mapping[str, Any]], found: int) -> Scan:
        """Put label dicts, by their places among all pictures, into arrays."""
        boxes = [np.concatenate((x["cls"], x["bboxes"]), 1) for x in labels.values()]
        rows = np.concatenate([np.zeros((0, 5), np.float32), *boxes])
        doubled, over = (np.array([x[k] for x in labels.values()], int) for k in ("duplicates", "over_edge"))
        shape = np.array([x["shape"] for x in labels.values()], int).reshape(-1, 2)
        count = np.array([len(b) for b in boxes], int)
        return cls(np.array(list(labels), int), shape, doubled, over, count, rows, found)

    def labels(self, files: Sequence[str]) -> list[dict[str, Any]]:
        """The label dict of each picture, as ultralytics' augmentation takes it."""
        ends = np.cumsum(self.count).tolist()
        cls, boxes = self.rows[:, :1].astype(np.float32), self.rows[:, 1:].astype(np.float32)
        counts = (self.doubled.tolist(), self.over.tolist())
        columns = ([0, *ends[:-1]], ends, self.index.tolist(), map(tuple, self.shape.tolist()), *counts)
        collects = gc.isenabled()
        gc.disable()  # it would look through the growing list again and again, and take longer than all else
        try:
            return [
                {
                    "im_file": files[i],
                    "shape": shape,
                    "cls": cls[start:end],
                    "bboxes": boxes[start:end],
                    "segments": [],
                    "keypoints": None,
                    "normalized": True,
                    "bbox_format": "xywh",
                    "duplicates": doubled,
                    "over_edge": over,
                }
                for start, end, i, shape, doubled, over in zip(*columns, strict=True)
            ]
        finally:
            if collects:
                gc.enable()


def scan_all(work: Callable[..., tuple], files: Sequence[tuple[str, str]], title: str) -> Scan:
    """Read all pictures and their labels.

    Args:
        work: from (picture, label file) to (label dict or None, missing, found, empty, corrupt, message).
        files: those pairs.
        title: of the progress bar.
    """
    labels, found = {}, 0
    with ThreadPool(NUM_THREADS) as pool:
        for i, (label, _, has, _, _, message) in enumerate(TQDM(pool.imap(work, files), desc=title, total=len(files))):
            found += has
            if label is not None:
                labels[i] = label
            if message:
                LOGGER.info(message)
    return Scan.of(labels, found)


def places(labels: Path, runs: Any) -> Iterator[Path]:
    """Where the scan of a folder of labels may lie: beside it, else below the folder of the runs."""
    if not of_package(labels):
        yield labels.with_name(labels.name + SUFFIX)
    if runs and Path(runs).is_absolute():
        whole = hashlib.sha256(os.fsencode(labels.absolute())).hexdigest()[:16]
        yield Path(runs, ".labels", f"{labels.name}-{whole}{SUFFIX}")


def read(file: Path, key: str, pictures: int, nc: int) -> Scan | None:
    """The scan in a file, or None where it is not ours, not of these files, or not whole.

    Args:
        file: the cache.
        key: says names, sizes and dates of all files.
        pictures: how many there are.
        nc: number of classes.
    """
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        if not file.is_file():  # a pipe would never end
            return None
        with file.open("rb") as stream:
            head = json.loads(stream.readline(HEADER))
            if head["format"] != FORMAT or head["key"] != key:
                return None
            n, rows = int(head["pictures"]), int(head["rows"])
            sizes = {k: np.dtype(t).itemsize * c * (rows if k == "rows" else n) for k, (t, c) in COLUMNS.items()}
            if not 0 <= n <= pictures or rows < 0 or file.stat().st_size - stream.tell() != sum(sizes.values()):
                return None
            content = stream.read()
        if zlib.crc32(content) != head["crc32"]:
            return None
        arrays, start = {}, 0
        for name, (kind, columns) in COLUMNS.items():
            part = np.frombuffer(content, kind, sizes[name] // np.dtype(kind).itemsize, start)
            arrays[name] = part.reshape(-1, columns) if columns > 1 else part
            start += sizes[name]
        scan = Scan(**arrays, found=int(head["found"]))
        return scan if _makes_sense(scan, pictures, nc) else None
    return None


def _makes_sense(scan: Scan, pictures: int, nc: int) -> bool:
    """Whether every number can be used as what it is: somebody may have written the file by hand."""
    index, count, rows = scan.index, scan.count, scan.rows
    return bool(
        (np.diff(index) > 0).all()
        and ((index >= 0) & (index < pictures)).all()
        and (scan.shape > 0).all()
        and ((count >= 0) & (scan.doubled >= 0) & (scan.over >= 0)).all()
        and int(count.sum()) == len(rows)
        and np.isfinite(rows).all()
        and ((rows[:, 0] >= 0) & (rows[:, 0] < nc) & (rows[:, 0] % 1 == 0)).all()
        and (np.abs(rows[:, 1:]) < 2).all()
    )


def write(file: Path, key: str, scan: Scan) -> bool:
    """Keep a scan; False where nothing can be written. What another run wrote meanwhile is replaced whole."""
    content = b"".join(np.ascontiguousarray(getattr(scan, k), t).tobytes() for k, (t, _) in COLUMNS.items())
    head = {"format": FORMAT, "key": key, "pictures": len(scan.index), "rows": len(scan.rows), "found": scan.found}
    part = file.with_name(f"{file.name}.{socket.gethostname()}.{os.getpid()}.part")  # machines may share it
    try:
        if not file.parent.parent.is_dir() or file.is_dir():
            return False
        file.parent.mkdir(exist_ok=True)
        part.unlink(missing_ok=True)
        with part.open("xb") as stream:  # never through a link that lies there
            stream.write(json.dumps(head | {"crc32": zlib.crc32(content)}).encode() + b"\n" + content)
        os.replace(part, file)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        return False
    return True
