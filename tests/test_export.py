"""Exported files give what PyTorch gives, predict and validate: boxes to 1e-3 relative in pixels, scores to 1e-3."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from ultralytics.nn.autobackend import AutoBackend

from tests.detectors import assert_agree, assert_same_detections, awake, pictures
from tests.messages import assert_says
from yolotiny import YOLO
from yolotiny.data.scenes import write_demo
from yolotiny.detector import Detector
from yolotiny.errors import InputError
from yolotiny.ops.postprocess import scale_for

pytestmark = pytest.mark.slow
MODELS = ["yolov5n", "yolov5n-p2", "yolox-nano"]
SIZE = 128


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    """Three generated pictures to validate on."""
    return write_demo(tmp_path_factory.mktemp("demo"), train=1, val=3, imgsz=SIZE)


@pytest.fixture(scope="module", params=MODELS)
def model(request, tmp_path_factory) -> YOLO:
    """A model as from a checkpoint, in a folder of its own, where its exports go."""
    torch.manual_seed(0)
    detector = awake(Detector(f"{request.param}.yaml", nc=2))
    detector.names = {0: "vehicle", 1: "boat"}
    file = tmp_path_factory.mktemp(request.param) / f"{request.param}.pt"
    torch.save({"model": detector, "ema": None, "epoch": -1, "train_args": {"imgsz": SIZE, "task": "detect"}}, file)
    return YOLO(file)


def assert_same_outputs(model: YOLO, file: str, sizes=((SIZE, SIZE),)) -> None:
    """Raw outputs of the file beside PyTorch's, on noise of each size."""
    backend = AutoBackend(file, device=torch.device("cpu"), verbose=False)
    for h, w in sizes:
        x = pictures(1, (h, w), seed=9)
        with torch.no_grad():
            wanted = model.model(x)[0]
        assert_agree(backend(x), wanted)


def assert_same_predictions(model: YOLO, exported: YOLO) -> None:
    """Both find the same boxes on a picture, and call their classes the same."""
    image = (pictures(1, (SIZE, SIZE))[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    found = [m.predict(image, imgsz=SIZE, conf=0.25, iou=0.7, verbose=False)[0] for m in (model, exported)]
    assert found[0].names == found[1].names == {0: "vehicle", 1: "boat"}
    assert_same_detections(*(f.boxes.data for f in found))


def test_dynamic_onnx_runs_at_two_sizes(model):
    file = model.export(format="onnx", dynamic=True, imgsz=SIZE)
    assert_same_outputs(model, file, sizes=((128, 128), (96, 160)))
    assert_same_predictions(model, YOLO(file))


@pytest.mark.parametrize("kind", ["onnx", "torchscript", "openvino"])
def test_a_static_export_agrees_predicts_and_validates(model, demo, kind, exact_openvino):
    file = model.export(format=kind, imgsz=SIZE)
    assert_same_outputs(model, file)
    exported = YOLO(file)
    assert_same_predictions(model, exported)
    options = {"data": str(demo), "imgsz": SIZE, "batch": 1, "plots": False, "verbose": False, "rect": False}
    ours, theirs = (m.val(**options, project=str(Path(model.ckpt_path).parent)).report for m in (model, exported))
    assert ours["n_gt"] == theirs["n_gt"] and ours["n_gt"]["all"] > 0
    figures = [k for k in ours if k.startswith("A") and ours[k] is not None]
    assert [theirs[k] for k in figures] == pytest.approx([ours[k] for k in figures], abs=1e-3)


def test_suppression_inside_the_file_gives_the_same_detections(model, demo):
    file = model.export(format="onnx", nms=True, imgsz=SIZE, conf=0.25, iou=0.7)
    out = AutoBackend(file, device=torch.device("cpu"), verbose=False)(torch.rand(1, 3, SIZE, SIZE))
    assert tuple(out.shape) == (1, 1500, 6)  # max_det, above the objects of a crowded picture
    exported = YOLO(file)
    assert_same_predictions(model, exported)
    exported.val(data=str(demo), imgsz=SIZE, batch=1, plots=False, project=str(Path(model.ckpt_path).parent))
    assert exported.metrics.report["n_gt"]["all"] > 0


def test_exporting_leaves_the_model_as_it_was(model):
    x = pictures(1, (SIZE, SIZE))
    with torch.no_grad():
        before = model.model.eval()(x)[0]
        model.export(format="torchscript", imgsz=SIZE)
        after = model.model.eval()(x)[0]
    assert torch.allclose(before, after, rtol=1e-4, atol=1e-4) and not model.model.is_fused()
    model.model.train().zero_grad()
    assert model.model(x).box.requires_grad


def test_an_exported_file_is_no_model_to_train(model, demo):
    exported = YOLO(model.export(format="onnx", imgsz=SIZE))
    with pytest.raises((InputError, TypeError)):
        exported.train(data=str(demo))


@pytest.mark.parametrize("kind", ["onnx", "torchscript"])
def test_a_file_knows_how_large_its_objects_are_and_does_not_suppress_by_nwd_itself(model, kind, monkeypatch):
    measured = {"measured": {"object_size": 9.5, "crop_object_size": 20.0, "object_areas": [1.0, 2.0]}}
    monkeypatch.setattr(model.model, "yaml", model.model.yaml | measured)
    backend = AutoBackend(model.export(format=kind, imgsz=SIZE), device=torch.device("cpu"), verbose=False)
    assert scale_for(backend, {"nms_metric": "nwd"}) == 9.5 and float(backend.crop_object_size) == 20.0
    monkeypatch.setattr(model.model, "yaml", model.model.yaml | {"eval": {"nms_metric": "nwd"}})
    with pytest.raises(InputError, match="^export: suppression inside a file is by IoU"):
        model.export(format=kind, nms=True, imgsz=SIZE)


def test_a_head_of_two_stages_is_exported_for_one_size():
    with assert_says("dynamic=True does not go with a head of two stages", more=True):
        YOLO("frcnn").export(format="onnx", dynamic=True, imgsz=SIZE)
