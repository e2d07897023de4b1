"""What comes with the package: weights that find the objects of three pictures they were not trained on."""

from __future__ import annotations

import os
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from yolotiny import YOLO
from yolotiny.boxes import pairwise_iou
from yolotiny.cli.main import main
from yolotiny.config.lookup import file_meant
from yolotiny.errors import InputError
from yolotiny.runtime import Detector
from yolotiny.shipped import WEIGHTS, cfg_dir, weights_file

FOLDER, PICTURES = cfg_dir() / "weights", sorted((cfg_dir() / "pictures").glob("*.jpg"))
ONNX = WEIGHTS.replace(".pt", ".onnx")


def labels(picture):
    """-> (M, 4) xyxy in pixels, (M,) classes."""
    h, w = cv2.imread(str(picture)).shape[:2]
    rows = np.loadtxt(picture.with_suffix(".txt"), ndmin=2)
    centre, half = rows[:, 1:3], rows[:, 3:] / 2
    return torch.tensor(np.hstack((centre - half, centre + half)) * [w, h, w, h]), rows[:, 0]


def hits(boxes, classes, picture):
    """Detections, the best first, that are the first on an object of their class (IoU .5), and how many objects."""
    truth, labelled = labels(picture)
    iou = pairwise_iou(torch.as_tensor(boxes).double(), truth).numpy()
    free, found = np.ones(len(truth), bool), 0
    for row, k in zip(iou, classes, strict=True):
        fits = np.where(free & (labelled == k), row, 0)
        if fits.max() >= 0.5:
            free[fits.argmax()] = False
            found += 1
    return found, len(truth)


def f1(found):
    """Of (boxes, classes) of each picture."""
    rows = [(*hits(boxes, classes, p), len(boxes)) for (boxes, classes), p in zip(found, PICTURES, strict=True)]
    right, objects, said = np.sum(rows, axis=0)
    return 2 * right / (objects + said)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_is_little_and_all_of_it_is_there():
    assert sum(p.stat().st_size for p in FOLDER.iterdir()) < 10e6
    assert {p.name for p in FOLDER.iterdir()} == {WEIGHTS, ONNX, "README.md"}
    assert len(PICTURES) == 3 and all(p.stat().st_size < 100e3 for p in PICTURES)


def test_f1_on_pictures_that_were_not_trained_on(elsewhere):
    results = YOLO(WEIGHTS).predict([str(p) for p in PICTURES], verbose=False)
    assert f1([(r.boxes.xyxy, r.boxes.cls.numpy()) for r in results]) >= 0.6


def test_f1_of_the_file_for_machines_without_torch():
    found = [Detector(FOLDER / ONNX, threads=1)(p)[0] for p in PICTURES]
    assert f1([(f.boxes, f.classes) for f in found]) >= 0.6


def test_they_are_found_by_name_unless_a_file_here_has_it(elsewhere):
    assert weights_file(WEIGHTS) == FOLDER / WEIGHTS and weights_file(ONNX) == FOLDER / ONNX
    assert weights_file("README.md") is None and weights_file(f"weights/{WEIGHTS}") is None
    assert file_meant(WEIGHTS) == file_meant(Path(WEIGHTS).stem) == str(FOLDER / WEIGHTS)
    Path(WEIGHTS).touch()
    assert weights_file(WEIGHTS) is None and file_meant(WEIGHTS) == WEIGHTS


def test_training_can_start_from_them_by_name(elsewhere):
    model = YOLO("yolotiny-n.yaml").load(WEIGHTS).model
    there = YOLO(WEIGHTS).model.state_dict()
    first = next(k for k in there if k.endswith("conv.weight"))
    assert torch.equal(model.state_dict()[first], there[first])


def test_the_checkpoint_is_plain_data_and_names_no_place():
    content = torch.load(FOLDER / WEIGHTS, weights_only=True)
    tensors = content.pop("model")
    assert {t.dtype for t in tensors.values() if t.is_floating_point()} == {torch.float16}
    assert content["config"]["yaml_file"] == "yolotiny-n.yaml" and content["train_args"]["data"] == "hit-uav.yaml"
    assert not re.search(r"[/\\]", repr(content))


def test_the_card_says_what_they_are():
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    for said in ("CC BY 4.0", "10:227", "AI-TOD", "AP_vt", "imgsz=416", "Colour pictures"):
        assert said in card, said


@pytest.mark.parametrize("command", ["predict", "track"])
def test_a_command_without_a_model_takes_them_and_says_so(elsewhere, capsys, command):
    assert main([command, f"source={PICTURES[0]}", "save=False", "verbose=False"]) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if "infrared" in line]
    assert said == [f"model={WEIGHTS}: shipped weights for infrared drone pictures; give model= for others"]


def test_many_pictures_without_a_model(monkeypatch, capsys):
    bulk = pytest.importorskip("yolotiny.bulk.run", reason="needs pyarrow")

    def asked(model, **options):
        raise InputError(f"asked for {bulk.file_with_weights(model)}")

    monkeypatch.setattr("yolotiny.bulk.predict", asked)
    assert main(["predict", "source=pictures", "out=found"]) == 2
    told = capsys.readouterr()
    assert told.out.startswith(f"model={WEIGHTS}: ") and told.err.endswith(f"asked for {FOLDER / WEIGHTS}\n")


def test_an_export_without_a_model_is_written_here_and_not_into_the_package(elsewhere, capsys):
    before = {p: p.stat().st_mtime_ns for p in FOLDER.iterdir()}
    assert main(["export", "format=torchscript", "imgsz=64"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"{Path(WEIGHTS).stem}.torchscript"
    assert os.listdir() == [f"{Path(WEIGHTS).stem}.torchscript"]
    assert {p: p.stat().st_mtime_ns for p in FOLDER.iterdir()} == before


def test_training_without_a_model_takes_the_flagship(elsewhere, capsys):
    assert main(["train", "data=none.yaml"]) == 2
    told = capsys.readouterr()
    assert "model=yolotiny-n.yaml: the flagship" in told.out and "none.yaml" in told.err


@pytest.mark.parametrize("name", [WEIGHTS, ONNX])
def test_half_a_file_is_one_line(elsewhere, capsys, name):
    content = (FOLDER / name).read_bytes()
    Path(name).write_bytes(content[: len(content) // 2])
    assert main(["predict", f"model={name}", f"source={PICTURES[0]}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert name in line and "error" in line


def test_a_name_that_is_nearly_theirs(elsewhere, capsys):
    assert main(["predict", "model=yolotiny-n-hituav.pt", f"source={PICTURES[0]}"]) == 2
    assert f"did you mean '{WEIGHTS}'" in capsys.readouterr().err
