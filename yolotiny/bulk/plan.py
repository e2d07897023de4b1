"""What a run is to do: one file fixes the pictures of each shard, and one the model and the options of all of them."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import InputError
from .shard import FOLDER, as_bytes, name_of
from .storage import Store, Unreachable

MANIFEST, PLAN = "manifest.json", "plan.parquet"
FEWEST, MOST, WANTED = 16, 1000, 64  # pictures of a shard at least and at most, and shards that suit a small run
SCHEMA = pa.schema({"shard": pa.string(), "picture": pa.binary()})  # names of files may be any bytes


@dataclass(frozen=True)
class Shard:
    """A shard that is to be done."""

    name: str
    pictures: list[str]


class Plan:
    """The shards of a run, in the folder `out` that they are written to.

    Args:
        store: that folder, on a disk or in a bucket.
        manifest: what `manifest.json` says.
        table: of `plan.parquet`: the shard of each picture, those of a shard one after the other.
    """

    def __init__(self, store: Store, manifest: Mapping[str, Any], table: pa.Table):
        self.store, self.manifest, self.table = store, manifest, table

    @classmethod
    def found(cls, store: Store) -> Plan | None:
        """The plan that was begun in a folder; None where there is none.

        Raises:
            InputError: a manifest that is none of ours.
        """
        try:
            text, content = store.read(MANIFEST), store.read(PLAN)
            return cls(store, json.loads(text), pq.read_table(io.BytesIO(content)).cast(SCHEMA))
        except FileNotFoundError:
            return None
        except Unreachable:
            raise
        except (ValueError, KeyError) as error:
            raise InputError(f"{store.address} holds a {MANIFEST} or {PLAN} of another program") from error

    @classmethod
    def begin(cls, store: Store, manifest: Mapping[str, Any], pictures: Sequence[str]) -> Plan:
        """Fix the shards of a new run; the manifest, written last, makes it one."""
        made = cls(store, manifest, _table(pictures, str(manifest["job"]), len(pictures)))
        made._write_table()
        store.write(MANIFEST, json.dumps(manifest, indent=2).encode())
        return made

    def check(self, manifest: Mapping[str, Any]) -> None:
        """Raise InputError where the run that was begun here has another model, source or options."""
        before = self.manifest
        where = f"{self.store.address} was begun with"
        for what in ("model", "source", "options"):
            old: Any = before.get(what)
            new: Any = manifest[what]
            if old == new:
                continue
            if what == "options":
                key = next(k for k in sorted({*old, *new}) if old.get(k) != new.get(k))
                said = f"{key}={old[key]}" if key in old else f"no {key}="
                raise InputError(f"{where} {said}: give the same options, or another out=")
            if what == "model":
                raise InputError(f"{where} another model ({old['file']}, {old['sha256'][:8]}): give another out=")
            raise InputError(f"{where} source={old}: give the same source, or another out=")

    def extend(self, pictures: Sequence[str]) -> int:
        """Add shards for pictures that the source has since got; how many there are."""
        known = set(self.table["picture"].to_pylist())
        new = [p for p in pictures if p.encode("utf-8", "surrogateescape") not in known]
        if new:
            self.table = pa.concat_tables([self.table, _table(new, str(self.manifest["job"]), len(pictures))])
            self._write_table()
        return len(new)

    def shards(self) -> Iterator[Shard]:
        """All shards, in the order of the plan."""
        runs, start = pc.run_end_encode(self.table["shard"].combine_chunks()), 0
        for name, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            rows = self.table["picture"].slice(start, end - start).to_pylist()
            yield Shard(name, [row.decode("utf-8", "surrogateescape") for row in rows])
            start = end

    def counts(self) -> dict[str, int]:
        """How many pictures each shard has, by its name."""
        return {str(each["values"]): each["counts"] for each in self.table["shard"].value_counts().to_pylist()}

    def done(self) -> set[str]:
        """The names of the shards that are there, whole."""
        return {file.removesuffix(".parquet") for file in self.store.names(FOLDER)}

    def _write_table(self) -> None:
        self.store.write(PLAN, as_bytes(self.table))


def _table(pictures: Sequence[str], job: str, of: int) -> pa.Table:
    """Shards of pictures; a run of few has small ones, so that all workers have something to do."""
    side = min(max(math.ceil(of / WANTED), FEWEST), MOST)
    names: list[str] = []
    for i in range(0, len(pictures), side):
        part = pictures[i : i + side]
        names += [name_of(part, job)] * len(part)
    paths = [p.encode("utf-8", "surrogateescape") for p in pictures]
    return pa.table([pa.array(names, pa.string()), pa.array(paths, pa.binary())], SCHEMA)
