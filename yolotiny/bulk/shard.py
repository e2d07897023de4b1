"""A shard: what was found in the pictures of a list, a row of a Parquet file for each picture."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = "shards"
NONE = np.zeros((0, 6), np.float32)
SCHEMA = pa.schema(
    {
        "picture": pa.string(),
        "width": pa.int32(),
        "height": pa.int32(),
        "boxes": pa.list_(pa.list_(pa.float32(), 4)),  # xyxy, pixels of the picture
        "scores": pa.list_(pa.float32()),
        "classes": pa.list_(pa.int32()),
        "error": pa.string(),  # why the picture could not be looked at; null where it was
    }
)


@dataclass(frozen=True)
class Found:
    """What is known of a picture.

    Attributes:
        picture: its path or address.
        size: (width, height) in pixels; None where it could not be read.
        rows: (n, 6) float32 xyxy in pixels of the picture, score, class.
        error: why it could not be looked at; "" where it was.
    """

    picture: str
    size: tuple[int, int] | None = None
    rows: np.ndarray = field(default_factory=lambda: NONE)
    error: str = ""


def name_of(pictures: Sequence[str], job: str) -> str:
    """The name of the shard of these pictures in a job; two jobs, or two lists, never share one."""
    text = "\n".join([job, *pictures]).encode("utf-8", "surrogateescape")
    return hashlib.sha256(text).hexdigest()[:20]


def shown(path: str) -> str:
    """A path as it stands in a table: bytes of a name that are no text as their numbers."""
    return path.encode("utf-8", "backslashreplace").decode()


def table_of(found: Iterable[Found]) -> pa.Table:
    """The table of a shard."""
    found = list(found)
    counts = [len(each.rows) for each in found]
    rows = np.concatenate([NONE, *(each.rows for each in found)]).astype(np.float32)
    ends = pa.array(np.cumsum([0, *counts]).astype(np.int32))
    boxes = pa.FixedSizeListArray.from_arrays(pa.array(rows[:, :4].ravel()), 4)
    columns = [
        pa.array([shown(each.picture) for each in found], pa.string()),
        pa.array([each.size and each.size[0] for each in found], pa.int32()),
        pa.array([each.size and each.size[1] for each in found], pa.int32()),
        pa.ListArray.from_arrays(ends, boxes),
        pa.ListArray.from_arrays(ends, pa.array(rows[:, 4])),
        pa.ListArray.from_arrays(ends, pa.array(rows[:, 5].astype(np.int32))),
        pa.array([each.error or None for each in found], pa.string()),
    ]
    says = {
        "failed": str(sum(bool(each.error) for each in found)),
        "boxes": str(len(rows)),
    }  # to be had without the rows
    return pa.table([c.cast(f.type) for c, f in zip(columns, SCHEMA, strict=True)], SCHEMA.with_metadata(says))


def as_bytes(table: pa.Table) -> pa.Buffer:
    """A table as a Parquet file."""
    out = pa.BufferOutputStream()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()
