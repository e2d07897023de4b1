"""What runs the network of an exported file: ONNX Runtime or OpenVINO, both behind one small face.

A backend is called with (B, C, H, W) float32 in 0..1 and gives its outputs as arrays, by several threads at once.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, did_you_mean
from ..registry import Registry


@dataclass(frozen=True)
class Signature:
    """What a network takes and gives.

    Attributes:
        batch: pictures of an input; None for any number.
        channels: of an input; None where the graph does not say.
        size: (height, width) of an input, pixels; None for any.
        dtype: of an input.
        outputs: the shape of each output by name, None where a side is open.
    """

    batch: int | None
    channels: int | None
    size: tuple[int, int] | None
    dtype: str
    outputs: dict[str, tuple[int | None, ...]]

    @classmethod
    def of(
        cls, inputs: Sequence[tuple[str, Sequence[Any], str]], outputs: Sequence[tuple[str, Sequence[Any]]], file: Path
    ) -> Signature:
        """From (name, shape, type) of the inputs and (name, shape) of the outputs.

        Raises:
            InputError: this is no detector of one picture input.
        """
        shape = _sides(inputs[0][1]) if len(inputs) == 1 else ()
        kind = inputs[0][2] if inputs else ""
        if len(shape) != 4 or kind not in ("float32", "float16"):
            takes = ", ".join(f"{name} {list(sides)} {kind}" for name, sides, kind in inputs)
            raise InputError(f"{file} is no detector of ours: it takes {takes}, not one float picture (B, C, H, W)")
        batch, channels, h, w = shape
        size = None if h is None or w is None else (h, w)
        if size and min(size) < 1:
            raise InputError(f"{file}: an input of {w}x{h} pixels cannot be; export it again")
        return cls(batch, channels, size, kind, {name: _sides(sides) for name, sides in outputs})


class OnnxRuntime:
    """ONNX Runtime.

    Args:
        path: the .onnx file.
        provider: what computes: cpu, cuda, tensorrt, or another of those that the installed package has.
        threads: of one forward; None for as many as the library likes.

    Raises:
        InputError: the library or the provider is not there, or it cannot load the file.
    """

    def __init__(self, path: Path, provider: str = "cpu", threads: int | None = None):
        try:
            import onnxruntime as ort
        except ImportError:
            raise InputError("ONNX Runtime is not installed: pip install onnxruntime") from None
        if path.suffix.lower() != ".onnx":
            raise InputError(f"{path} is no .onnx file; backend=openvino reads folders and .xml files")
        chosen = _provider(provider, ort.get_available_providers())
        options = ort.SessionOptions()
        options.log_severity_level = 3  # it warns of what a user cannot change
        if threads:
            options.intra_op_num_threads = threads
        try:
            self.session = ort.InferenceSession(str(path), options, providers=list(dict.fromkeys([chosen, CPU])))
        except Exception as error:  # its own classes, which have no common base
            raise InputError(f"ONNX Runtime cannot load {path}: {_said(error)}") from None
        if chosen not in self.session.get_providers():
            raise InputError(f"provider {provider!r} does not work on this machine; leave it out to run on the CPU")
        inputs = [(x.name, x.shape, _KINDS.get(x.type, x.type)) for x in self.session.get_inputs()]
        self.signature = Signature.of(inputs, [(x.name, x.shape) for x in self.session.get_outputs()], path)
        self.input, self.outputs = inputs[0][0], list(self.signature.outputs)

    def __call__(self, x: np.ndarray) -> list[np.ndarray]:
        """(B, C, H, W) in 0..1 -> each output, (B, ...)."""
        return self.session.run(self.outputs, {self.input: x})


class OpenVino:
    """OpenVINO, in float32: the same boxes on every processor.

    Args:
        path: a folder with an .xml and a .bin, that .xml, or an .onnx file.
        provider: the device: cpu, gpu, npu, auto.
        threads: of one forward; None for as many as the library likes.

    Raises:
        InputError: the library or the device is not there, or it cannot load the file.
    """

    def __init__(self, path: Path, provider: str = "cpu", threads: int | None = None):
        try:
            import openvino as ov
        except ImportError:
            raise InputError("OpenVINO is not installed: pip install openvino") from None
        file = next(iter(sorted(path.glob("*.xml"))), None) if path.is_dir() else path
        if file is None:
            raise InputError(f"{path} is no OpenVINO folder: there is no .xml file in it")
        core = ov.Core()
        device = provider.upper()
        there = [*core.available_devices, "AUTO"]
        if not any(d == device or d.startswith(f"{device}.") for d in there):
            raise InputError(f"unknown provider {provider!r} of openvino{did_you_mean(device, there)}")
        config: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if device == "CPU":
            config |= {"INFERENCE_PRECISION_HINT": "f32"} | ({"INFERENCE_NUM_THREADS": threads} if threads else {})
        try:
            self.compiled = core.compile_model(core.read_model(str(file)), device, config)
        except Exception as error:  # of all kinds
            raise InputError(f"OpenVINO cannot load {path}: {_said(error)}") from None
        inputs = [(_name(x), _shape(x), _KINDS.get(x.element_type.to_string(), "other")) for x in self.compiled.inputs]
        outputs = [(_name(x, str(i)), _shape(x)) for i, x in enumerate(self.compiled.outputs)]
        self.signature = Signature.of(inputs, outputs, path)
        self.own = threading.local()

    def __call__(self, x: np.ndarray) -> list[np.ndarray]:
        """(B, C, H, W) in 0..1 -> each output, (B, ...); each thread has a request of its own."""
        if not hasattr(self.own, "request"):
            self.own.request = self.compiled.create_infer_request()
        return list(self.own.request.infer(x).values())


BACKENDS = Registry("backend", {"onnxruntime": OnnxRuntime, "openvino": OpenVino})
CPU = "CPUExecutionProvider"
_KINDS = {"tensor(float)": "float32", "tensor(float16)": "float16", "f32": "float32", "f16": "float16"}


def _provider(name: str, available: Sequence[str]) -> str:
    """ONNX Runtime's name of a provider: CPUExecutionProvider of cpu."""
    short = {p.removesuffix("ExecutionProvider").lower(): p for p in available}
    found = short.get(name.lower().removesuffix("executionprovider"))
    if found is None and name.lower() in ("cuda", "tensorrt"):
        raise InputError(
            f"provider {name!r} is in another package: pip install onnxruntime-gpu in place of onnxruntime"
        )
    if found is None:
        raise InputError(f"unknown provider {name!r} of onnxruntime{did_you_mean(name.lower(), short)}")
    return found


def _sides(shape: Sequence[Any]) -> tuple[int | None, ...]:
    """A shape with None for every side that is open."""
    return tuple(side if isinstance(side, int) else None for side in shape)


def _shape(port: Any) -> list[int | None]:
    """The shape of an OpenVINO input or output."""
    shape = port.get_partial_shape()
    return [] if shape.rank.is_dynamic else [None if d.is_dynamic else d.get_length() for d in shape]


def _name(port: Any, otherwise: str = "input") -> str:
    return port.get_any_name() if port.get_names() else otherwise


def _said(error: Exception) -> str:
    """The last sentence of what a library says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][-200:] if lines else type(error).__name__
