"""What a run has found, for others: failed.parquet, and one file of COCO rows, CSV or GeoJSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TextIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import InputError
from ..files import whole
from ..picture_names import PictureName, named
from ..runtime.coco_rows import rows_of
from ..serve.geojson import PIXELS, features_of
from .plan import MANIFEST, Plan
from .shard import FOLDER, as_bytes
from .storage import Store

FAILED = "failed.parquet"
AT_ONCE = 8  # shards of a bucket whose ends are read at the same time
Rows = Iterator[tuple[PictureName, np.ndarray]]  # a picture that was looked at; (n, 6) xyxy pixels, score, class


def write_failed(plan: Plan) -> tuple[int, int]:
    """Write `failed.parquet`, with a row for each picture that could not be looked at; counts these, and all boxes."""
    schema = pa.schema({"picture": pa.string(), "error": pa.string(), "shard": pa.string()})

    def look(name: str) -> tuple[int, pa.Table | None]:
        with plan.store.opened(f"{FOLDER}/{name}.parquet") as file:
            shard = pq.ParquetFile(file)
            says = {k.decode(): int(v) for k, v in shard.schema_arrow.metadata.items()}
            if not says["failed"]:
                return says["boxes"], None
            found = shard.read(["picture", "error"])
            found = found.filter(found["error"].is_valid())
        return says["boxes"], found.append_column("shard", pa.array([name] * len(found), pa.string())).cast(schema)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(look, plan.counts()))
    table = pa.concat_tables([schema.empty_table(), *(rows for _, rows in found if rows is not None)])
    plan.store.write(FAILED, as_bytes(table))
    return len(table), sum(boxes for boxes, _ in found)


def convert(source: str, to: str, out: str | None = None) -> tuple[Path, int]:
    """Write what a run has found as one file; gives the file and the number of boxes.

    Args:
        source: the folder or s3://bucket/prefix that the run was told by `out`.
        to: coco, csv or geojson.
        out: the file; by default in that folder, or in the current one where that is a bucket.

    Raises:
        InputError: no run there, or one that is not through.
    """
    store = Store(source)
    if (plan := Plan.found(store)) is None:
        raise InputError(f"{source} holds no {MANIFEST}: give the folder that predict was told by out=")
    if missing := len(plan.counts().keys() - plan.done()):
        raise InputError(f"{source}: {missing} of {len(plan.counts())} shards are not done; run the same predict again")
    name, write = FORMATS[to]
    file = Path(out) if out else Path(name) if store.bucket else Path(store.root) / name
    if file.is_dir():
        raise InputError(f"out={out} is a folder: name a file")
    with whole(file) as part, part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as text:
        return file, write(text, _rows(plan), {int(k): v for k, v in plan.manifest["names"].items()})


def _rows(plan: Plan) -> Rows:
    """What was found in each picture, shard after shard."""
    names = named(path.decode("utf-8", "surrogateescape") for path in plan.table["picture"].to_pylist())
    for shard in plan.shards():
        with plan.store.opened(f"{FOLDER}/{shard.name}.parquet") as file:
            table = pq.read_table(file)
        ends = table["scores"].combine_chunks().offsets.to_numpy()
        boxes = table["boxes"].combine_chunks().flatten().flatten().to_numpy().reshape(-1, 4)
        others = [table[key].combine_chunks().flatten().to_numpy()[:, None] for key in ("scores", "classes")]
        rows = np.concatenate([boxes, *others], 1).astype(np.float32)
        seen = table["error"].is_null().to_pylist()
        for i, picture in enumerate(shard.pictures):
            if seen[i]:
                yield names[picture], rows[ends[i] : ends[i + 1]]


def _coco(out: TextIO, found: Rows, names: dict[int, str]) -> int:
    count = 0
    for picture, rows in found:
        for row in rows_of(rows, picture, range(1, len(names) + 1)):
            out.write(("[" if not count else ",\n") + json.dumps(row))
            count += 1
    out.write("]\n" if count else "[]\n")
    return count


def _csv(out: TextIO, found: Rows, names: dict[int, str]) -> int:
    table, count = csv.writer(out), 0
    table.writerow(["file_name", "x1", "y1", "x2", "y2", "score", "class", "name"])
    for picture, rows in found:
        for *box, score, label in rows.tolist():
            table.writerow([picture.file, *(round(x, 3) for x in box), round(score, 5), int(label), names[int(label)]])
        count += len(rows)
    return count


def _geojson(out: TextIO, found: Rows, names: dict[int, str]) -> int:
    count = 0
    out.write(json.dumps({"type": "FeatureCollection", "coordinates_in": PIXELS})[:-1] + ', "features": [')
    for picture, rows in found:
        boxes = [
            {
                "box": [round(x, 3) for x in box],
                "file_name": picture.file,
                "class": int(label),
                "name": names[int(label)],
                "score": round(score, 5),
            }
            for *box, score, label in rows.tolist()
        ]
        for feature in features_of({"detections": boxes})["features"]:
            out.write(("\n" if not count else ",\n") + json.dumps(feature))
            count += 1
    out.write("]}\n")
    return count


FORMATS: dict[str, tuple[str, Callable[[TextIO, Rows, dict[int, str]], int]]] = {
    "coco": ("predictions.json", _coco),
    "csv": ("predictions.csv", _csv),
    "geojson": ("predictions.geojson", _geojson),
}
