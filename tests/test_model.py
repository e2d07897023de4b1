"""`YOLO`: names to models, options to runs, and checkpoints that load safely and remember what they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ultralytics.utils import LOGGER

from tests.tiny_data import QUICK, trained
from yolotiny import YOLO
from yolotiny.detector import Detector
from yolotiny.errors import InputError
from yolotiny.model import HookedTrainer
from yolotiny.shipped import cfg_dir
from yolotiny.weights import _InertPickle

OPTIONS = {k: QUICK[k] for k in ("imgsz", "batch", "plots", "verbose", "device")}


@pytest.fixture
def warned(monkeypatch):
    lines = []
    monkeypatch.setattr(LOGGER, "warning", lambda text, *a, **k: lines.append(str(text)))
    return lines


@pytest.mark.parametrize("name", ["yolov5n", "yolov5n.yaml", "yolox-nano", "yolov8n"])
def test_a_name_is_enough(name):
    model = YOLO(name)
    assert isinstance(model.model, Detector) and model.task == "detect"
    assert model.own_head == (name != "yolov8n")


@pytest.mark.parametrize(
    ("command", "call"),
    [
        ("train", lambda model: model.train(data="data.yaml")),
        ("load", lambda model: model.load("best.pt")),
        ("save", lambda model: model.save("last.pt")),
        ("export", lambda model: model.export(format="onnx")),
        ("this", lambda model: model.info()),
        ("this", lambda model: model.fuse()),
    ],
)
def test_what_an_exported_file_cannot_do_is_one_line(tmp_path, command, call):
    (tmp_path / "best.onnx").write_bytes(b"\x08\x0a")  # a whole file, which says its version and nothing else
    model = YOLO(tmp_path / "best.onnx")
    line = rf"^{command} needs a checkpoint or a model file; \S*best\.onnx is an exported model$"
    with pytest.raises(InputError, match=line):
        call(model)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("yolov5nn", "unknown model 'yolov5nn.yaml'; did you mean 'yolov5n'"),
        ("yolov5n-p3.yaml", "or 'yolov5n-p2'"),
        ("best.pt", "model file 'best.pt' does not exist"),
        ("runs/yolov5.pt", "model file 'runs/yolov5.pt' does not exist; did you mean 'yolov5"),
    ],
)
def test_a_model_that_is_not_there_gets_the_nearest_names(name, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as error:
        YOLO(name)
    assert says in str(error.value) and "\n" not in str(error.value)


def test_a_trained_checkpoint_is_read_with_every_class_made_harmless(monkeypatch):
    best, modes, load = trained().best, [], torch.load
    monkeypatch.setattr(torch, "load", lambda *a, **k: modes.append(k["pickle_module"]) or load(*a, **k))
    model = YOLO(best)
    assert modes == [_InertPickle]
    assert model.names == {0: "a", 1: "b"} and model.model.yaml["nc"] == 2


def test_the_weights_of_a_yolox_checkpoint_load_safely_too():
    assert isinstance(YOLO(trained("yolox-nano.yaml").best).model, Detector)


def test_a_checkpoint_remembers_its_data_and_size(tmp_path):
    model = YOLO(trained().best)
    found = model.val(project=str(tmp_path), plots=False)
    assert model.overrides["imgsz"] == 64 and found.nt_per_class.sum() == 24


def test_training_starts_from_loaded_tensors_and_only_then(tmp_path, monkeypatch):
    from yolotiny.train.trainer import Trainer

    started = []
    monkeypatch.setattr(Trainer, "train", lambda self: started.append(self.model))
    monkeypatch.setattr(YOLO, "_run_trainer", lambda self: self.trainer.train())
    data, best = str(trained().data), str(trained().best)
    options = {"data": data, "project": str(tmp_path), **QUICK}
    stem = "model.0.conv.weight"
    wanted = YOLO(best).model.float().state_dict()[stem]
    for model, extra in (
        (YOLO(best), {}),
        (YOLO("yolov5n").load(best), {}),
        (YOLO("yolov5n"), {"pretrained": best}),
        (YOLO("yolov5n"), {}),
        (YOLO("yolov5n"), {"pretrained": True}),
        (YOLO(best), {"pretrained": False}),
    ):
        model.train(**options, **extra)
    assert [torch.equal(m.state_dict()[stem], wanted) for m in started] == [True] * 3 + [False] * 3


def test_settings_of_one_call_do_not_leak_into_the_next(tmp_path):
    model = YOLO(trained().best)
    assert "AP_l" in model.val(protocol="coco", project=str(tmp_path), **OPTIONS).report
    assert "AP_vt" in model.val(project=str(tmp_path), **OPTIONS).report
    with pytest.raises(InputError):
        model.train(data="nowhere.yaml", **{"loss.box.weight": 2})
    assert model.model.yaml["loss"]["box"]["weight"] == 0.05


def test_runs_are_written_below_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    YOLO(trained().best).predict(np.zeros((64, 64, 3), np.uint8), save=True, verbose=False)
    assert (tmp_path / "runs/detect/predict").is_dir()


def test_prediction_that_saves_nothing_needs_no_writable_folder(tmp_path, monkeypatch):
    model = YOLO(trained().best)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    found = model.predict(np.zeros((64, 64, 3), np.uint8), imgsz=64, project=str(tmp_path / "x"), verbose=False)
    assert len(found) == 1 and not (tmp_path / "x").exists()


def test_an_untrained_model_warns_before_it_detects(warned, tmp_path):
    picture = np.zeros((64, 64, 3), np.uint8)
    YOLO("yolov5n").predict(picture, imgsz=64, project=str(tmp_path), verbose=False)
    assert any("yolov5n.yaml is untrained" in line for line in warned)
    warned.clear()
    YOLO(trained().best).predict(picture, imgsz=64, project=str(tmp_path), verbose=False)
    assert not any("untrained" in line for line in warned)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda m: m.tune(data="d.yaml"), "tune is not part of yolotiny; compare settings as arms: yolotiny study run"),
        (lambda m: m.benchmark(data="d.yaml"), "data file 'd.yaml' does not exist"),
        (lambda m: m.train(), "train needs data=FILE.yaml; for a first try: yolotiny data demo"),
        (lambda m: m.val(), "val needs data=FILE.yaml"),
        (lambda m: m.predict(), "predict needs source="),
        (lambda m: m.predict("nowhere.jpg"), "source 'nowhere.jpg' does not exist"),
        (lambda m: m.train(data="d.yaml", epoch=3), "unknown option 'epoch'; did you mean 'epochs'"),
        (lambda m: m.val(data="d.yaml", **{"loss.box.weight": 1}), "val does not read loss.box.weight="),
    ],
)
def test_what_is_missing_or_unknown_is_said_in_one_line(call, says):
    with pytest.raises(InputError) as error:
        call(YOLO("yolov5n"))
    assert says in str(error.value) and "\n" not in str(error.value)


def test_a_head_of_ultralytics_trains_with_ignore_regions_and_its_own_gains(tmp_path):
    model = YOLO("yolov8n")
    model.train(data=str(trained().data), project=str(tmp_path), name="run", box=5.0, **QUICK)
    assert (tmp_path / "run/weights/best.pt").exists() and model.trainer.args.box == 5.0
    assert isinstance(YOLO(tmp_path / "run/weights/best.pt").model, Detector)


def test_a_training_begins_with_what_was_asked_for_and_not_with_every_option(tmp_path, monkeypatch):
    data, lines = trained().data, []
    monkeypatch.setattr(LOGGER, "info", lambda text, *a, **k: lines.append(str(text)))
    monkeypatch.setattr(HookedTrainer, "train", lambda trainer: None)
    monkeypatch.setattr(YOLO, "open_file", lambda *_: None)
    YOLO("yolov5n").train(data=str(data), project=str(tmp_path), imgsz=64, **{"loss.box.weight": 0.1})
    asked = [line for line in lines if "imgsz" in line]
    said = f"asked for: model=yolov5n.yaml, data={data}, project={tmp_path}, imgsz=64, loss.box.weight=0.1"
    assert [line.partition(";")[0].replace(str(cfg_dir() / "models") + "/", "") for line in asked] == [said]
    assert asked[0].endswith(f"; run: {tmp_path / 'train'}, args.yaml there has every option")
    assert (tmp_path / "train" / "args.yaml").is_file()
