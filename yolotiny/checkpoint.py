"""Checkpoints: plain data when written, and a module built anew from its configuration when read.

A file holds tensors, numbers, text, lists and mappings, so `torch.load(weights_only=True)` opens it with nothing
allowed besides. Nothing in it names a place to write to or to fetch from; the data that it was trained on are named,
and count only where they are a YAML file on this machine.

    format, format_version   "yolotiny" and the version of what is described here
    config, names            all that builds the detector again, and its classes
    model                    state dict: the average in half precision in best.pt, the live weights in last.pt
    ema, updates             last.pt: the average in full precision, and the number of its updates
    optimizer, scaler, run   last.pt: what else the next step depends on, see `resumable`
    epoch, trained           number of the epoch, from 0; whether it was the last one
    best_fitness, stopper    last.pt: what patience counts from
    teacher                  last.pt: the section of the model file, whose checkpoint a run that goes on asks again
    train_args, train_metrics, train_results, date, version, license

Files of older versions and of ultralytics hold pickled objects. Their tensors and configuration are taken out without
making one of those objects, and the network is built from the configuration, as above.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from ultralytics.utils import DEFAULT_CFG_DICT

from . import __version__, weights
from ._compat import build_theirs
from .detector import Detector
from .errors import InputError
from .nn.timm_features import tensors_follow
from .weights import FORMAT, Record

VERSION = 1
# Training options that name a place, or the run and file that a checkpoint happened to be in.
PLACES = {"model", "name", "project", "save_dir", "resume", "pretrained", "source", "tracker", "cfg", "distill_model"}
TEACHER = "teacher"  # the section of a model file that is of training alone
# Gone from a finished file.
TO_GO_ON = ("ema", "updates", "optimizer", "scaler", "run", "best_fitness", "stopper", TEACHER)
REST = ("epoch", "trained", "train_metrics", "train_results", "date", "version")
THEIRS = "ultralytics.nn.tasks"


def plain(value: Any) -> Any:
    """A copy in tensors on the CPU, numbers, text, lists and mappings; anything else becomes its text."""
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Mapping):
        return {plain(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v) for v in value]
    if hasattr(value, "item") and getattr(value, "size", 0) == 1:  # a number of numpy
        return plain(value.item())
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return next((kind(value) for kind in (int, float) if isinstance(value, kind)), str(value))


def halved(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of any shape by name -> the same shapes in half precision on the CPU; values beyond its range are cut."""
    state = {k: v.detach().cpu().contiguous() for k, v in state.items()}
    return {k: torch.nan_to_num(v.half()) if v.is_floating_point() else v for k, v in state.items()}


def describe(model: nn.Module, args: Mapping[str, Any] | SimpleNamespace) -> dict[str, Any]:
    """What a file says of a network: its configuration, its tensors in half precision, and how it was trained.

    Args:
        model: a Detector, or a network of ultralytics.
        args: training options.
    """
    ours = {} if isinstance(model, Detector) else {"class": type(model).__name__}
    return ours | {
        "format": FORMAT,
        "format_version": VERSION,
        "config": plain({k: v for k, v in model.yaml.items() if k != TEACHER}),
        "names": plain(model.names),
        "model": halved(model.state_dict()),
        "train_args": kept_options(args),
        "date": datetime.now().astimezone().isoformat(),
        "version": __version__,
        "license": "AGPL-3.0",
    }


def kept_options(args: Mapping[str, Any] | SimpleNamespace) -> dict[str, Any]:
    """Training options of ultralytics without those that name a place; data only as a YAML file of this machine."""
    args = vars(args) if isinstance(args, SimpleNamespace) else args
    kept = {k: plain(v) for k, v in args.items() if k in DEFAULT_CFG_DICT and k not in PLACES}
    data = kept.get("data")
    local = isinstance(data, str) and data.endswith((".yaml", ".yml")) and not data.startswith(("//", "\\\\"))
    local = local and Path(data).is_file()
    return kept | {"data": str(Path(data).resolve()) if local else None}


def write(content: Mapping[str, Any], *files: Path) -> None:
    """Write a checkpoint to one or more places, each whole or not at all.

    Raises:
        OSError: it does not fit; what was there before stays.
    """
    buffer = io.BytesIO()
    torch.save(dict(content), buffer)
    for file in files:
        replace(file, buffer.getvalue())


def replace(file: Path, content: bytes) -> None:
    """Put `content` in the place of a file in one step: a kill or a full disk leaves the old content, or the new."""
    part = file.with_suffix(".part")
    try:
        part.write_bytes(content)
        move(part, file)
    finally:
        part.unlink(missing_ok=True)


def move(part: Path, file: Path) -> None:
    """Put a written file in the place of another, in one step."""
    with part.open("rb+") as written:
        os.fsync(written.fileno())  # else a power failure may keep the move and lose what was moved
    os.replace(part, file)


