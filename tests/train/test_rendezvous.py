"""Processes of one or several machines meet by their variables, and again after torchrun has started them anew."""

from __future__ import annotations

import csv
import functools
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import torch
from torch import distributed as dist
from torch import nn

from tests.tiny_data import QUICK, ROOT, room, trained, write_tiny
from yolotiny import YOLO
from yolotiny.errors import InputError
from yolotiny.train import processes, rendezvous
from yolotiny.train.trainer import Trainer

BOUND = 400  # seconds in which a run of moments has to end, whatever happens to it
# All pictures in a batch and none of them changed, so that their order and who has which does not matter; gradients
# wait for the second of two epochs; BatchNorm, which counts over its own process, is held.
PLAIN = {"epochs": 4, "batch": 8, "nbs": 16, "lr0": 1.0, "optimizer": "SGD", "anchors": "auto", "loss.box.type": "sal"}
PLAIN |= dict.fromkeys(("mosaic", "fliplr", "hsv_h", "hsv_s", "hsv_v", "translate", "scale", "warmup_epochs"), 0.0)
# Trains with BatchNorm held, keeps the weights before the last validation, and ends itself once where it is told to.
HELD = """
import os, pathlib, signal, sys
from tests.train.test_rendezvous import hold
from yolotiny.cli.main import main
from yolotiny.train.trainer import Trainer

hold(Trainer, pathlib.Path(sys.argv[1]))
preprocess, dead = Trainer.preprocess_batch, pathlib.Path(sys.argv[1], "dead")

def dies(self, batch):
    if os.environ.get("DIES") == f"{os.environ['RANK']} {self.epoch}" and not dead.exists():
        dead.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return preprocess(self, batch)

Trainer.preprocess_batch = dies
sys.exit(main(sys.argv[2:]))
"""


def hold(trainer, folder):
    """Put the statistics of BatchNorm to rest, and write down the weights that the last epoch ends with."""
    begin, end = trainer.begin_epoch, trainer.final_eval

    def still(self):
        begin(self)
        for module in self.model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()

    def kept(self):
        rank = os.environ.get("RANK", "alone")
        model = getattr(self.model, "module", self.model)
        torch.save({"weights": model.state_dict(), "measured": repr(model.yaml["measured"])}, folder / f"{rank}.pt")
        end(self)

    trainer.begin_epoch, trainer.final_eval = still, kept


def options(folder):
    return QUICK | PLAIN | {"data": str(pictures()), "project": str(folder), "name": "run"}


@functools.cache
def pictures():
    """A single picture to validate on leaves one of two processes without any."""
    return write_tiny(room(), val=1)


def rows(folder):
    """The rows of results.csv, without the time."""
    with open(folder / "run" / "results.csv") as file:
        return [{k: float(v) for k, v in row.items() if k != "time"} for row in csv.DictReader(file)]


def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def two_nodes(folder, *more, differ=({}, {}), **environment):
    """Two torchruns on this machine that take each other for another one; gives their (exit code, output)."""
    script = folder / "held.py"
    script.write_text(HELD)
    node = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", "--rdzv-backend=c10d"]
    node += [f"--rdzv-endpoint=127.0.0.1:{port()}", "--rdzv-id=test", *more, str(script), str(folder), "train"]
    said = {"model": "yolov5n", "pretrained": trained().best, **options(folder)}
    started = [
        subprocess.Popen(
            [*node, *(f"{k}={v}" for k, v in (said | own).items())],
            env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
        )
        for own in differ
    ]
    try:
        texts = [p.communicate(timeout=BOUND)[0] for p in started]
    finally:
        for p in started:
            p.kill()
    return [(p.returncode, text) for p, text in zip(started, texts, strict=True)]


def told(ends):
    """The lines that the command line has said, of both machines."""
    return [line for _, text in ends for line in text.splitlines() if line.startswith("yolotiny:")]


@pytest.fixture(scope="module")
def alone():
    """What one process learns."""
    folder = room()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("begin_epoch", "final_eval"):
            patch.setattr(Trainer, name, getattr(Trainer, name))  # put back afterwards
        hold(Trainer, folder)
        YOLO("yolov5n").train(pretrained=str(trained().best), **options(folder))
    return torch.load(folder / "alone.pt", weights_only=True) | {"rows": rows(folder)}


def apart(a, b):
    """The largest difference of two sets of weights."""
    return max(float((a[k].float() - b[k].float()).abs().max()) for k in a)


