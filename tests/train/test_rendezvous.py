"""Processes of one or several machines meet by their variables, and again after torchrun has started them anew."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest
import torch
from torch import nn

from tests.tiny_data import QUICK, ROOT, room, trained
from yolotiny import YOLO
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


def pictures():
    return trained().data


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
    return torch.load(folder / "alone.pt", weights_only=True)


def apart(a, b):
    """The largest difference of two sets of weights."""
    return max(float((a[k].float() - b[k].float()).abs().max()) for k in a)


@pytest.mark.slow
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
    assert len((tmp_path / "run" / "results.csv").read_text().splitlines()) == 5


@pytest.mark.slow
def test_what_torchrun_starts_anew_goes_on_from_the_checkpoint(alone, tmp_path):
    ends = two_nodes(tmp_path, "--max-restarts=2", DIES="1 2")
    assert (tmp_path / "dead").exists()
    assert [code for code, _ in ends] == [0, 0], ends
    assert apart(torch.load(tmp_path / "0.pt", weights_only=True)["weights"], alone["weights"]) < 1e-5
    assert {p.name for p in tmp_path.iterdir() if p.is_dir()} == {"run"}
    rows = (tmp_path / "run" / "results.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == ["1", "2", "3", "4"]
