"""What every test file may use."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

os.environ["YOLO_OFFLINE"] = "1"  # before anything imports ultralytics
os.environ["YOLO_AUTOINSTALL"] = "0"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets: $YOLOTINY_DATA, or shared/data beside the checkout."""
    folder = Path(os.environ.get("YOLOTINY_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"needs real pictures: no folder {folder}; set YOLOTINY_DATA")
    return folder


@pytest.fixture
def picture() -> Callable[..., Path]:
    """Write a grey picture: `picture(path, width, height)`."""

    def write(path: Path, width: int = 100, height: int = 50) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((height, width, 3), 128, np.uint8))
        return path

    return write


@pytest.fixture
def exact_openvino(monkeypatch):
    """OpenVINO computes in bfloat16 where a CPU can; the file holds float32, and that is compared."""
    openvino = pytest.importorskip("openvino")

    class Exact(openvino.Core):
        def compile_model(self, model, device_name="CPU", config=None):
            return super().compile_model(model, device_name, (config or {}) | {"INFERENCE_PRECISION_HINT": "f32"})

    monkeypatch.setattr(openvino, "Core", Exact)
