"""An exported file as the commands meet it: what it says of itself, and one line where it cannot be used."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ultralytics.nn.backends.base import BaseBackend
from ultralytics.utils import LOGGER

from ..errors import InputError
from ..runtime.inputs import whole_strides
from ..runtime.metadata import Metadata, read_metadata

LIBRARIES = ("onnxruntime", "openvino", "tensorrt", "onnx")  # whose errors are about a file
BROKEN = ("zip archive", "PytorchStreamReader", "torch.jit")  # torch's own words


@dataclass
class ExportedFile:
    """What is known of a file.

    Attributes:
        path: the file or folder; "" for a network of torch, which says all by itself.
        says: its metadata.
        dynamic: its input may have any size.
        heatmap: whether its head's own map is its second output; None for heads without one.
        told: it was said that crops are found from boxes.
    """

    path: str = ""
    says: Metadata = field(default_factory=Metadata)
    dynamic: bool = False
    heatmap: bool | None = None
    told: bool = False

    @classmethod
    def read(cls, path: str) -> ExportedFile:
        """Look into a file without the library that runs it.

        Raises:
            InputError: it is empty, ends early, is something else, or says what cannot be.
        """
        file = Path(path)
        values = read_metadata(file) if file.suffix.lower() == ".onnx" else _others(file)
        says = Metadata.of(values, path)
        args = values.get("args") or {}
        args = _literal(args) if isinstance(args, str) else args
        heat = values.get("heatmap")
        known = None if heat is None else str(heat) == "True"
        return cls(path, says, bool(args.get("dynamic")), known)

    @property
    def configuration(self) -> dict[str, Any]:
        """The sections of a model file that it has: crops and rules, and its name for messages."""
        infer = {"infer": dict(self.says.infer)} if self.says.infer else {}
        return infer | {"eval": dict(self.says.rules), "yaml_file": self.path}

    @property
    def usual(self) -> dict[str, Any]:
        """Options where a user says nothing: the size that it was exported for."""
        return {"imgsz": max(self.says.size)} if self.says.size else {}

    def check_size(self, imgsz: Any) -> None:
        """Raise InputError for a size that a user gave and the file does not take."""
        if imgsz is None or self.dynamic or self.says.size is None:
            return
        if whole_strides(imgsz, self.says.stride) != self.says.size:
            h, w = self.says.size
            raise InputError(f"{self.path} takes {w}x{h} pixels only: leave imgsz out, or export with dynamic=True")

    def tell_of_boxes(self) -> None:
        """Say once that crops are found otherwise than by its checkpoint, where they are."""
        if self.heatmap is False and not self.told:
            LOGGER.warning(f"{self.path} has no heat map: clusters come from its boxes; export with heatmap=True")
            self.told = True

    def check_output(self, y: Any, names: Mapping[int, str]) -> None:
        """Raise InputError where what a file gives is not what a detector gives.

        Args:
            y: its first output.
            names: of its classes.
        """
        if not self.path:
            return
        shape = tuple(getattr(y, "shape", ()))
        rows = len(shape) == 3 and shape[2] == 6
        whole = len(shape) == 3 and shape[1] >= 5 and (shape[1] == 4 + len(names) or not self.says.names)
        if not rows and not whole:
            gives = ", ".join(map(str, shape)) or "nothing"
            raise InputError(f"{self.path} is no detector of ours: it gives ({gives}), not (B, 4 + classes, N)")

    @contextlib.contextmanager
    def in_one_line(self) -> Iterator[None]:
        """While it lasts, what libraries say of the file is one line of ours."""
        try:
            yield
        except Exception as error:
            if self.path and isinstance(error, ModuleNotFoundError):
                lacks = f"{error.name}, which is not installed: {_pip(error.name)}"
                raise InputError(f"{self.path} is run by {lacks}") from None
            of_library = type(error).__module__.partition(".")[0] in LIBRARIES
            if not self.path or not (of_library or any(word in str(error) for word in BROKEN)):
                raise
            raise InputError(f"cannot run {self.path}: {_last(error)}") from error


def _others(file: Path) -> dict[str, Any]:
    """Metadata of a file that is no ONNX; {} where it has none."""
    if file.suffix == ".torchscript" and not zipfile.is_zipfile(file):
        raise InputError(f"{file} is no whole TorchScript file: it is empty, ends early, or is something else")
    if file.is_dir() and file.name.endswith("_openvino_model") and not any(file.glob("*.xml")):
        raise InputError(f"{file} is no OpenVINO folder: there is no .xml file in it")
    return BaseBackend.read_metadata(file)


def _literal(text: str) -> dict[str, Any]:
    import ast

    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {}
    return found if isinstance(found, dict) else {}


def _pip(module: str | None) -> str:
    ours = module in ("onnx", "onnxruntime", "openvino")
    return "pip install 'yolotiny[deploy]'" if ours else f"pip install {module}"


def _last(error: Exception) -> str:
    """The last sentence of what a library says."""
    lines: Sequence[str] = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][-200:] if lines else type(error).__name__
