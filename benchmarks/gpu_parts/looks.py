"""Prediction, whole pictures and crops: with torch, ONNX Runtime on CUDA, and TensorRT where they are."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from benchmarks.crops import usual
from benchmarks.gpu_parts.clock import median_ms
from benchmarks.gpu_parts.setting import Setting
from yolotiny import YOLO

ROWS, COLUMNS = 4, 6  # of pictures of 640x512 in one of 3840x2048


def pictures(setting: Setting) -> tuple[np.ndarray, np.ndarray]:
    """A picture of the validation split, and one that is laid out of 24 of them: 3840 px wide."""
    data = yaml.safe_load(setting.data.read_text(encoding="utf-8"))
    folder = Path(data.get("path") or setting.data.parent) / data["val"]
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in {".jpg", ".jpeg", ".png"})
    tiles = [cv2.imread(str(f)) for f in (files * ROWS * COLUMNS)[: ROWS * COLUMNS]]
    tiles = [cv2.resize(t, (64, 48) if setting.toy else (640, 512)) for t in tiles]
    return tiles[0], np.vstack([np.hstack(tiles[i * COLUMNS : (i + 1) * COLUMNS]) for i in range(ROWS)])


def checkpoint(setting: Setting, folder: Path) -> Path:
    """A detector trained for a moment: times depend on how many boxes there are, and crops on where."""
    size = {"imgsz": 640, "epochs": 4, "batch": 16, "workers": 8, "cache": "ram"}
    if setting.toy:
        size = {"imgsz": 64, "epochs": 1, "batch": 4, "workers": 0}
    model = YOLO("yolov5n-p2p3.yaml")
    model.train(
        **size,
        data=str(setting.data),
        pretrained=str(setting.weights) if setting.weights else False,
        device=setting.option,
        warmup_epochs=0.5,
        plots=False,
        val=False,
        project=str(folder),
        name="train",
        verbose=False,
    )
    return folder / "train" / "weights" / "last.pt"


def cells(setting: Setting) -> list[dict[str, Any]]:
    """Picture, crops and batch, what matters most first."""
    small = [{"picture": "640x512", "crops": "none", "batch": b} for b in (1, 16)]
    kinds = ("full 640", "grid", "auto", "lsm")
    whole = {"picture": "3840x2048", "crops": "matched", "batch": 1}  # at full size, without crops
    large = [{"picture": "3840x2048", "crops": k, "batch": b} for b in (1, 16) for k in kinds]
    return [small[0], *large[:4]] if setting.toy else [*small, *large[:4], whole, *large[4:]]


def look(setting: Setting, model: YOLO, cell: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Milliseconds a picture; how many boxes and crops there were says what was done.

    On a CPU float16 is float32, as ultralytics has it.
    """
    small, large = pictures(setting)
    width = large.shape[1]
    wide = cell["picture"] != "640x512"
    options = usual(1.0, width, 0.25)[cell["crops"]] if wide else {"imgsz": 64 if setting.toy else 640}
    options |= {"imgsz": min(options["imgsz"], width)} | more
    batch = [large if wide else small] * cell["batch"]
    found: list[Any] = []

    def work() -> None:
        found[:] = model.predict(batch, device=setting.option, verbose=False, project=str(setting.out), **options)

    took = median_ms(work, setting.device, setting.toy)
    last = found[-1]
    return {"ms": took / len(batch), "boxes": len(last.boxes), "looked at again": len(getattr(last, "crops", ()))}


def with_torch(setting: Setting, file: Path, dtype: str, wanted: list[dict[str, Any]]) -> None:
    """The rows of a checkpoint in one type."""
    more = {"quantize": 16} if dtype == "float16" else {}
    for cell in setting.each("looks", [{"runtime": f"torch {dtype}", **c} for c in wanted]):
        setting.attempt("looks", cell, lambda c=cell: look(setting, YOLO(file), c, more))


def with_file(setting: Setting, runtime: str, make: Callable[[], str]) -> None:
    """The rows of an exported file that takes inputs of any size."""
    try:
        exported = make()
    except Exception as error:  # the other runtimes go on
        setting.record("looks", runtime=runtime, result=f"not exported: {type(error).__name__}: {str(error)[:120]}")
        return
    wanted = [{"runtime": runtime, **c} for c in cells(setting) if c["crops"] in ("none", "full 640", "grid")]
    for cell in setting.each("looks", wanted):
        setting.attempt("looks", cell, lambda c=cell: look(setting, YOLO(exported), c, {}))


def has_onnx(setting: Setting) -> bool:
    """Whether ONNX Runtime can compute on the device."""
    if not all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime")):
        return False
    import onnxruntime

    wanted = "CPUExecutionProvider" if setting.toy else "CUDAExecutionProvider"
    return wanted in onnxruntime.get_available_providers()


def main(setting: Setting) -> None:
    """One table; runtimes that are not there say so."""
    with tempfile.TemporaryDirectory() as folder:
        file = checkpoint(setting, Path(folder))
        wanted = cells(setting)
        with_torch(setting, file, "float16", wanted)
        size = {"imgsz": 64 if setting.toy else 640, "dynamic": True, "device": setting.option}
        onnx = f"ONNX Runtime {setting.device}"
        if has_onnx(setting):
            with_file(setting, onnx, lambda: YOLO(file).export(format="onnx", **size))
        else:
            setting.record("looks", runtime=onnx, result="not installed")
        if importlib.util.find_spec("tensorrt") is None:
            setting.record("looks", runtime="TensorRT float16", result="not installed")
        else:
            engine = size | {"format": "engine", "quantize": 16, "batch": 16}
            with_file(setting, "TensorRT float16", lambda: YOLO(file).export(**engine))
        with_torch(setting, file, "float32", wanted[:1] if setting.toy else [c for c in wanted if c["batch"] == 1])
