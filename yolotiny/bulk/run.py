"""A run over many pictures: planned once, done by an engine, and taken up again where it was cut off."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import __version__
from ..config.lookup import file_meant
from ..config.option_table import SLICING, check
from ..errors import InputError, did_you_mean
from .devices import devices_of, workers_for
from .look import ModelLook, OpenModel
from .plan import Plan
from .sources import pictures_of
from .storage import Store, is_bucket
from .work import Engine, Summary, work

READ = {"data", "imgsz", "batch", "device", "bands", "stretch", "classes", "rect", "compile", "channels_last", "task"}
READ |= {"conf", "iou", "max_det", "agnostic_nms", "nms_metric", "nms_c", "nms", "augment", "quantize", "dnn", *SLICING}
# What says where and how fast, and may be another when a run is taken up again.
FREE = {"batch", "device", "compile", "channels_last", "task"}


def predict(
    model: str | Path,
    source: Any,
    out: str | Path,
    engine: str = "local",
    workers: int | None = None,
    **options: Any,
) -> Summary:
    """Look at each picture of a source once, with workers of this machine or of Ray.

    Args:
        model: a checkpoint or an exported file.
        source: a folder, a pattern, a list, or s3://bucket/prefix.
        out: the folder, or s3://bucket/prefix, for shards/*.parquet, plan.parquet, manifest.json and failed.parquet.
            What is done there already is not done again.
        engine: local or ray.
        workers: processes; by default one a card, or one a core, 8 at most.
        options: `ray` (the address of a cluster), `progress` (called with a word, how many pictures are done, and of
            how many), and those of `YOLO.predict` that say what is found, such as `imgsz`, `conf` and `crops`.

    Raises:
        InputError: nothing to look at, an option that is not read, another run in `out`, workers that cannot work.
    """
    address, progress = options.pop("ray", None), options.pop("progress", None)
    check("predict", {"engine": engine, "ray": address} | options, shell=True)
    if address is not None and engine != "ray":
        raise InputError(f"ray={address} is the address of a cluster: give engine=ray too")
    _check_options(options)
    devices = devices_of(options.pop("device", None), engine)
    chosen = Engine(engine, workers_for(workers, devices, engine), address, tuple(devices))
    file = file_with_weights(model)
    plan = _planned(file, source, Store(str(out)), options)
    load = OpenModel(os.path.abspath(file), options, devices, plan.manifest["depth"])
    return work(plan, load, chosen, progress)


def file_with_weights(model: str | Path) -> str:
    """The file that a model's name means; InputError for a model without weights, whose detections mean nothing."""
    file = file_meant(str(model))
    if file.endswith((".yaml", ".yml")):
        raise InputError(f"{file} is untrained: give a checkpoint or an exported file")
    return file


def _check_options(options: Mapping[str, Any]) -> None:
    """Raise InputError for an option that tables have no place for."""
    for key in options:
        if key not in READ and not key.startswith("infer."):
            raise InputError(f"out= writes tables and does not read {key}={did_you_mean(key, READ)}")


def _planned(file: str, source: Any, store: Store, options: Mapping[str, Any]) -> Plan:
    """The plan in `out`: that of an earlier call, with what its source has since got, or a new one."""
    kept = {k: v for k, v in options.items() if k not in FREE}
    manifest = {
        "yolotiny": __version__,
        "model": {"file": Path(file).name, "sha256": hash_of(file)},
        "source": [str(each) for each in source] if isinstance(source, (list, tuple)) else _absolute(source),
        "options": json.loads(json.dumps(kept, default=str)),
    }
    plan = Plan.found(store)
    if plan is not None:
        plan.check(manifest)
        plan.extend(pictures_of(source))
        return plan
    pictures = pictures_of(source)
    look = ModelLook(file, options, None if file.endswith(".engine") else "cpu", {})
    depth, said = look.settle(pictures)
    list(look(pictures[:1]))  # what cannot be is told before anything is written
    job = hashlib.sha256(json.dumps([manifest["model"]["sha256"], manifest["options"]]).encode()).hexdigest()
    manifest |= {"names": look.names, "depth": depth, "reading": said, "job": job}
    return Plan.begin(store, manifest, pictures)


def _absolute(source: str | Path) -> str:
    return str(source) if is_bucket(source) else os.path.abspath(source)


def hash_of(file: str) -> str:
    """The SHA-256 of a model: of a file, or of all files of a folder by name."""
    path, made = Path(file), hashlib.sha256()
    for each in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
        with each.open("rb") as content:
            while block := content.read(1 << 20):
                made.update(block)
    return made.hexdigest()