@pytest.mark.slow
@pytest.mark.long
def test_two_machines_learn_what_one_process_learns(alone, tmp_path):
    ends = two_nodes(tmp_path)
    assert [code for code, _ in ends] == [0, 0], ends
    before = YOLO(trained().best).model.state_dict()
    for rank in (0, 1):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert apart(found["weights"], alone["weights"]) < 1e-5
        assert found["measured"] == alone["measured"]
    assert apart(alone["weights"], before) > 1e-2, "nothing was learnt"
    assert {p.name for p in tmp_path.iterdir() if p.is_dir()} == {"run"}
    assert len(rows(tmp_path)) == 4
    for found, expected in zip(rows(tmp_path), alone["rows"], strict=True):
        assert found == pytest.approx(expected, rel=1e-3, abs=2e-5)


@pytest.mark.slow
def test_what_torchrun_starts_anew_goes_on_from_the_checkpoint(alone, tmp_path):
    ends = two_nodes(tmp_path, "--max-restarts=2", DIES="1 2")
    assert (tmp_path / "dead").exists()
    assert [code for code, _ in ends] == [0, 0], ends
    assert apart(torch.load(tmp_path / "0.pt", weights_only=True)["weights"], alone["weights"]) < 1e-5
    assert {p.name for p in tmp_path.iterdir() if p.is_dir()} == {"run"}
    assert [row["epoch"] for row in rows(tmp_path)] == [1, 2, 3, 4]


@pytest.mark.slow
@pytest.mark.long
def test_a_dead_process_ends_the_others_with_one_line_and_a_checkpoint(alone, tmp_path):
    ends = two_nodes(tmp_path, DIES="0 2")
    last = tmp_path / "run" / "weights" / "last.pt"
    assert [code for code, _ in ends] == [1, 1], ends  # of torchrun
    assert told(ends) == [
        f"yolotiny: error: another of the 2 processes has ended; go on with: yolotiny train resume={last}"
    ]
    with pytest.MonkeyPatch.context() as patch:
        for name in ("begin_epoch", "final_eval"):
            patch.setattr(Trainer, name, getattr(Trainer, name))
        hold(Trainer, tmp_path)
        YOLO(last).train(resume=True)
    assert apart(torch.load(tmp_path / "alone.pt", weights_only=True)["weights"], alone["weights"]) < 1e-5


@pytest.mark.slow
@pytest.mark.long
def test_machines_that_were_asked_for_different_things_are_told(tmp_path):
    (said,) = told(two_nodes(tmp_path, differ=({}, {"lr0": 0.5})))
    host = socket.gethostname()
    assert f"lr0 is 1.0 in process 0 ({host}) and 0.5 in process 1 ({host}); start all processes with the same" in said
    assert not (tmp_path / "run").exists()


PLACE = {"RANK": "1", "LOCAL_RANK": "0", "WORLD_SIZE": "4", "MASTER_ADDR": "node0", "MASTER_PORT": "29500"}


def place(patch, world=4, **given):
    """The environment of a process, and what ultralytics has read there."""
    for name, value in (PLACE | given).items():
        patch.delenv(name, raising=False) if value is None else patch.setenv(name, value)
    patch.setattr(rendezvous, "WORLD_SIZE", world)


def test_variables_that_name_a_process_are_taken(monkeypatch):
    for rank, local in (("0", "0"), ("1", "0"), ("3", "1")):  # on two machines, one or two on each
        place(monkeypatch, RANK=rank, LOCAL_RANK=local)
        rendezvous.check_place()
    place(monkeypatch, 1, **dict.fromkeys(PLACE))
    rendezvous.check_place()


@pytest.mark.parametrize(
    ("world", "given", "line"),
    [
        (4, {"RANK": None}, "WORLD_SIZE=4 and no RANK: start several processes with torchrun$"),
        (4, {"LOCAL_RANK": None}, "no LOCAL_RANK: .* it is 0 where each machine has one process"),
        (4, {"MASTER_ADDR": ""}, "no MASTER_ADDR: start several processes with torchrun"),
        (1, {"WORLD_SIZE": None}, "RANK=1 and no WORLD_SIZE"),
        (1, {"WORLD_SIZE": "1"}, "RANK=1 of WORLD_SIZE=1: RANK counts from 0"),
        (4, {"RANK": "4"}, "RANK=4 LOCAL_RANK=0 WORLD_SIZE=4: RANK counts from 0 over all machines"),
        (4, {"LOCAL_RANK": "2"}, "RANK=1 LOCAL_RANK=2 WORLD_SIZE=4"),
        (4, {"RANK": "node1"}, "RANK='node1' in the environment is no whole number"),
        (4, {"MASTER_PORT": "http"}, "MASTER_PORT='http' in the environment is no whole number"),
    ],
)
def test_variables_that_name_none_are_refused(monkeypatch, world, given, line):
    place(monkeypatch, world, **given)
    with pytest.raises(InputError, match=line):
        rendezvous.check_place()


