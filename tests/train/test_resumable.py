"""A run that is cut off at any moment goes on as if it had not been, and ends where it would have ended."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml

from tests.test_checkpoint import SMALL, Evil
from tests.tiny_data import QUICK, ROOT, trained, write_tiny
from yolotiny import YOLO, checkpoint
from yolotiny.cli import main as cli
from yolotiny.errors import InputError
from yolotiny.train.results_csv import cut_rows
from yolotiny.train.run_state import EpochOrder
from yolotiny.train.stopping import HungUp, Terminated, says_how_to_go_on
from yolotiny.train.trainer import Trainer
from yolotiny.val.validator import Validator

# 4 batches an epoch and a step each 3, so gradients wait at the end of an epoch; warm-up ends and mosaic is closed
OPTIONS = QUICK | {"epochs": 4, "batch": 2, "nbs": 6, "warmup_epochs": 2.5, "close_mosaic": 1, "optimizer": "AdamW"}
OPTIONS |= {"lr0": 0.002}


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """Data and a small model file."""
    folder = tmp_path_factory.mktemp("resumable")
    (folder / "small.yaml").write_text("# small\n" + yaml.safe_dump(SMALL | {"anchors": "auto"}))
    return SimpleNamespace(folder=folder, model=folder / "small.yaml", data=write_tiny(folder / "data"))


def train(room, to, model=None, **more):
    made = YOLO(model or room.model)
    made.train(data=str(room.data), project=str(to), name="run", **(OPTIONS | more))
    return made


@pytest.fixture(scope="module")
def whole(room):
    """The folder of a run that nothing cut off."""
    train(room, room.folder / "whole")
    return room.folder / "whole" / "run"


def cut_off(room, to, after, **more):
    """The folder of a run that ends, as by a kill, when `after` epochs are saved."""
    save = Trainer.save_model

    def dies(self):
        save(self)
        if self.epoch + 1 == after:
            raise SystemError("killed")

    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemError):
        patch.setattr(Trainer, "save_model", dies)
        train(room, to, **more)
    return to / "run"


def rows(run):
    """results.csv without the time that epochs took."""
    with (run / "results.csv").open() as file:
        return [row[:1] + row[2:] for row in csv.reader(file)]


def tensors(file):
    return torch.load(file, weights_only=True)["model"]


def assert_same_end(run, other):
    assert rows(run) == rows(other)
    for name in ("best.pt", "last.pt"):
        ours, theirs = (tensors(r / "weights" / name) for r in (run, other))
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)
    assert "optimizer" not in torch.load(run / "weights" / "last.pt", weights_only=True)
    assert sorted(p.name for p in (run / "weights").iterdir()) == ["best.pt", "last.pt"]


def test_a_resumed_run_is_bit_for_bit_the_one_that_was_not_cut_off(room, whole, tmp_path):
    run = cut_off(room, tmp_path, 1)
    saved = torch.load(run / "weights" / "last.pt", weights_only=True)
    assert saved["run"]["waiting"] and saved["run"]["gradients"]  # else nothing is shown of them
    assert all(v.dtype == torch.float32 for v in saved["ema"].values() if v.is_floating_point())
    assert any(not torch.equal(saved["ema"][k], saved["model"][k]) for k in saved["ema"])
    YOLO(run / "weights" / "last.pt").train(resume=True)
    assert_same_end(run, whole)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("model", ["yolox-nano", "yolo11n", "yolov5n-p2p3-ugs"])
def test_models_of_other_families_go_on_bit_for_bit_too(room, tmp_path, model):
    train(room, tmp_path / "whole", model, epochs=3)
    run = cut_off(room, tmp_path / "cut", 1, model=model, epochs=3)
    YOLO(run / "weights" / "last.pt").train(resume=True)
    assert_same_end(run, tmp_path / "whole" / "run")


class Killed(BaseException):
    """Ends a training as a kill would: nothing catches it."""


def killed_at(patch, owner, name, n=1):
    """Die when `name` of `owner` is called for the n-th time."""
    original, calls = getattr(owner, name), []

    def dies(*args, **kwargs):
        calls.append(1)
        if len(calls) == n:
            raise Killed
        return original(*args, **kwargs)

    patch.setattr(owner, name, dies)


@pytest.mark.parametrize(
    ("owner", "name", "n"),
    [
        (checkpoint, "strip", 1),  # of best.pt
        (Validator, "__call__", 5),  # the last validation
        (checkpoint, "strip", 2),  # of last.pt
    ],
)
def test_a_run_that_dies_after_its_last_epoch_is_ended_by_resuming(room, whole, tmp_path, monkeypatch, owner, name, n):
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_at(patch, owner, name, n)
        train(room, tmp_path)
    last, steps = tmp_path / "run" / "weights" / "last.pt", []
    monkeypatch.setattr(Trainer, "optimizer_step", lambda self: steps.append(1))
    made = YOLO(last)
    made.train(resume=True)
    assert not steps and made.metrics is not None
    assert_same_end(tmp_path / "run", whole)
    assert (tmp_path / "run" / "report.json").exists()
    with pytest.raises(InputError, match="is finished"):
        YOLO(last).train(resume=True)


def test_a_run_that_patience_ended_is_not_trained_further(room, tmp_path, monkeypatch):
    validate = Trainer.validate

    def level(self):
        metrics, self.best_fitness = validate(self)[0], 0.5
        return metrics, 0.5

    monkeypatch.setattr(Trainer, "validate", level)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_at(patch, checkpoint, "strip")
        train(room, tmp_path, epochs=9, patience=2)
    before = rows(tmp_path / "run")
    assert len(before) == 1 + 3
    YOLO(tmp_path / "run" / "weights" / "last.pt").train(resume=True)
    assert rows(tmp_path / "run") == before


def test_a_copy_of_a_run_goes_on_in_the_copy(room, whole, tmp_path):
    run = cut_off(room, tmp_path, 3)
    shutil.copytree(run, tmp_path / "copy")
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    made = YOLO(tmp_path / "copy" / "weights" / "last.pt")
    made.train(resume=True)
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file()} == before
    assert made.trainer.save_dir == tmp_path / "copy"
    assert_same_end(tmp_path / "copy", whole)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy", "run"]


@pytest.fixture(scope="module")
def cut(room):
    """The folder of a run that was cut off after its first epoch."""
    return cut_off(room, room.folder / "cut", 1)


def changed(cut, to, **more):
    """A copy of that run whose last.pt says something else."""
    shutil.copytree(cut, to / "run")
    last = to / "run" / "weights" / "last.pt"
    content = torch.load(last, weights_only=True)
    torch.save(content | more, last)
    return last


def test_what_a_run_cannot_go_on_with_is_one_line(cut, room, tmp_path):
    last = changed(cut, tmp_path)
    lost = shutil.copy(last, tmp_path / "last.pt")
    args = torch.load(last, weights_only=True)["train_args"]
    for file, options, says in [
        (lost, {}, "does not lie in a folder RUN/weights, in which a run could go on"),
        (last, {"project": "x"}, "goes on in the folder of its checkpoint: leave project= out"),
        (last, {"name": "x"}, "goes on in the folder of its checkpoint: leave name= out"),
    ]:
        with pytest.raises(InputError, match=says):
            YOLO("yolov5n").train(resume=str(file), **options)
    torch.save({"model": Evil(tmp_path / "ran")}, last.with_name("best.pt"))
    with pytest.raises(InputError, match=r"best\.pt cannot be read as a checkpoint"):
        YOLO("yolov5n").train(resume=str(last))
    assert not (tmp_path / "ran").exists()
    shutil.copy(cut / "weights" / "best.pt", last.with_name("best.pt"))
    for data in ("https://example.com/d.yaml", str(tmp_path / "gone.yaml"), None):
        content = torch.load(last, weights_only=True)
        torch.save(content | {"train_args": args | {"data": data}}, last)
        with pytest.raises(InputError, match="the data of .* are not on this machine; give data=FILE.yaml"):
            YOLO("yolov5n").train(resume=str(last))


def test_a_run_goes_on_with_data_batch_and_size_that_are_given_anew(cut, room, tmp_path):
    last = changed(cut, tmp_path)
    shutil.copytree(room.data.parent, tmp_path / "moved")
    file = tmp_path / "moved" / "data.yaml"
    file.write_text(file.read_text().replace(str(room.data.parent), str(tmp_path / "moved")))
    made = YOLO(last)
    made.train(resume=True, data=str(file), batch=4, imgsz=96)
    assert (made.trainer.args.data, made.trainer.args.batch, made.trainer.args.imgsz) == (str(file), 4, 96)
    assert [row[0] for row in rows(tmp_path / "run")] == ["epoch", "1", "2", "3", "4"]


def test_places_that_a_file_names_are_not_written_to(cut, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    content = torch.load(cut / "weights" / "last.pt", weights_only=True)["train_args"]
    places = dict.fromkeys(checkpoint.PLACES, str(elsewhere)) | {"pretrained": "https://example.com/w.pt"}
    last = changed(cut, tmp_path, train_args=content | places | {"epochs": 2})
    YOLO(last).train(resume=True)
    assert not elsewhere.exists() and len(rows(tmp_path / "run")) == 1 + 2


def test_rows_that_are_cut_short_or_doubled_or_too_many_go(tmp_path):
    file = tmp_path / "results.csv"
    file.write_text("epoch,time,a\n1,2,3\n1,2,3\n2,5,6\n3,8,9\n2,5,7\nx,1,2\n1")
    cut_rows(file, 2)
    assert file.read_text() == "epoch,time,a\n1,2,3\n2,5,6\n"


def test_an_interrupted_run_of_an_older_version_goes_on(cut, room, tmp_path):
    shutil.copytree(cut, tmp_path / "run")
    last = tmp_path / "run" / "weights" / "last.pt"
    plain = torch.load(last, weights_only=True)
    ema = YOLO(last).model.half()
    args = plain["train_args"] | {"save_dir": str(tmp_path / "elsewhere"), "project": "elsewhere"}
    args |= {"data": str(room.data), "epochs": 2}
    kept = {k: plain[k] for k in ("epoch", "best_fitness", "stopper", "updates", "optimizer", "scaler")}
    best = {"model": None, "ema": ema, "train_args": args, "epoch": 0, "best_fitness": 1.0}
    torch.save(best, last.with_name("best.pt"))
    torch.save(kept | {"model": None, "ema": ema, "train_args": args, "best_fitness": 1.0}, last)  # none gets better
    YOLO(last).train(resume=True)
    assert [row[0] for row in rows(tmp_path / "run")] == ["epoch", "1", "2"]
    files = [torch.load(f, weights_only=True) for f in (last, last.with_name("best.pt"))]
    assert [f["format"] for f in files] == ["yolotiny"] * 2 and files[1]["epoch"] == 0
    assert not (tmp_path / "elsewhere").exists()


def test_after_a_loss_that_is_no_number_training_goes_on_from_the_weights_themselves(room, tmp_path, monkeypatch):
    spoilt, live = [], []
    begin = Trainer.load_state

    def loaded(self, ckpt):
        begin(self, ckpt)
        live.append(all(torch.equal(v, ckpt["live"][k]) for k, v in self.model.state_dict().items()))

    def spoil(trainer):
        if trainer.epoch == 1 and not spoilt:
            spoilt.append(1)
            trainer.loss = trainer.loss * float("nan")

    monkeypatch.setattr(Trainer, "load_state", loaded)
    made = YOLO(room.model)
    made.add_callback("on_train_epoch_end", spoil)
    made.train(data=str(room.data), project=str(tmp_path), name="run", **(OPTIONS | {"epochs": 2}))
    assert spoilt and live == [True]
    assert [row[0] for row in rows(tmp_path / "run")] == ["epoch", "1", "2"]


def test_epochs_are_kept_on_request_and_each_can_be_gone_on_from(room, tmp_path):
    run = cut_off(room, tmp_path, 2, save_period=1)
    assert {p.name for p in (run / "weights").iterdir()} == {"best.pt", "last.pt", "epoch0.pt", "epoch1.pt"}
    first = torch.load(run / "weights" / "epoch0.pt", weights_only=True)
    assert first["epoch"] == 0 and first["optimizer"] is not None


def test_the_order_of_pictures_follows_from_seed_and_epoch():
    order, again = EpochOrder(range(20), seed=1), EpochOrder(range(20), seed=1)
    epochs = [list(order) for _ in range(3)]
    assert sorted(epochs[0]) == list(range(20)) and epochs[0] != epochs[1] != epochs[2]
    again.epoch = 2
    assert list(again) == epochs[2] and len(again) == 20
    assert list(EpochOrder(range(20), seed=2)) != epochs[0]


def test_batches_of_one_shape_are_made_anew_each_epoch_and_the_one_that_is_not_full_comes_last():
    shapes = np.array([[32, 64]] * 3 + [[64, 64]] * 3)
    data = SimpleNamespace(rect=True, batch=np.arange(11) // 2, batch_shapes=shapes)
    order, again = EpochOrder(data, seed=1, batch=2), EpochOrder(data, seed=1, batch=2)
    epochs = [[x[i : i + 2] for i in range(0, 11, 2)] for x in (list(order) for _ in range(3))]
    for epoch in epochs:
        assert sorted(sum(epoch, [])) == list(range(11)) and len(epoch[-1]) == 1 and epoch[-1][0] > 5
        assert all(len({i > 5 for i in pair}) == 1 for pair in epoch)
    assert len({str(sorted(sorted(pair) for pair in epoch)) for epoch in epochs}) == 3
    again.epoch = 2
    assert list(again) == sum(epochs[2], [])


STOPS = [(signal.SIGINT, KeyboardInterrupt, 130), (signal.SIGTERM, Terminated, 143)]
STOPS += [(signal.SIGHUP, HungUp, 129)] if hasattr(signal, "SIGHUP") else []


@pytest.mark.parametrize(("number", "kind", "code"), STOPS)
def test_a_signal_to_stop_says_how_to_go_on(tmp_path, monkeypatch, capsys, number, kind, code):
    before = [signal.getsignal(n) for n, _, _ in STOPS]
    trainer = SimpleNamespace(last=tmp_path / "last.pt")

    def training(**_):
        with says_how_to_go_on(trainer):
            os.kill(os.getpid(), number)

    with pytest.raises(kind, match="before the first checkpoint"):
        training()
    trainer.last.touch()
    monkeypatch.setitem(cli.RUN, "train", training)
    assert cli.main(["train", "model=yolov5n", "data=d.yaml"]) == code
    said = capsys.readouterr().err
    assert said == f"yolotiny: interrupted; go on with: yolotiny train resume={trainer.last}\n"
    assert [signal.getsignal(n) for n, _, _ in STOPS] == before


def test_handlers_of_others_and_ignored_signals_stay(tmp_path, monkeypatch):
    trainer = SimpleNamespace(last=tmp_path / "last.pt")
    heard = []
    with monkeypatch.context() as patch:
        old = signal.signal(signal.SIGTERM, lambda *_: heard.append(1))
        try:
            with says_how_to_go_on(trainer):
                os.kill(os.getpid(), signal.SIGTERM)
        finally:
            signal.signal(signal.SIGTERM, old)
        patch.delattr(signal, "SIGHUP", raising=False)  # as on Windows
        with says_how_to_go_on(trainer):
            pass
    assert heard == [1]
    inside = []

    def elsewhere():
        with says_how_to_go_on(trainer):
            inside.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert inside == [old]


def test_the_trainer_of_a_finished_run_left_nothing_beside_its_files():
    assert sorted(p.name for p in trained().run.rglob("*.part")) == []


@pytest.mark.slow
def test_killed_trainings_lose_nothing(tmp_path):
    words = ["kills=7", "aimed=5", "seed=1", f"to={tmp_path}"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "benchmarks" / "kill.py"), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count("nothing lost") == 7, done.stdout + done.stderr
