"""Read the tensors of a checkpoint without running anything that is pickled in it.

A `.pt` file is a pickle, and a pickle may name any function to be called while it is read. Here only what rebuilds
tensors is real; every other class becomes an inert `Record` that keeps its state, so files of YOLOv5, YOLOX,
ultralytics and yolotiny are read without those packages and a hostile file can do nothing.
"""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from . import mmdet
from .errors import InputError
from .shipped import weights_file

FORMAT = "yolotiny"  # what our checkpoints, which hold plain data alone, say under "format"
YOLOX_STEM = "backbone.backbone.stem."  # beginning of the first layer's names in official YOLOX checkpoints
T = TypeVar("T")
LEGACY_MAGIC = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")  # how torch.save began a file before torch 1.6


@dataclass(frozen=True)
class Weights:
    """What a checkpoint holds.

    Attributes:
        tensors: parameter and buffer names to CPU tensors of any shape; floating ones in float32, integer ones as they
            were.
        names: class index to class name, None when the file does not say.
        origin: "state dict", or "yolov5", "yolox", "mmdetection", "yolotiny" or "ultralytics", each followed by
            " checkpoint".
    """

    tensors: dict[str, Tensor]
    names: dict[int, str] | None
    origin: str


class Record:
    """Stands for an object of an unknown class: takes any arguments, keeps its state, does nothing."""

    def __init__(self, *args: Any, **kwargs: Any):
        pass

    def __new__(cls, *args: Any, **kwargs: Any) -> Record:
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        for part in state if isinstance(state, tuple) else (state,):  # (dict, slots) for classes with slots
            if isinstance(part, dict):
                self.__dict__.update(part)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Records of dict, list and set subclasses are filled item by item; their items are not needed."""

    append = extend = add = lambda self, item: None


class _NumberType(Record):
    """Stands for numpy.dtype: keeps the code of the type."""

    def __init__(self, code: Any = "", *args: Any):
        self.code = str(code)


def _number(kind: Any, raw: Any = b"") -> Any:
    """A number that numpy wrote, as one of Python; None for anything else."""
    known = isinstance(kind, _NumberType) and kind.code in ("f8", "f4", "f2", "i8", "i4", "u8", "b1")
    return np.frombuffer(raw, kind.code)[0].item() if known and isinstance(raw, bytes) else None


def _same_tensor(data: Tensor, *_: Any) -> Tensor:
    return data


def _plain_tensor(function: Callable, kind: Any, args: tuple, state: Any) -> Any:
    return function(*args)


REAL = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor"): torch._utils._rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): _same_tensor,
    ("torch._utils", "_rebuild_parameter_with_state"): _same_tensor,
    ("torch._tensor", "_rebuild_from_type_v2"): _plain_tensor,
    ("torch.storage", "UntypedStorage"): torch.UntypedStorage,
    ("_codecs", "encode"): lambda text, *_: str(text).encode("latin1"),  # how older pickles write bytes
    ("numpy", "dtype"): _NumberType,
    ("numpy.core.multiarray", "scalar"): _number,
    ("numpy._core.multiarray", "scalar"): _number,
    **{(m, t.__name__): t for m in ("builtins", "__builtin__") for t in (dict, list, tuple, set, frozenset)},
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in REAL:
            return REAL[module, name]
        if module == "torch" and isinstance(getattr(torch, name, None), torch.dtype):
            return getattr(torch, name)
        return type(name, (Record,), {"__module__": module})


class _InertPickle:
    """The two names that torch.load asks of a `pickle_module`."""

    Unpickler = _Unpickler

    @staticmethod
    def load(file: Any, **kwargs: Any) -> Any:
        return _Unpickler(file, **kwargs).load()


def read_tensors(path: str | Path) -> Weights:
    """Read every tensor of a checkpoint by name; where a file holds a model and its average (`ema`), the average.

    Args:
        path: a file written by torch.save: a state dict, alone or under `ema`, `model` or `state_dict`, or a model.

    Raises:
        InputError: no such file, no checkpoint, damaged, or no tensors in it.
    """
    with damage_of(path):
        weights = _interpret(read_payload(path))
    if not weights.tensors:
        raise InputError(f"{path} holds no named tensors; expected a state dict or a saved model")
    return weights


def collect(source: nn.Module | Mapping[str, Any] | str | Path) -> Weights:
    """The tensors of whatever weights are loaded from; `origin` says in words what that was.

    Args:
        source: a file (see `read_tensors`), a module, a checkpoint with a module or tensors under `ema` or `model`, or
            a state dict.

    Raises:
        InputError: a file without tensors to read.
    """
    if isinstance(source, (str, Path)):
        file = read_tensors(source)
        return replace(file, origin=f"{source} ({file.origin})")
    if isinstance(source, nn.Module):
        return Weights(source.float().state_dict(), names_of(getattr(source, "names", None)), "the given model")
    found = source.get("ema") or source.get("model") or source
    state = found.float().state_dict() if isinstance(found, nn.Module) else found
    return Weights(dict(state), None, "the given state dict")


def read_payload(path: str | Path) -> Any:
    """What torch.save was given, with a `Record` for every object that is not plain data.

    Args:
        path: a file written by torch.save, or the name of shipped weights.

    Raises:
        InputError: no such file, no checkpoint, or damaged.
    """
    path = weights_file(path) or Path(path)
    if not path.is_file():
        raise InputError(f"weights {path} do not exist" if not path.exists() else f"weights {path} is a folder")
    if problem := _not_a_checkpoint(path):
        raise InputError(f"{path} is not a checkpoint: {problem}")
    with damage_of(path):
        return torch.load(path, map_location="cpu", pickle_module=_InertPickle, weights_only=False)


@contextmanager
def damage_of(path: str | Path) -> Iterator[None]:
    """Whatever a hostile or damaged file provokes in here is the file's fault, and told as InputError."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{path} cannot be read as a checkpoint, it is damaged or of another kind ({reason})"
        ) from error


