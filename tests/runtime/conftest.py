"""Exported files for the runtime: one made by hand that sees bright squares, and real ones of a small model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from tests.detectors import awake
from yolotiny import YOLO
from yolotiny.detector import Detector as TorchDetector

SIDE, CELL = 64, 8
METADATA = {"names": "{0: 'bright', 1: 'dull'}", "stride": "8", "imgsz": "[64, 64]", "task": "detect", "batch": "1"}


def hand_made(path: Path, metadata: Mapping[str, str] = METADATA, **changes: Any) -> Path:
    """A detector whose score of a cell is its mean brightness; class 1 has half of that, and never wins.

    Args:
        path: where to.
        metadata: of the file.
        changes: `batch` or `channels` of the input, `output` for the name of a shape that is wrong, `heatmap`.
    """
    n, channels = SIDE // CELL, changes.get("channels", 3)
    y, x = np.mgrid[:n, :n] * CELL + CELL / 2
    boxes = np.stack((x.ravel(), y.ravel(), np.full(n * n, CELL), np.full(n * n, CELL))).astype(np.float32)[None]
    batch = changes.get("batch", 1)
    nodes = [
        helper.make_node("ReduceMean", ["images", "one"], ["grey"], keepdims=1),
        helper.make_node("AveragePool", ["grey"], ["cells"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
        helper.make_node("Reshape", ["cells", "flat"], ["best"]),
        helper.make_node("Mul", ["best", "half"], ["second"]),
        helper.make_node("Sub", ["best", "best"], ["zero"]),
        helper.make_node("Add", ["zero", "boxes"], ["placed"]),
        helper.make_node("Concat", ["placed", "best", "second"], ["output0"], axis=1),
    ]
    outputs = [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [batch, 6, n * n])]
    if changes.get("output") == "turned":
        nodes.append(helper.make_node("Transpose", ["output0"], ["turned"], perm=[0, 2, 1]))
        nodes.append(helper.make_node("Concat", ["turned", "turned"], ["other"], axis=2))
        outputs = [helper.make_tensor_value_info("other", TensorProto.FLOAT, [batch, n * n, 12])]
    if changes.get("heatmap"):
        nodes.append(helper.make_node("Mul", ["cells", "nought"], ["heatmap"]))
        outputs.append(helper.make_tensor_value_info("heatmap", TensorProto.FLOAT, [batch, 1, n, n]))
    constants = {
        "one": np.array([1], np.int64),
        "flat": np.array([0, 1, n * n], np.int64),
        "half": np.float32(0.5),
        "nought": np.float32(changes.get("heatmap", 1)),
        "boxes": boxes,
    }
    graph = helper.make_graph(
        nodes,
        "hand",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, channels, SIDE, SIDE])],
        outputs,
        [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, dict(metadata))
    onnx.save(model, path)
    return path


def squares(*places: tuple[int, int, int], size: tuple[int, int] = (SIDE, SIDE)) -> np.ndarray:
    """(H, W, 3) uint8, dark but for squares of 8 px at (column, row) of cells, of a brightness."""
    image = np.zeros((*size, 3), np.uint8)
    for x, y, value in places:
        image[y * CELL : (y + 1) * CELL, x * CELL : (x + 1) * CELL] = value
    return image


@pytest.fixture(scope="session")
def bright(tmp_path_factory) -> Path:
    """The file made by hand."""
    return hand_made(tmp_path_factory.mktemp("hand") / "bright.onnx")


@pytest.fixture
def pictures(tmp_path) -> Path:
    """A folder with two pictures, one that is cut off, an empty one, and a text."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), squares((1, 2, 255), (6, 6, 200)))
    cv2.imwrite(str(folder / "b.png"), squares((3, 3, 255), size=(128, 128)))
    (folder / "c.jpg").write_bytes(cv2.imencode(".jpg", squares((1, 1, 255)))[1].tobytes()[:200])
    (folder / "d.png").touch()
    (folder / "notes.txt").write_text("nothing\n")
    return folder


@pytest.fixture(scope="session")
def exported(tmp_path_factory) -> dict[str, Path]:
    """A small YOLOv5 that sees something, and its ONNX files: static, dynamic, and with suppression inside."""
    folder = tmp_path_factory.mktemp("exported")
    torch.manual_seed(0)
    detector = awake(TorchDetector("yolov5n.yaml", nc=2))
    detector.names = {0: "vehicle", 1: "boat"}
    detector.yaml["measured"] = {"object_size": 12.0}
    out = {"checkpoint": folder / "static.pt"}
    kinds = {"static": {}, "dynamic": {"dynamic": True}, "nms": {"nms": True}}
    for kind, options in kinds.items():
        file = folder / f"{kind}.pt"
        torch.save({"model": detector, "ema": None, "epoch": -1, "train_args": {"imgsz": 128, "task": "detect"}}, file)
        out[kind] = Path(YOLO(file).export(format="onnx", imgsz=128, simplify=False, **options))
    return out
