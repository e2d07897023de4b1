"""A disk that is full, or a quota: one line says what could not be written and how much was; nothing is half there."""

from __future__ import annotations

import errno
import json
import shutil
import threading
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from tests.bad_files import full_after, listing
from tests.loaders.test_reader import write_video
from tests.messages import assert_says
from tests.tiny_data import QUICK, trained
from yolotiny import YOLO
from yolotiny.errors import InputError
from yolotiny.runtime.coco_rows import RowFile
from yolotiny.train.run_writes import in_one_line
from yolotiny.train.trainer import Trainer

OPTIONS = {"imgsz": 64, "verbose": False, "conf": 0.0001, "name": "p"}


@pytest.fixture
def model() -> YOLO:
    return YOLO(trained().best)


@pytest.fixture
def pictures(tmp_path):
    """Two plain pictures, whose results are small, and one of noise."""
    (tmp_path / "in").mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (256, 256, 3), np.uint8)
    for name, image in (("a", noise * 0), ("b", noise * 0), ("c", noise)):
        cv2.imwrite(str(tmp_path / "in" / f"{name}.png"), image)
    return tmp_path / "in"


def test_pictures_that_do_not_fit_are_counted(model, pictures, tmp_path):
    out = tmp_path / "p"
    message = f"cannot write {out / 'c.jpg'}: File too large; the results of 2 pictures before it are saved in {out}"
    with full_after(20_000), assert_says(message):
        model.predict(pictures, save=True, project=str(tmp_path), **OPTIONS | {"conf": 0.9})
    assert listing(out) == ["a.jpg", "b.jpg"]


def test_the_command_line_ends_with_code_2(pictures, tmp_path, capsys):
    from yolotiny.cli import main as cli

    words = [f"model={trained().best}", f"source={pictures}", f"project={tmp_path}", "name=p", "imgsz=64", "conf=0.9"]
    with full_after(20_000):
        assert cli.main(["predict", *words]) == 2
    assert "the results of 2 pictures before it are saved" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["save_txt", "save_crop"])
def test_text_and_crops_that_do_not_fit_are_one_line(model, pictures, tmp_path, kind):
    message = f"cannot write .*: File too large; the results of {0 if kind == 'save_txt' else 2} pictures before it"
    with full_after(400), pytest.raises(InputError, match=message):
        model.predict(pictures, project=str(tmp_path), max_det=500, **{kind: True}, **OPTIONS)
    assert "labels/a.txt" not in listing(tmp_path / "p")


def test_json_that_does_not_fit_never_stands_under_its_name(model, pictures, tmp_path):
    with (
        full_after(400),
        pytest.raises(InputError, match=r"cannot write .*predictions.json: File too large; .*part has 0"),
    ):
        model.predict(pictures, save_json=True, project=str(tmp_path), **OPTIONS)
    assert listing(tmp_path / "p") == ["predictions.json.part"]


def test_rows_are_counted_and_the_file_is_whole_at_the_end(tmp_path):
    file = RowFile(tmp_path / "a.json")
    file.add([{"a": 1}])
    with full_after(20), pytest.raises(InputError, match="has 1 pictures"):
        file.add([{"a": "long" * 10}])
    whole = RowFile(tmp_path / "b.json")
    whole.add([{"a": 1}, {"b": 2}])
    whole.close()
    assert json.loads((tmp_path / "b.json").read_text()) == [{"a": 1}, {"b": 2}]


def test_a_video_that_does_not_fit_is_one_line_and_goes(model, tmp_path):
    video = write_video(tmp_path / "v.avi", 8)
    with full_after(3000), pytest.raises(InputError, match=r"cannot write .*v.avi: only \d+ of 8 frames are in it"):
        model.predict(video, save=True, project=str(tmp_path), **OPTIONS)
    assert listing(tmp_path / "p") == []


def test_frames_that_do_not_fit_are_counted(model, tmp_path):
    video = write_video(tmp_path / "v.avi", 3)
    with full_after(300), pytest.raises(InputError, match=r"cannot write .*v_frames/v_1.jpg: .*of 0 pictures"):
        model.predict(video, save=True, save_frames=True, project=str(tmp_path), **OPTIONS)


def test_a_video_with_its_frames_is_saved_whole(model, tmp_path):
    video = write_video(tmp_path / "v.avi", 3)
    results = model.predict(video, save=True, save_frames=True, project=str(tmp_path), **OPTIONS)
    assert listing(tmp_path / "p") == ["v.avi", *(f"v_frames/v_{i}.jpg" for i in (1, 2, 3))]
    results[0].save(tmp_path / "one.png")
    assert cv2.imread(str(tmp_path / "one.png")).shape == (64, 64, 3)
    with full_after(10), assert_says(f"cannot write {tmp_path / 'one.png'}: File too large"):
        results[0].save(tmp_path / "one.png")


def test_an_export_that_does_not_fit_leaves_the_one_before_it(tmp_path):
    model = YOLO(shutil.copy(trained().best, tmp_path))
    (tmp_path / "best.onnx").write_text("before")
    with full_after(1_000_000), assert_says(f"cannot write the export of best.pt to {tmp_path}: File too large"):
        model.export(format="onnx", imgsz=64)
    assert listing(tmp_path) == ["best.onnx", "best.pt"] and (tmp_path / "best.onnx").read_text() == "before"
    assert model.model.pt_path == str(tmp_path / "best.pt")


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), RuntimeError("PytorchStreamWriter failed")])
def test_an_export_cut_off_while_it_is_written_leaves_nothing(tmp_path, monkeypatch, error):
    model = YOLO(shutil.copy(trained().best, tmp_path))

    def half(exporter, *args, **kwargs):
        exporter.file.with_suffix(".onnx").write_text("half")
        raise error

    monkeypatch.setattr("ultralytics.engine.exporter.Exporter.export_onnx", half)
    with pytest.raises(InputError, match=f"cannot write the export of best.pt to {tmp_path}: "):
        model.export(format="onnx", imgsz=64)
    assert listing(tmp_path) == ["best.pt"]


def test_plots_and_files_of_a_run_that_do_not_fit_are_one_line():
    full = OSError(errno.ENOSPC, "No space left on device")
    run = SimpleNamespace(save_dir="runs/train")

    def draw():
        raise full

    with assert_says("cannot write the results in runs/train: No space left on device; 2 epochs"):
        with in_one_line(run, lambda: "2 epochs"):
            thread = threading.Thread(target=draw)
            thread.start()
            thread.join()
    with assert_says("cannot write the results in runs/train: No space left on device"), in_one_line(run):
        draw()
    with pytest.raises(FileNotFoundError), in_one_line(run):
        raise FileNotFoundError(2, "No such file or directory", "a.jpg")


def test_training_says_how_many_epochs_are_complete_and_how_to_go_on(tmp_path, monkeypatch):
    write = Trainer.save_metrics

    def full(self, metrics):
        if self.epoch:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, metrics)

    monkeypatch.setattr(Trainer, "save_metrics", full)
    last = tmp_path / "r/weights/last.pt"
    said = f"1 of 2 epochs are complete, go on with: yolotiny train resume={last}"
    with assert_says(f"cannot write the results in {tmp_path / 'r'}: No space left on device; {said}"):
        YOLO("yolov5n.yaml").train(data=str(trained().data), project=str(tmp_path), name="r", **QUICK | {"epochs": 2})