def match(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of `source` that `target` has under the same name with the same shape.

    Args:
        source, target: tensors of any shape by name.
    Returns:
        Tensors of the same shape by name.
    """
    return {k: v for k, v in source.items() if k in target and target[k].shape == v.shape}


def rename(tensors: Mapping[str, T], prefixes: Mapping[str, str]) -> dict[str, T]:
    """Return the tensors under new names: the longest prefix that fits is replaced, names that none fits are kept.

    Args:
        tensors: of any shape, by old name.
        prefixes: old beginning to new beginning, such as {"backbone.backbone.stem.": "model.0."}.
    Returns:
        The same tensors, of the same shape, by new name.
    """
    longest_first = sorted(prefixes, key=len, reverse=True)

    def new(name: str) -> str:
        old = next((p for p in longest_first if name.startswith(p)), "")
        return prefixes.get(old, "") + name[len(old) :]

    return {new(name): tensor for name, tensor in tensors.items()}


def ours(tensors: dict[str, Tensor], official: Mapping[str, str], bgr: bool) -> dict[str, Tensor]:
    """Tensors of official YOLOv5, YOLOX and mmdetection checkpoints under our names; others as they are.

    YOLOX's pictures are 0..255 and ours 0..1: the factor goes into the first filters. What changes in those of
    mmdetection says `mmdet.converted`.

    Args:
        tensors: by name, of any shape.
        official: beginnings of official names to ours, of the model file.
        bgr: the first filters of YOLOX expect blue first, and are to expect red first.
    Returns:
        By name, of any shape, as they came but for those of mmdetection.
    """
    return rename(_adapted(tensors, bgr), official if _is_official(tensors) else {})


def placeless(tensors: dict[str, Tensor], official: Mapping[str, str], target: Mapping[str, Tensor]) -> list[str]:
    """The names, as they were given, of tensors that `target` has no place for under our names.

    Args:
        tensors: by name, of any shape.
        official: as for `ours`.
        target: by name, of any shape. Counters of norms, which no network reads, are not told.
    """
    given = {name: name for name in _adapted(tensors, bgr=False)}
    found = rename(given, official if _is_official(tensors) else {})
    return [old for new, old in found.items() if new not in target and not old.endswith(".num_batches_tracked")]


def _is_official(tensors: Mapping[str, Tensor]) -> bool:
    """Whether names are those of an official checkpoint of YOLOv5, YOLOX or mmdetection."""
    return "model.24.anchors" in tensors or any(k.startswith("backbone.") for k in tensors)


def _adapted(tensors: dict[str, Tensor], bgr: bool) -> dict[str, Tensor]:
    """Tensors under their names, for our pictures and layers."""
    if any(k.startswith(YOLOX_STEM) for k in tensors):
        first = f"{YOLOX_STEM}conv.conv.weight"
        return {k: _stem(v, bgr) if k == first else v for k, v in tensors.items()}
    return mmdet.converted(tensors) if mmdet.is_mmdet(tensors) else tensors


def _stem(weight: Tensor, bgr: bool) -> Tensor:
    """YOLOX's first filters for pictures in 0..1 (and red first when the originals were blue first)."""
    if bgr:
        weight = weight.unflatten(1, (4, 3)).flip(2).flatten(1, 2)  # four pixel offsets of three colours
    return weight * 255


def _not_a_checkpoint(path: Path) -> str:
    """Say what a file that torch cannot have written looks like; empty for a checkpoint."""
    with open(path, "rb") as file:
        head = file.read(512)
    if head.startswith(b"PK"):
        try:
            with zipfile.ZipFile(path) as archive:
                inside = {Path(n).name for n in archive.namelist()}
        except zipfile.BadZipFile:
            return "the file is cut short or damaged"
        if "constants.pkl" in inside:  # torch.load would hand these to the TorchScript interpreter
            return "it looks like a TorchScript archive; use the .pt file it was exported from"
        return "" if "data.pkl" in inside else "it looks like a zip archive of something else"
    if head.startswith(LEGACY_MAGIC):
        return ""
    start = head.lstrip().lower()
    if not head:
        return "the file is empty"
    if start.startswith((b"<!doctype", b"<html")):
        return "it looks like a web page, so the download went wrong"
    if start.startswith(b"version https://git-lfs"):
        return "it looks like a Git LFS pointer; run git lfs pull"
    if head.startswith(b"\x80"):
        return "it looks like a Python pickle that torch.save did not write"
    return "it looks like text" if b"\0" not in head and head.isascii() else "it looks like binary data of another kind"


def _interpret(payload: Any) -> Weights:
    """Find the model in what the file held."""
    outer = payload if isinstance(payload, Mapping) else {}
    inner = next((outer[k] for k in ("ema", "model", "state_dict") if tensors_of(outer.get(k))), payload)
    tensors = dict(tensors_of(inner))
    if tensors and all(k.startswith("module.") for k in tensors):  # saved from a data-parallel wrapper
        tensors = {k.removeprefix("module."): v for k, v in tensors.items()}
    names = names_of(getattr(inner, "names", None)) or names_of(outer.get("names")) or names_of(mmdet.classes(outer))
    tensors = {k: v.detach().float() if v.is_floating_point() else v.detach() for k, v in tensors.items()}
    ours = outer.get("format") == FORMAT
    return Weights(tensors, names, f"{FORMAT} checkpoint" if ours else _origin(inner, tensors))


def tensors_of(thing: Any) -> dict[str, Tensor]:
    """Return the named tensors, of any shape, of a state dict or of the record of an nn.Module.

    Raises:
        InputError: a record that contains itself.
    """
    if isinstance(thing, Mapping):
        return {k: v for k, v in thing.items() if isinstance(k, str) and isinstance(v, Tensor)}
    return dict(_walk(thing, "", ())) if isinstance(thing, Record) else {}


def _walk(module: Record, prefix: str, above: tuple[int, ...]) -> Iterator[tuple[str, Tensor]]:
    """Yield what `nn.Module.state_dict` would: parameters, persistent buffers, then the children."""
    if id(module) in above:
        raise InputError("a module contains itself")
    transient = vars(module).get("_non_persistent_buffers_set", ())
    for group in ("_parameters", "_buffers"):
        for name, value in vars(module).get(group, {}).items():
            if isinstance(value, Tensor) and not (group == "_buffers" and name in transient):
                yield prefix + name, value
    for name, child in vars(module).get("_modules", {}).items():
        if isinstance(child, Record):
            yield from _walk(child, f"{prefix}{name}.", (*above, id(module)))


def names_of(value: Any) -> dict[int, str] | None:
    """Return class names given as a list or as a dict, else None."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    named = {k: v for k, v in pairs if isinstance(k, int) and isinstance(v, str)}
    return named or None


def _origin(model: Any, tensors: Mapping[str, Tensor]) -> str:
    """Name the package a model came from: by its class, or for those that save none, by the names of its tensors."""
    package = type(model).__module__.partition(".")[0] if isinstance(model, Record) else ""
    known = {"models": "yolov5 checkpoint", "ultralytics": "ultralytics checkpoint", "yolotiny": "yolotiny checkpoint"}
    if package in known:
        return known[package]
    yolox = any(k.startswith("backbone.backbone.") for k in tensors) and any(
        k.startswith("head.cls_preds.") for k in tensors
    )
    if yolox:
        return "yolox checkpoint"
    return "mmdetection checkpoint" if mmdet.is_mmdet(tensors) else "state dict"