def test_tasks_of_slurm_that_each_train_alone_are_told(monkeypatch, caplog):
    place(monkeypatch, 1, **dict.fromkeys(PLACE), SLURM_STEP_NUM_TASKS="8")
    rendezvous.check_place()
    assert "SLURM has started 8 tasks, and each trains alone" in caplog.text
    caplog.clear()
    place(monkeypatch, 1, RANK="0", WORLD_SIZE="1", SLURM_STEP_NUM_TASKS="8")  # torchrun knows
    rendezvous.check_place()
    assert not caplog.text


def kept_store():
    """A store as torchrun keeps it, and clients of it, as many as are asked for."""
    first = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False, timeout=timedelta(seconds=60))
    yield first
    while True:
        yield dist.TCPStore("127.0.0.1", first.port, is_master=False, timeout=timedelta(seconds=60))


def test_processes_started_anew_agree_on_a_name_whatever_an_earlier_start_has_left():
    stores = kept_store()
    clients = [next(stores) for _ in range(3)]
    names = []
    for _ in range(2):
        with ThreadPoolExecutor(3) as pool:  # the last rank comes first
            parts = [pool.submit(rendezvous._name_of_start, clients[r], r, 3) for r in (2, 1, 0)]
            names.append({part.result() for part in parts})
    assert [len(found) for found in names] == [1, 1] and names[0] != names[1]


def test_a_run_is_found_again_by_those_that_torchrun_starts_anew(monkeypatch, tmp_path):
    (tmp_path / "weights").mkdir()
    store = dist.HashStore()
    monkeypatch.setattr(rendezvous, "_shared", lambda: store)
    monkeypatch.setattr(rendezvous, "store", lambda: store)
    monkeypatch.setattr(rendezvous, "RANK", 0)
    rendezvous.remember(0, tmp_path)  # nobody starts this process anew
    monkeypatch.setenv("TORCHELASTIC_USE_AGENT_STORE", "True")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "job")
    assert rendezvous.earlier(0) is None
    rendezvous.remember(0, tmp_path)
    assert rendezvous.earlier(0) is None  # it had no checkpoint yet
    (tmp_path / "weights" / "last.pt").touch()
    assert rendezvous.earlier(0) == tmp_path / "weights" / "last.pt" and rendezvous.earlier(1) is None
    monkeypatch.setattr(rendezvous, "RANK", 1)  # which takes the first one's word
    assert rendezvous.earlier(0) == tmp_path / "weights" / "last.pt" and rendezvous.earlier(1) is None


def test_a_complete_run_is_not_done_again(monkeypatch, tmp_path):
    last = trained().last
    monkeypatch.setattr("yolotiny.model.earlier", lambda run: last)
    begun = processes.SharedTrainer.begun
    model = YOLO("yolov5n")
    assert model.train(data=str(pictures()), project=str(tmp_path)) is None
    assert str(model.ckpt_path) == str(trained().best)
    assert processes.SharedTrainer.begun == begun + 1 and not list(tmp_path.iterdir())


def test_an_address_that_nobody_answers_at_is_told(monkeypatch):
    place(monkeypatch, 2, RANK="1", WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port()))
    monkeypatch.setattr(rendezvous, "RANK", 1)
    monkeypatch.setattr(rendezvous, "ARRIVAL", timedelta(seconds=1))
    rendezvous._shared.cache_clear()
    with pytest.raises(InputError, match="process 1 of 2 has not met the others in 1 seconds at MASTER_ADDR=127.0.0.1"):
        rendezvous.store.__wrapped__()


def test_a_first_process_that_says_nothing_is_told():
    silent = next(kept_store())
    silent.set_timeout(timedelta(seconds=0.1))
    with pytest.raises(rendezvous.LostError, match="the first of the 1 processes has ended before the run began"):
        rendezvous.word_of_first(silent, "folder")


def test_a_port_that_is_taken_is_told(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        place(
            monkeypatch, 2, RANK="0", WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(taken.getsockname()[1])
        )
        monkeypatch.setattr(rendezvous, "RANK", 0)
        rendezvous._shared.cache_clear()
        with pytest.raises(InputError, match="is in use; give all processes another MASTER_PORT"):
            rendezvous.store.__wrapped__()
