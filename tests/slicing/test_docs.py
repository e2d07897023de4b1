"""The examples of docs/slicing.md run as they stand."""

from __future__ import annotations

import re
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from tests.tiny_data import ROOT

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "slicing.md").read_text(encoding="utf-8"), re.DOTALL)
USE, TORCHVISION, PREDICT, ONNX = BLOCKS


class Boxes(SimpleNamespace):
    """Answers as RF-DETR and its like do: one square for each picture."""

    def predict(self, images: list[np.ndarray], threshold: float) -> list[SimpleNamespace]:
        one = SimpleNamespace(xyxy=np.array([[4.0, 4, 12, 12]]), confidence=np.array([0.6]), class_id=np.array([1]))
        return [one for _ in images]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with large.jpg in it, to work in."""
    cv2.imwrite(str(tmp_path / "large.jpg"), np.random.default_rng(0).integers(0, 255, (200, 300, 3), dtype=np.uint8))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def used(names: dict) -> np.ndarray:
    """The rows that the page's first example finds with the `detect` among `names`."""
    exec(USE.replace("imgsz=1280", "imgsz=128"), names)  # noqa: S102 the page itself
    assert names["found"].rows.shape[1] == 6 and names["sliced"].stats.images == 1
    return names["found"].rows


def test_a_detector_of_torchvision(folder):
    names: dict = {}
    exec(TORCHVISION, names)  # noqa: S102
    assert used(names).shape[1] == 6


def test_a_detector_with_a_predict_of_its_own(folder):
    names = {"np": np, "model": Boxes()}
    exec(PREDICT, names)  # noqa: S102
    assert len(used(names)) > 0


@pytest.mark.slow
def test_an_exported_file(folder):
    pytest.importorskip("onnxruntime")
    from tests.golden.cases import model

    made = model()
    made.model.yaml["yaml_file"], made.model.pt_path = str(folder / "best.yaml"), str(folder / "best.pt")
    made.export(format="onnx", imgsz=128, dynamic=True, nms=True, verbose=False)
    names: dict = {}
    exec(ONNX, names)  # noqa: S102
    assert len(used(names)) > 0
