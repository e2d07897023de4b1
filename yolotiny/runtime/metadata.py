"""What an exported file says of itself, read without torch and without the library that runs it.

An ONNX file has it in its `metadata_props`, an OpenVINO folder in metadata.yaml. All values are text, or plain values
in YAML; what is no plain text is JSON or, as ultralytics writes it, a literal of Python. Nothing has to be there.

    names        {0: "car", ...}, or a list; without it class0, class1, ...
    stride       what the sides of an input have to be divisible by; 32
    imgsz        (height, width) of the input in pixels; what the graph has, else 640
    batch        pictures of a file with suppression inside; 1
    channels     of the input; what the graph has, else 3
    task         detect
    args         {"nms": True, ...} of the export: whether suppression is inside, for how many pictures
    end2end      whether boxes come suppressed
    object_size, crop_object_size, pixel_scale, crop_threshold, crop_context
                 sizes measured in training, see `TrainingStats`; without them crops show objects as large as they are
    infer        the model file's section on crops, as JSON: {"crops": {"type": "lsm", "k": 2}, "merge": ...}; no crops
    eval         its rules of suppression, as JSON: {"nms_metric": "nwd", "nms_c": 9.5}; IoU
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..training_stats import TrainingStats

PROPERTIES = 14  # the field of an ONNX file that holds pairs of key and value
STRIDE, SIZE = 32, 640  # where the file says nothing


@dataclass(frozen=True)
class Metadata:
    """What is known of a file; what it does not say is None.

    Attributes:
        names: of the classes, by number.
        stride: what the sides of an input have to be divisible by.
        size: (height, width) of the input, pixels.
        batch: how many pictures a file with suppression inside takes.
        channels: of the input.
        suppressed: whether suppression is inside.
        training: sizes measured in training.
        infer: the section on crops, or None.
        rules: `nms_metric` and `nms_c`.
        there: whether the file says anything at all.
    """

    names: dict[int, str] | None = None
    stride: int = STRIDE
    size: tuple[int, int] | None = None
    batch: int = 1
    channels: int | None = None
    suppressed: bool = False
    training: TrainingStats = field(default_factory=TrainingStats)
    infer: Mapping[str, Any] | None = None
    rules: Mapping[str, Any] = field(default_factory=dict)
    there: bool = False

    @classmethod
    def of(cls, values: Mapping[str, Any], file: str | Path) -> Metadata:
        """Read and check them.

        Args:
            values: as they stand in the file.
            file: for messages.

        Raises:
            InputError: a value that cannot be, such as a size of 0, or a file that is no detector.
        """
        said = {key: _parsed(value) for key, value in values.items()}
        task = said.get("task") or "detect"
        if task != "detect":
            raise InputError(f"{file} is a model for {task}; the runtime takes detectors of boxes")
        args = _mapping(said.get("args"), "args", file)
        channels = said.get("channels")
        return cls(
            names=_names(said.get("names"), file),
            stride=_count(said.get("stride", STRIDE), "stride", file),
            size=_size(said.get("imgsz"), file),
            batch=_count(said.get("batch", 1), "batch", file),
            channels=None if channels is None else _count(channels, "channels", file),
            suppressed=bool(said.get("end2end") or args.get("nms")),
            training=TrainingStats.of({k: v for k, v in said.items() if k != "object_areas"}),
            infer=_mapping(said.get("infer"), "infer", file) or None,
            rules=_mapping(said.get("eval"), "eval", file),
            there=bool({"names", "stride", "imgsz"} & said.keys()),
        )


def size_said(values: Mapping[str, Any], file: str | Path) -> tuple[int, int] | None:
    """(height, width) in pixels of the input that a file was exported at, from the values that stand in it.

    Raises:
        InputError: a size that cannot be.
    """
    return _size(_parsed(values.get("imgsz")), file)


def read_metadata(path: Path) -> dict[str, Any]:
    """The values of an ONNX file, of an OpenVINO folder or of the .xml in one; empty where there are none.

    Raises:
        InputError: an ONNX file that is no such file, or ends early.
    """
    if path.suffix.lower() == ".onnx":
        return _onnx_properties(path)
    file = (path if path.is_dir() else path.parent) / "metadata.yaml"
    if not file.is_file():
        return {}
    from ..yaml_file import read_yaml

    return read_yaml(file, "metadata")


def _onnx_properties(path: Path) -> dict[str, str]:
    """The pairs in an ONNX file, skipping the graph: only heads of the fields are read."""
    out: dict[str, str] = {}
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            for number, start, length in _fields(file, size):
                if number == PROPERTIES:
                    file.seek(start)
                    key, value = _pair(file.read(length))
                    out[key] = value
                file.seek(start + length)
    except OSError as error:
        raise InputError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    except (EOFError, UnicodeDecodeError, ValueError):
        raise InputError(f"{path} is no whole ONNX file: it is empty, ends early, or is something else") from None
    return out


def _fields(file: Any, size: int) -> Iterator[tuple[int, int, int]]:
    """(number, start, bytes) of each field of a protobuf message that lies in `file` from where it stands."""
    if not size:
        raise EOFError
    while file.tell() < size:
        head = _varint(file)
        number, kind = head >> 3, head & 7
        if kind == 0:
            start = file.tell()
            _varint(file)
            length = file.tell() - start
        elif kind in (1, 5):
            start, length = file.tell(), 8 if kind == 1 else 4
        elif kind == 2:
            length = _varint(file)
            start = file.tell()
        else:
            raise ValueError(kind)
        if not number or start + length > size:
            raise EOFError
        yield number, start, length


def _varint(file: Any) -> int:
    value = shift = 0
    while shift < 64:
        byte = file.read(1)
        if not byte:
            raise EOFError
        value |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return value
        shift += 7
    raise ValueError(value)


def _pair(content: bytes) -> tuple[str, str]:
    """Key and value of an entry."""
    import io

    parts = {1: "", 2: ""}
    for number, start, length in _fields(file := io.BytesIO(content), len(content)):
        parts[number] = content[start : start + length].decode()
        file.seek(start + length)
    return parts[1], parts[2]


def _parsed(value: Any) -> Any:
    """A value that was written as text: JSON, a literal of Python, or the text itself."""
    if not isinstance(value, str):
        return value
    for read in (json.loads, ast.literal_eval):
        try:
            return read(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return value


def _names(value: Any, file: str | Path) -> dict[int, str] | None:
    if value is None:
        return None
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else None
    try:
        names = {int(k): str(v) for k, v in pairs or ()}
    except (TypeError, ValueError):
        names = {}
    if sorted(names) != list(range(len(names))) or not names:
        raise InputError(f"{file}: names in its metadata are no list of classes; give --names")
    return dict(sorted(names.items()))


def _size(value: Any, file: str | Path) -> tuple[int, int] | None:
    if value is None:
        return None
    sides = [value, value] if not isinstance(value, (list, tuple)) else list(value)
    if len(sides) != 2:
        raise InputError(f"{file}: imgsz={value!r} in its metadata is no size; export it again")
    return _count(sides[0], "imgsz", file), _count(sides[1], "imgsz", file)


def _count(value: Any, key: str, file: str | Path) -> int:
    """`value` as a whole number from 1 up."""
    whole = value if isinstance(value, int) and not isinstance(value, bool) else None
    if isinstance(value, float) and value.is_integer():
        whole = int(value)
    if whole is None or not 0 < whole < 1 << 20:
        raise InputError(f"{file}: {key}={value!r} in its metadata must be a whole number from 1 up; export it again")
    return whole


def _mapping(value: Any, key: str, file: str | Path) -> Mapping[str, Any]:
    if value in (None, ""):
        return {}
    if not isinstance(value, Mapping):
        raise InputError(f"{file}: {key}={value!r} in its metadata is no section; export it again")
    return value
