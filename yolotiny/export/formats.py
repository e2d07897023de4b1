"""The formats that a network may be exported to, and the library that each of them needs."""

from __future__ import annotations

from importlib.util import find_spec

from ..errors import InputError, did_you_mean

OURS = "'yolotiny[deploy]'"  # the extra of setup.cfg
# What writes a format and, where it is another library, what runs it: the module to its name for pip. What stands under
# a format is asked for before anything is traced; nothing is ever installed unasked.
WRITES: dict[str, dict[str, str]] = {
    "onnx": {"onnx": OURS},
    "openvino": {"openvino": OURS},
    "engine": {"tensorrt": "tensorrt", "onnx": OURS},
    "coreml": {"coremltools": "coremltools"},
    "coreai": {"coreai_torch": "coreai-torch"},
    "saved_model": {"tensorflow": "tensorflow", "onnx2tf": "onnx2tf"},
    "pb": {"tensorflow": "tensorflow", "onnx2tf": "onnx2tf"},
    "edgetpu": {"tensorflow": "tensorflow", "onnx2tf": "onnx2tf"},
    "litert": {"litert_torch": "litert-torch"},
    "paddle": {"paddle": "paddlepaddle", "x2paddle": "x2paddle"},
    "mnn": {"MNN": "MNN"},
    "ncnn": {"ncnn": "ncnn", "pnnx": "pnnx"},
    "imx": {"model_compression_toolkit": "model-compression-toolkit"},
    "rknn": {"rknn": "rknn-toolkit2"},
    "executorch": {"executorch": "executorch"},
    "axelera": {"axelera": "axelera-devkit"},
    "deepx": {"dx_com": "dx_com"},
    "qnn": {"onnxruntime_qnn": "onnxruntime-qnn"},
    "hailo": {"hailo_sdk_client": "hailo-dataflow-compiler"},
    "xilinx": {"quark": "amd-quark"},
}
RUNS: dict[str, dict[str, str]] = {"onnx": {"onnxruntime": OURS}}


def format_meant(name: object) -> str:
    """The format that a user names.

    Raises:
        InputError: there is none of that name.
    """
    from ultralytics.engine.exporter import export_formats  # slow to import

    known, wanted = export_formats()["Argument"][1:], str(name).lower()
    if wanted not in known:
        raise InputError(f"unknown export format {str(name)!r}{did_you_mean(wanted, known)}")
    return wanted


def missing(kind: str, to_run: bool = False) -> str:
    """The library that is not there, by its name for pip, and that a format needs; "" for none.

    Args:
        kind: the format.
        to_run: the file is to be run here as well.
    """
    wanted = WRITES.get(kind, {}) | (RUNS.get(kind, {}) if to_run else {})
    return next((pip for module, pip in wanted.items() if not _there(module)), "")


def need_library(kind: str) -> None:
    """Raise InputError, with the line for pip, where the library that writes a format is not there."""
    if lacks := missing(kind):
        raise InputError(f"export to {kind} needs a library that is not installed: pip install {lacks}")


def _there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # it is there by name only
        return False
