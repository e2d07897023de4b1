"""benchmarks/gpu.py: all of it at toy size, its mistakes, and the bundle for a machine without a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml

from benchmarks import gpu as program
from benchmarks.gpu_parts import bundle
from benchmarks.gpu_parts.setting import Setting, page, read
from tests.messages import assert_says
from tests.tiny_data import QUICK, ROOT, write_tiny
from yolotiny import YOLO
from yolotiny.train.trainer import Trainer

# Of the packages that ours or ultralytics ask for, those that neither the bundle nor a bare machine has.
MISSING = ("polars", "albumentations", "lap", "hotcoco", "openvino", "onnxslim", "ultralytics_platform")


def gpu(*words: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "gpu.py"), *words],
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_the_whole_program_runs_at_toy_size_on_a_cpu(tmp_path):
    done = gpu("dry", f"out={tmp_path / 'dry'}")
    rows = read(tmp_path / "dry")
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert {row["name"]: row["result"] for row in rows if row["part"] == "parts"} == dict.fromkeys(
        ("tests", "steps", "looks", "schedule"), "done"
    )
    assert [row for row in rows if "failed" in str(row.get("result"))] == []
    assert next(row for row in rows if row["part"] == "tests")["result"].startswith("5 passed")
    assert {row["model"] for row in rows if row["part"] == "steps"} == {"yolov5n-p2p3", "ultralytics yolov5n"}
    assert all(row["ms"] > 0 for row in rows if row["part"] == "steps")
    assert {row["crops"] for row in rows if "ms" in row and row["part"] == "looks"} == {
        *("none", "full 640", "grid", "auto", "lsm")
    }
    assert {row["arm"] for row in rows if row["part"] == "schedule" and "AP" in row} == {"default", "yolox-rka"}
    assert "| default | 1 |" in (tmp_path / "dry" / "schedule.md").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rnu"], "unknown command 'rnu'; did you mean 'run'?"),
        ([], "unknown command ''; there are: dry, pack, run"),
        (["run", "oot=x"], "unknown option 'oot' of run; did you mean 'out'?"),
        (["run", "data=nowhere.yaml"], "data=nowhere.yaml does not exist; `pack` writes runs/bundle/data/data.yaml"),
        (["run", "limit=soon"], "limit=soon must be a whole number, such as 520"),
        (["pack"], "pack needs data=HIT-UAV, the folder as it was downloaded"),
        (["pack", "data=cfg"], "data=cfg is no HIT-UAV folder: there is no cfg/annotations/train.json"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(words, said):
    done = gpu(*words)
    assert (done.returncode, done.stderr.strip(), done.stdout) == (2, said, "")


def test_without_a_card_run_says_so(tmp_path):
    done = gpu("run", f"data={write_tiny(tmp_path)}", f"out={tmp_path / 'out'}", CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 2 and not (tmp_path / "out").exists()
    assert done.stderr == "run needs a CUDA device and torch sees none; `dry` does the same at toy size on a CPU\n"


def test_a_part_that_fails_or_takes_too_long_says_so_and_the_rest_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(program, "PARTS", {"nowhere": 60.0, "looks": 0.1})
    ended = {}
    for limit, code in ((60, 1), (5, 0)):
        assert program.main(["dry", f"out={tmp_path / str(limit)}", f"limit={limit}"]) == code
        ended[limit] = [row["result"] for row in read(tmp_path / str(limit)) if row["part"] == "parts"]
    absent = "failed (1): ModuleNotFoundError: No module named 'benchmarks.gpu_parts.nowhere'"
    assert ended == {60: [absent, "cut after 0.1 s"], 5: ["not begun: no time left"] * 2}


def test_results_are_not_mixed_with_those_of_another_run(tmp_path, capsys):
    (tmp_path / "results.jsonl").touch()
    assert program.main(["dry", f"out={tmp_path}"]) == 2
    assert capsys.readouterr().err == f"out={tmp_path} holds results already; give another folder\n"


def test_results_are_written_as_they_come_and_a_line_cut_off_does_not_count(tmp_path):
    setting = Setting(tmp_path, tmp_path, None, True, 100)
    setting.record("steps", model="a", ms=1.23456)
    setting.attempt("steps", {"model": "b"}, lambda: (_ for _ in ()).throw(torch.cuda.OutOfMemoryError("many words")))
    setting.attempt("steps", {"model": "c|d"}, lambda: {"ms": 1 / 0})
    with open(tmp_path / "results.jsonl", "a") as file:
        file.write('{"part": "st')
    rows = read(tmp_path)
    assert [row.get("result") for row in rows] == [None, "oom", "failed: ZeroDivisionError: division by zero"]
    table = (tmp_path / "results.md").read_text()
    assert table == page(rows) and "| a | 1.235 |  |" in table and "| c/d |  | failed" in table


def test_cells_beyond_the_time_are_counted(tmp_path):
    late = Setting(tmp_path, tmp_path, None, True, 0)
    assert list(late.each("looks", [{"a": 1}, {"a": 2}])) == []
    assert read(tmp_path) == [{"part": "looks", "result": "no time left for 2 more"}]


def write_hit_uav(to: Path, train: int = 3) -> Path:
    for split, count in (("train", train), ("val", 1)):
        (to / split).mkdir(parents=True)
        images, boxes = [], []
        for i in range(count):
            noise = np.random.default_rng(i).integers(0, 255, (64, 80), dtype=np.uint8)
            cv2.imwrite(str(to / split / f"{i}.png"), noise)
            images.append({"id": i, "filename": f"{i}.png", "width": 80, "height": 64})
            boxes.append({"id": i, "image_id": i, "category_id": 1, "bbox": [8, 8, 16, 12], "area": 192, "iscrowd": 0})
        names = [{"id": i, "name": n} for i, n in enumerate(("Person", "Car", "Bicycle", "OtherVehicle", "DontCare"))]
        (to / "annotations").mkdir(exist_ok=True)
        content = {"images": images, "annotation": boxes, "categories": names}
        (to / "annotations" / f"{split}.json").write_text(json.dumps(content))
    return to


@pytest.fixture
def no_wheels(monkeypatch):
    monkeypatch.setattr(bundle, "wheels", lambda to: (to / "a.whl").write_bytes(b"x" * 1000) and ["a==1"])


def test_the_bundle_has_small_pictures_and_trains_wherever_it_lies(tmp_path, no_wheels, monkeypatch):
    source = write_hit_uav(tmp_path / "HIT-UAV")
    (source / "train600.txt").write_text("0.png\n2.png\n")
    bundle.pack(str(source), "", str(tmp_path / "bundle"), "55", "60")
    moved = (tmp_path / "bundle").rename(tmp_path / "elsewhere")
    assert sorted(p.name for p in (moved / "data/images/train").iterdir()) == ["0.jpg", "2.jpg"]
    assert "path" not in yaml.safe_load((moved / "data" / "data.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    data = str(moved / "data" / "data.yaml")
    YOLO("yolov5n.yaml").train(data=data, project=str(tmp_path), **(QUICK | {"val": False}))


def test_a_bundle_that_is_too_large_is_refused_and_the_one_before_it_stays(tmp_path, no_wheels):
    source = write_hit_uav(tmp_path / "HIT-UAV")
    bundle.pack(str(source), "", str(tmp_path / "bundle"), "55", "60")
    with assert_says("bundle and tree have ", more=True):
        bundle.pack(str(source), "", str(tmp_path / "bundle"), "0", "60")
    assert {p.name for p in (tmp_path / "bundle").iterdir()} == {"wheels", "data", "about.json"}
    assert {p.name for p in tmp_path.iterdir()} == {"HIT-UAV", "bundle"}
    (tmp_path / "mine").mkdir()
    with assert_says(f"to={tmp_path / 'mine'} is there and is no bundle; give a new folder"):
        bundle.pack(str(source), "", str(tmp_path / "mine"), "55", "60")


def test_training_resuming_validation_and_prediction_need_nothing_that_the_bundle_leaves_out(tmp_path, monkeypatch):
    for package in MISSING:
        monkeypatch.setitem(sys.modules, package, None)  # import raises
    data, save = write_tiny(tmp_path / "data", train=4, val=2), Trainer.save_model

    def dies(trainer):
        save(trainer)
        raise SystemError("killed")

    with monkeypatch.context() as patch, pytest.raises(SystemError):
        patch.setattr(Trainer, "save_model", dies)
        YOLO("yolov5n.yaml").train(data=str(data), project=str(tmp_path), name="run", **(QUICK | {"epochs": 2}))
    model = YOLO(tmp_path / "run/weights/last.pt")
    model.train(resume=True)
    options = {"imgsz": 64, "device": "cpu", "project": str(tmp_path), "verbose": False}
    assert model.val(data=str(data), plots=False, **options).report
    assert [len(model.predict(data.parent / "images/val", crops=c, **options)) for c in ("none", "grid", "auto")] == [
        2
    ] * 3
