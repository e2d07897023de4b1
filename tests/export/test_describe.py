"""An exported file says all that its checkpoint knows, and is used as it is."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import yaml
from ultralytics.nn.backends.base import BaseBackend

from tests.detectors import photographs
from tests.runtime.conftest import hand_made
from yolotiny import YOLO, __version__
from yolotiny.cli.main import main
from yolotiny.detector import Detector
from yolotiny.errors import InputError
from yolotiny.runtime import Detector as Runtime

from .conftest import SIZE

pytestmark = pytest.mark.slow
KINDS = {"onnx": {"format": "onnx", "dynamic": True, "simplify": False}, "torchscript": {"format": "torchscript"}}
KINDS["openvino"] = {"format": "openvino"}


def picture(side: int = 2 * SIZE) -> np.ndarray:
    """A photograph, (side, side, 3) uint8 BGR."""
    return (photographs(side, 16)[0].permute(1, 2, 0).flip(2).numpy() * 255).astype(np.uint8)


@pytest.fixture(scope="module")
def files(tuned) -> dict[str, str]:
    return {kind: tuned.export(imgsz=SIZE, **options) for kind, options in KINDS.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_all_is_there_and_the_network_can_be_built_again(files, tuned, kind):
    said = BaseBackend.read_metadata(files[kind])
    assert json.loads(said["infer"]) == {"crops": {"type": "auto"}, "prior": 0.2}
    assert json.loads(said["eval"]) == {"nms_metric": "nwd", "protocol": "coco"}
    assert json.loads(said["suppression"]) == {"conf": 0.25, "iou": 0.85, "max_det": 1500, "nms_metric": "nwd"}
    assert json.loads(said["preprocessing"])["scale"] == 1 / 255
    assert (said["protocol"], said["yolotiny"], said["license"]) == ("coco", __version__, "AGPL-3.0")
    assert (float(said["object_size"]), float(said["crop_object_size"]), int(said["train_imgsz"])) == (9.5, 14.0, SIZE)
    assert "heatmap" not in said and str(said["imgsz"]) == str([SIZE, SIZE]) and "vehicle" in str(said["names"])
    again = Detector(yaml.safe_load(said["model_yaml"]))
    assert {k: v.shape for k, v in again.state_dict().items()} == {
        k: v.shape for k, v in tuned.model.state_dict().items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_has_to_be_said_for_the_file_to_do_what_the_checkpoint_does(files, tuned, kind, exact_openvino):
    ours, theirs = (m.predict(picture(), verbose=False)[0] for m in (tuned, YOLO(files[kind])))
    assert tuned.predictor.imgsz == [SIZE, SIZE] and tuned.predictor.nms_config.c == 9.5
    assert len(ours.crops) and len(ours.boxes)
    if kind == "onnx":  # a file of one size lays its crops out otherwise
        np.testing.assert_allclose(theirs.crops, ours.crops, atol=0.5)
        assert abs(len(theirs.boxes) - len(ours.boxes)) <= 0.02 * len(ours.boxes)
    exported = YOLO(files[kind])
    exported.predict(picture(), verbose=False)
    used = exported.predictor
    assert used.imgsz == [SIZE, SIZE] and used.nms_config.c == 9.5 and used.args.iou == 0.85
    assert used.sliced is not None and used.sliced.prior == 0.2


def test_the_runtime_reads_the_same(files):
    runtime = Runtime(files["onnx"])
    assert runtime.network.file.rules["nms_metric"] == "nwd" and runtime.network.file.infer["crops"] == {"type": "auto"}
    assert runtime.size_of(None) == (SIZE, SIZE) and runtime.network.file.training.crop_object_size == 14.0
    (found,) = runtime(picture())
    assert len(found.boxes) == pytest.approx(len(YOLO(files["onnx"]).predict(picture(), verbose=False)[0].boxes), abs=2)


def test_what_a_file_cannot_do_is_refused_with_the_reason(files):
    fixed = YOLO(files["torchscript"])
    with pytest.raises(InputError, match=rf"takes {SIZE}x{SIZE} pixels only: leave imgsz out, or export with dynamic="):
        fixed.predict(picture(), imgsz=2 * SIZE)
    with pytest.raises(InputError, match=r"takes .* pixels only"):
        fixed.val(data="data.yaml", imgsz=2 * SIZE)
    assert len(fixed.predict(picture(), imgsz=SIZE, verbose=False)) == 1
    with pytest.raises(InputError, match="^uncertainty=True needs the checkpoint: an exported file gives boxes"):
        fixed.predict(picture(), uncertainty=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_heat_map_in_the_file_gives_the_clusters_of_the_checkpoint(yolc, kind, exact_openvino, monkeypatch):
    lines = []
    monkeypatch.setattr("yolotiny.config.exported.LOGGER.warning", lambda text, *a, **k: lines.append(str(text)))
    exported = YOLO(yolc.export(imgsz=SIZE, heatmap=True, **KINDS[kind]))
    x = photographs()[:1]
    with torch.no_grad():
        wanted = yolc.model.eval()(x)[1].seen
    exported.predict(picture(), verbose=False, k=0)
    np.testing.assert_allclose(exported.predictor.model(x)[1], wanted, atol=1e-3)
    for top_k in (15, 50) if kind == "onnx" else ():
        options = {"top_k": top_k, "k": 3, "verbose": False}
        ours, theirs = (m.predict(picture(), **options)[0].crops for m in (yolc, exported))
        assert len(ours)
        np.testing.assert_allclose(theirs, ours, atol=1)
    assert lines == [] and not yolc.model.model[-1].show_map
    if kind == "onnx":
        assert Runtime(exported.model_name).network.outputs == ["output0", "heatmap"]


def test_without_the_map_it_is_said_once_where_clusters_come_from(yolc, monkeypatch):
    lines = []
    monkeypatch.setattr("yolotiny.config.exported.LOGGER.warning", lambda text, *a, **k: lines.append(str(text)))
    exported = YOLO(yolc.export(format="torchscript", imgsz=SIZE))
    exported.predict(picture(), verbose=False, crops="none")
    assert lines == []
    for _ in range(2):
        exported.predict(picture(), verbose=False)
    (line,) = lines
    assert line.endswith("has no heat map: clusters come from its boxes; export with heatmap=True")


def broken(folder, kind: str) -> str:
    """A file that is no detector, or no whole one."""
    file = folder / "best.onnx"
    if kind == "empty":
        file.touch()
    elif kind == "cut":
        file.write_bytes(hand_made(folder / "whole.onnx").read_bytes()[:700])
    elif kind == "torchscript":
        file = file.with_suffix(".torchscript")
        file.write_bytes(b"PK\x03\x04 and no more")
    elif kind == "openvino":
        file = folder / "best_openvino_model"
        file.mkdir()
    elif kind == "zero":
        hand_made(file, {"names": "{0: 'a', 1: 'b'}", "stride": "8", "imgsz": "[0, 64]", "task": "detect"})
    elif kind == "negative":
        hand_made(file, {"names": "{0: 'a', 1: 'b'}", "stride": "-8", "imgsz": "[64, 64]", "task": "detect"})
    elif kind == "turned":
        hand_made(file, output="turned")
    elif kind == "pose":
        hand_made(file, {"names": "{0: 'a'}", "task": "pose"})
    else:
        hand_made(file, {})  # of another program: any size may be asked for, and it takes one
    return str(file)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("empty", "is no whole ONNX file: it is empty, ends early, or is something else"),
        ("cut", "is no whole ONNX file: it is empty, ends early, or is something else"),
        ("torchscript", "is no whole TorchScript file: it is empty, ends early, or is something else"),
        ("openvino", "is no OpenVINO folder: there is no .xml file in it"),
        ("zero", "imgsz=0 in its metadata must be a whole number from 1 up; export it again"),
        ("negative", "stride=-8 in its metadata must be a whole number from 1 up; export it again"),
        ("turned", "is no detector of ours: it gives (1, 64, 12), not (B, 4 + classes, N)"),
        ("pose", "is a model for pose"),
        ("silent", "cannot run"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(kind, says, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    import cv2

    cv2.imwrite("a.png", picture(64))
    assert main(["predict", f"model={broken(tmp_path, kind)}", "source=a.png", "crops=none"]) == 2
    (line,) = (x for x in capsys.readouterr().err.splitlines() if x.startswith("yolotiny: error:"))
    assert says in line and "best" in line
