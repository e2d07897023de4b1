"""The process of one run, in this one: train or go on, look, say what it took."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.study.made import run
from tests.tiny_data import QUICK, write_tiny
from yolotiny import YOLO
from yolotiny.study import worker
from yolotiny.study.records import epochs_of
from yolotiny.train.trainer import Trainer

OPTIONS = {k: v for k, v in QUICK.items() if k != "verbose"} | {"val": False, "epochs": 2}


@pytest.fixture
def asked(tmp_path):
    data = str(write_tiny(tmp_path / "data", train=4, val=2))
    made = run(tmp_path / "to", looks={"loose": {"iou": 0.7}})
    return replace(made, options=OPTIONS | {"data": data}, settings={"epochs": 2, "imgsz": 64})


def test_a_run_is_trained_once_and_cut_off_it_goes_on(asked, monkeypatch):
    save = Trainer.save_model

    def dies(trainer):
        save(trainer)
        raise SystemError("killed")

    with monkeypatch.context() as patch, pytest.raises(SystemError):
        patch.setattr(Trainer, "save_model", dies)
        worker.work(asked)
    assert epochs_of(asked)[0] == 1 and not asked.trained and asked.free
    assert worker.work(asked) and asked.done
    assert epochs_of(asked)[0] == 2 and asked.came["epochs"] == 2 and asked.came["peak_mb"] > 100
    assert asked.report()["protocol"] == asked.report("loose")["protocol"] == "aitod"

    monkeypatch.setattr(YOLO, "train", lambda *args, **kwargs: pytest.fail("trained again"))
    looked = []
    monkeypatch.setattr(worker, "look", lambda run, name: looked.append(name))
    assert worker.work(replace(asked, looks=asked.looks | {"new": {"iou": 0.5}}))
    assert looked == ["new"]


def test_a_run_that_another_process_has_is_not_touched(asked):
    with asked.lock as held:
        assert held.is_locked and not worker.work(asked)
    assert not asked.place.exists()


def test_rows_of_an_epoch_without_a_checkpoint_go(asked, monkeypatch):
    asked.place.mkdir()
    (asked.place / "results.csv").write_text("epoch,time\n1,1\n")
    monkeypatch.setattr(YOLO, "train", lambda self, **options: None)
    worker.train(asked)
    assert not asked.place.exists()


def test_the_commit_is_that_of_the_tree_and_none_of_an_installed_package(monkeypatch, tmp_path):
    at = worker.commit()
    assert at is None or len(at.rstrip("+")) == 40
    monkeypatch.setattr(worker, "__file__", str(tmp_path / "yolotiny" / "study" / "worker.py"))
    (tmp_path / "yolotiny" / "study").mkdir(parents=True)
    assert worker.commit() is None


def test_a_mistake_ends_the_log_with_its_line(asked, capsys):
    replace(asked, model="yolov5q").write()
    assert worker.main(str(asked.asked)) == 2
    out, err = capsys.readouterr()
    assert "yolotiny train model=yolov5q" in out and err.startswith("error: unknown model 'yolov5q.yaml'")