def strip(file: Path, **updates: Any) -> None:
    """Leave in a checkpoint what a finished run needs: the average in half precision, nothing to go on from.

    Args:
        file: rewritten in one step, in our format.
        updates: entries to put in.
    """
    content = weights.read_payload(file)
    if not isinstance(content, dict) or content.get("format") != FORMAT:  # of a run that an older version began
        older = read(file)
        rest = {k: older[k] for k in REST if k in older and k not in ("date", "version")}
        content = describe(older["ema"] or older["model"], older["train_args"]) | plain(rest)
    kept = {k: v for k, v in content.items() if k not in TO_GO_ON}
    write(plain(kept | {"model": halved(content.get("ema") or content["model"])} | updates), file)


def read(file: str | Path) -> dict[str, Any]:
    """A checkpoint in the form that ultralytics expects: the networks under `model` and `ema` are modules.

    Of a run that can go on, `ema` is the average and `live` the state dict of the weights themselves.

    Raises:
        InputError: no checkpoint, one that does not fit its own configuration, or one that holds no detector.
    """
    content = weights.read_payload(file)
    with weights.damage_of(file):
        if isinstance(content, dict) and content.get("format") == FORMAT:
            return _ours(content, str(file))
        return _older(content, str(file))


def _ours(content: dict[str, Any], file: str) -> dict[str, Any]:
    """From plain data."""
    if content["format_version"] > VERSION:
        raise InputError(f"{file} was written by yolotiny {content.get('version')}; this is {__version__}: update it")
    average = content.get("ema")
    config = content["config"] | ({TEACHER: content[TEACHER]} if content.get(TEACHER) else {})
    built = _build(content.get("class", ""), config, average or content["model"], content["names"], file)
    out = {k: content.get(k) for k in (*TO_GO_ON, *REST)} | {"train_args": kept_options(content["train_args"])}
    return out | ({"ema": built, "model": None, "live": content["model"]} if average else {"model": built, "ema": None})


def _older(content: Any, file: str) -> dict[str, Any]:
    """From pickled objects, of which only tensors and plain values are looked at."""
    outer = content if isinstance(content, dict) else {"model": content}
    record = next((r for r in (outer.get("ema"), outer.get("model")) if isinstance(r, Record)), None)
    if record is None:
        raise InputError(f"{file} holds weights and no configuration; use them as pretrained={file}")
    module, name = type(record).__module__, type(record).__name__
    theirs = module == THEIRS
    if module.partition(".")[0] == "models":
        raise InputError(f"{file} is of YOLOv5; use its weights as model=yolov5n.yaml pretrained={file}")
    if not theirs and (module, name) != ("yolotiny.detector", "Detector"):
        raise InputError(f"{file} holds {module}.{name}, which is no network of yolotiny or ultralytics")
    tensors = weights.tensors_of(record)
    built = _build(name if theirs else "", record.yaml, tensors, getattr(record, "names", None), file)
    args = outer.get("train_args")
    out = {k: outer[k] for k in (*TO_GO_ON, *REST) if k in outer and not isinstance(outer[k], Record)}
    options = {k: v for k, v in args.items() if not isinstance(v, Record)} if isinstance(args, dict) else {}
    out["train_args"] = kept_options(options)
    return out | ({"ema": built, "model": None} if outer.get("ema") is record else {"ema": None, "model": built})


def _build(kind: str, config: Any, tensors: Mapping[str, Tensor], names: Any, file: str) -> nn.Module:
    """A network from its configuration, with tensors that have to be exactly those it asks for.

    Args:
        kind: a class of ultralytics, empty for a Detector.
    """
    config = plain(config)
    if config.pop("base", None):
        raise InputError(f"{file} names a base of its model instead of holding the whole configuration")
    if config.get("recipe"):
        config["recipe"] = Path(str(config["recipe"])).name  # one of ours or of the user's own folder, nowhere else
    try:
        with tensors_follow():
            made = build_theirs(kind, config) if kind else Detector(config, ch=config.get("channels", 3))
    except InputError as error:
        hint = "; import your own layers before opening it" if "unknown module" in str(error) else ""
        raise InputError(f"{file} cannot be built: {error}{hint}") from error
    state = made.state_dict()
    # A network may have been saved after its convolutions and their norms were joined.
    if any(k.endswith(".running_mean") and k not in tensors for k in state):
        made.fuse(verbose=False)
        state = made.state_dict()
    odd = [k for k in {*state} ^ {*tensors}] or [k for k in state if state[k].shape != tensors[k].shape]
    if odd:
        raise InputError(f"{file} does not fit the network that it describes, first at {min(odd)}")
    made.load_state_dict(dict(tensors))
    known = weights.names_of(names) or {}
    made.names = {i: known.get(i, str(i)) for i in range(made.yaml["nc"])}
    return made.eval()
