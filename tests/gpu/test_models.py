"""Whole models on a device: prediction and validation with every kind of crops as on the CPU, training and resuming."""

from __future__ import annotations

import csv
import functools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.detectors import assert_same_detections, awake, pictures
from tests.gpu.families import FAMILIES
from tests.tiny_data import QUICK, add_picture, room, write_tiny
from yolotiny import YOLO
from yolotiny.detector import Detector
from yolotiny.train.trainer import Trainer

CROPS = {
    "none": {"crops": "none"},
    "grid": {"crops": "grid", "tile": 64, "overlap": 0.25},
    "lsm": {"crops": "lsm", "k": 2, "pixel_scale": 1.0, "infer.crops.min_area": 0},
    "auto": {"crops": "auto", "pixel_scale": 1.4, "infer.crops.threshold": 0.2},
}
SHARE = {"yolox": 0.1}  # of the places that answer; most nets answer in the picture as in those they were set by
LOOK = {"imgsz": 160, "verbose": False, "iou": 0.7, "conf": 0.25, "max_det": 5000}


def name(device: torch.device) -> str:
    """The device as users write it."""
    return "0" if device.type == "cuda" else "cpu"


@functools.cache
def checkpoint(family: str) -> Path:
    """A detector that sees something."""
    torch.manual_seed(0)
    file = room() / "m.pt"
    args = {"imgsz": 128, "task": "detect", "model": "m.yaml"}
    model = awake(Detector(FAMILIES[family], nc=2), share=SHARE.get(family, 0.05))
    torch.save({"model": model, "ema": None, "epoch": -1, "train_args": args}, file)
    return file


@functools.cache
def scenes() -> list[np.ndarray]:
    """Pictures (128, 160, 3) of which the detectors make something."""
    return [(x.permute(1, 2, 0).numpy() * 255).astype(np.uint8) for x in pictures(2, (128, 160))]


def assert_same(found: Tensor, expected: Tensor) -> None:
    """Rows (n, 6) agree; a head of peaks gives no more than so many, and rounding may decide about the last one."""
    least = max(LOOK["conf"], expected[:, 4].min().item() if len(expected) else 0)
    assert_same_detections(found, expected, least, LOOK["iou"])


@functools.cache
def seen(family: str, crops: str, device: str, **more: int) -> tuple[Tensor, Tensor]:
    """Rows (n, 6) found in the picture, and the crops that were looked at."""
    options = LOOK | CROPS[crops] | more
    (found,) = YOLO(checkpoint(family)).predict(scenes()[0], device=device, project=str(room()), **options)
    assert found.boxes.data.device.type == ("cpu" if device == "cpu" else "cuda")
    return found.boxes.data.cpu(), getattr(found, "crops", torch.zeros(0, 4)).cpu()


@pytest.mark.parametrize("crops", CROPS)
@pytest.mark.parametrize("family", FAMILIES)
def test_prediction_finds_the_boxes_of_the_cpu(device, family, crops):
    if device.type == "cpu" and family != "yolov5" and crops != "none":
        pytest.skip("the CPU beside itself: one family shows that the test works")
    found, places = seen(family, crops, name(device))
    expected, wanted = seen(family, crops, "cpu")
    assert_same(found, expected)
    torch.testing.assert_close(places, wanted, atol=1e-2, rtol=0)
    assert crops == "none" or len(places)


@pytest.mark.parametrize("crops", ["none", "grid"])
@pytest.mark.parametrize("family", FAMILIES)
def test_prediction_in_half_precision_finds_nearly_the_same(device, family, crops):
    """Sure boxes of either side have a partner in the other; on a CPU ultralytics computes in float32 all the same."""
    if device.type == "cpu" and family != "yolov5":
        pytest.skip("the CPU beside itself: one family shows that the test works")
    half, whole = seen(family, crops, name(device), quantize=16)[0], seen(family, crops, "cpu")[0]
    reach = torch.tensor([3.0, 3.0, 3.0, 3.0, 0.03, 0.0])  # pixels, score, class
    for rows, others in ((half, whole), (whole, half)):
        sure = rows[rows[:, 4] > LOOK["conf"] + 0.03]
        assert len(sure) and ((sure[:, None] - others).abs() <= reach).all(2).any(1).float().mean() > 0.9


@functools.cache
def labelled(family: str) -> Path:
    """A data set whose objects are the best of what the detector finds on a CPU: the data YAML."""
    to = room()
    write_tiny(to, train=1, val=0)
    for i, scene in enumerate(scenes()):
        (found,) = YOLO(checkpoint(family)).predict(scene, device="cpu", project=str(to), **LOOK)
        best = found.boxes.xywhn[(found.boxes.xywh[:, 2:] > 2).all(1)][:12]
        add_picture(to, "val", f"{i}.png", scene, [(0, *row) for row in best.tolist()])
    return to / "data.yaml"


@functools.cache
def judged(family: str, crops: str, device: str) -> tuple[dict, dict[str, Tensor]]:
    """The report of a validation, and its rows by picture."""
    to = room()
    options = LOOK | CROPS[crops] | {"plots": False, "save_json": True, "workers": 0, "single_cls": True}
    model, data = YOLO(checkpoint(family)), str(labelled(family))
    report = model.val(data=data, device=device, project=str(to), name="val", **options).report
    rows: dict[str, list] = {}
    for row in json.loads((to / "val" / "predictions.json").read_text()):
        x, y, w, h = row["bbox"]
        rows.setdefault(str(row["image_id"]), []).append([x, y, x + w, y + h, row["score"], row["category_id"]])
    return report, {k: torch.tensor(v) for k, v in rows.items()}


@pytest.mark.parametrize("crops", CROPS)
@pytest.mark.parametrize("family", FAMILIES)
def test_validation_finds_the_boxes_and_figures_of_the_cpu(device, family, crops):
    if device.type == "cpu" and family != "yolov5":
        pytest.skip("the CPU beside itself: one family shows that the test works")
    (report, rows), (expected, wanted) = (judged(family, crops, d) for d in (name(device), "cpu"))
    assert rows.keys() == wanted.keys() and len(rows) == 2
    for image in rows:
        assert_same(rows[image], wanted[image])
    figures = [k for k in expected if k.startswith("AP") and expected[k] is not None]
    assert figures and [report[k] for k in figures] == pytest.approx([expected[k] for k in figures], abs=2e-3)


@pytest.mark.parametrize("amp", [True, "bf16"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_run_that_is_cut_off_goes_on(device, family, amp, tmp_path, monkeypatch):
    """Mixed precision, scaler, average, loader, checkpoint and resumption in one: all that `train` does on a device."""
    if device.type == "cpu" and (family, amp) != ("yolov5", True):
        pytest.skip("other tests train the families on a CPU")
    data = write_tiny(tmp_path / "data")
    save = Trainer.save_model

    def dies(trainer: Trainer) -> None:
        save(trainer)
        raise SystemError("killed")

    with monkeypatch.context() as patch, pytest.raises(SystemError):
        patch.setattr(Trainer, "save_model", dies)
        options = QUICK | {"epochs": 2, "device": name(device), "amp": amp, "workers": 2}
        YOLO(FAMILIES[family]).train(data=str(data), project=str(tmp_path), name="run", **options)
    made = YOLO(tmp_path / "run/weights/last.pt")
    made.train(resume=True)
    trainer = made.trainer
    assert trainer.device.type == device.type and trainer.start_epoch == 1
    assert all(p.device.type == device.type for p in trainer.ema.ema.parameters())
    moments = [v for state in trainer.optimizer.state.values() for v in state.values() if v.ndim]
    assert all(v.device.type == device.type and v.isfinite().all() for v in moments)
    # A scaler begins at 65,536 and leaves out each step that overflows: in two epochs of a step each, maybe both.
    assert moments or trainer.scaler.get_scale() < 65536
    if device.type == "cuda":
        assert trainer.amp and trainer.scaler.is_enabled() is (amp is True)
    with open(tmp_path / "run" / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert all(np.isfinite(float(v)) for row in rows for k, v in row.items() if "loss" in k)
    assert all(t.isfinite().all() for t in YOLO(tmp_path / "run/weights/best.pt").model.state_dict().values())
