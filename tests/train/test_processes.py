"""Several processes, as torchrun starts them and as `device=0,1` does: who writes, who sees what, and who dies."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from torch import distributed as dist
from torch import nn

from tests.tiny_data import QUICK, ROOT, room, write_tiny
from yolotiny import YOLO
from yolotiny.config import load as config
from yolotiny.errors import InputError
from yolotiny.model import HookedTrainer
from yolotiny.train import processes, start
from yolotiny.train.processes import SharedTrainer
from yolotiny.train.trainer import Trainer

BOUND = 150  # seconds in which a run of moments has to end, whatever happens to it
# Notes down which pictures a process sees in training, which figures it makes, and ends itself where it is told to.
WATCHED = """
import json, os, signal, sys
from yolotiny.cli.main import main
from yolotiny.train.trainer import Trainer
from yolotiny.val.validator import Validator

notes, rank = {"seen": [], "figures": []}, os.environ["RANK"]
preprocess, figures = Trainer.preprocess_batch, Validator.get_stats

def seen(self, batch):
    notes["seen"] += [os.path.basename(f) for f in batch["im_file"]]
    if os.environ.get("DIES") == f"{rank} {self.epoch}":
        os.kill(os.getpid(), signal.SIGKILL)
    return preprocess(self, batch)

def counted(self):
    notes["figures"].append([p.file.split("/")[-1] for p in self.pictures])
    return figures(self)

Trainer.preprocess_batch, Validator.get_stats = seen, counted
code = main(sys.argv[2:])
with open(f"{sys.argv[1]}/notes{rank}.json", "w") as file:
    json.dump(notes, file)
sys.exit(code)
"""


def words(data, folder, **options):
    """A command line that trains for a moment."""
    options = {"model": "yolov5n", "data": data, "project": folder, "name": "run", "verbose": True} | options
    return ["train", *(f"{k}={v}" for k, v in (QUICK | options).items())]


def environment(**more):
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | {k: str(v) for k, v in more.items()}


def two_by_hand(arguments, **more):
    """Two processes with torchrun's variables and nobody above them; gives their (exit code, stderr)."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, **more}
    started = [
        subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            env=environment(RANK=rank, LOCAL_RANK=rank, **common),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for rank in range(2)
    ]
    try:
        errors = [p.communicate(timeout=BOUND)[1] for p in started]
    finally:
        for p in started:
            p.kill()
    return [(p.returncode, error) for p, error in zip(started, errors, strict=True)]


def told(error):
    """The lines that the command line says last, warnings of libraries left out."""
    return [line for line in error.splitlines() if line.startswith("yolotiny:") or "Traceback" in line]


@pytest.fixture(scope="module")
def data():
    return write_tiny(room(), train=8, val=5)


@pytest.mark.slow
def test_torchrun_shares_out_one_run(data, tmp_path):
    script = tmp_path / "watched.py"
    script.write_text(WATCHED)
    (tmp_path / "runs" / "run").mkdir(parents=True)  # an older run, which stays as it was
    (tmp_path / "runs" / "run" / "results.csv").write_text("figures of another run\n")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"]
    done = subprocess.run(
        [*torchrun, script, tmp_path, *words(data, tmp_path / "runs")],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=BOUND,
    )
    assert done.returncode == 0, done.stderr
    first, second = (json.loads((tmp_path / f"notes{rank}.json").read_text()) for rank in (0, 1))
    assert sorted(first["seen"] + second["seen"]) == sorted(f"{i}.png" for i in range(8))  # each picture once
    assert len(first["seen"]) == len(second["seen"]) == 4
    assert second["figures"] == []
    assert first["figures"] == [[f"{i}.png" for i in range(5)]] * 2  # after the epoch and at the end, in their order
    assert {p.name for p in (tmp_path / "runs").iterdir()} == {"run", "run-2"}
    assert (tmp_path / "runs" / "run" / "results.csv").read_text() == "figures of another run\n"
    head, *rows = (tmp_path / "runs" / "run-2" / "results.csv").read_text().splitlines()
    assert len(rows) == 1
    row = dict(zip(head.split(","), map(float, rows[0].split(",")), strict=True))
    assert 0 < row["train/obj_loss"] < 1 and 0 < row["val/obj_loss"] < 1
    assert YOLO(tmp_path / "runs" / "run-2" / "weights" / "best.pt").own_head


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_is_killed_ends_the_run_with_one_line_and_a_checkpoint(data, tmp_path, rank):
    script = tmp_path / "watched.py"
    script.write_text(WATCHED)
    ends = two_by_hand([script, tmp_path, *words(data, tmp_path, epochs=2)], DIES=f"{rank} 1")
    last = tmp_path / "run" / "weights" / "last.pt"
    assert ends[rank][0] == -9
    code, error = ends[1 - rank]
    assert code == 2
    line = f"yolotiny: error: another of the 2 processes has ended; go on with: yolotiny train resume={last}"
    assert told(error) == [line]
    if rank == 1:
        YOLO(last).train(resume=True)  # by one process
        assert len((tmp_path / "run" / "results.csv").read_text().splitlines()) == 3


@pytest.mark.slow
def test_what_is_wrong_is_said_once(data, tmp_path):
    ends = two_by_hand(["-m", "yolotiny", *words(data, tmp_path / "runs", model="yolox-nano", optimizer="auto")])
    assert [code for code, _ in ends] == [2, 2]
    lines = told(ends[0][1]) + told(ends[1][1])
    assert len(lines) == 1 and "optimizer=auto does not suit this loss" in lines[0]
    assert not (tmp_path / "runs").exists()


def shared(data, folder, kind=Trainer, **options):
    """A trainer that believes in two cards, and would start two processes for them."""
    model = options.pop("model", "yolov5n")
    overrides = QUICK | {"data": str(data), "project": str(folder), "name": "run"} | options
    made = kind(overrides={"model": "yolov5n.yaml", **overrides})
    made.ddp, made.world_size = True, 2
    made.model = made.get_model(cfg=model)
    return made


@pytest.mark.slow
def test_started_processes_train_the_model_that_was_built_here(data, tmp_path):
    anchors = [[4.0, 5, 8, 9, 10, 8], [12, 14, 20, 20, 16, 24], [30, 30, 40, 60, 60, 40]]
    cfg = config.load("yolov5n", {"loss.box.type": "giou", "loss.obj.weight": 0.7, "anchors": anchors})
    made = shared(data, tmp_path, HookedTrainer, model=cfg, lr0=0.0, optimizer="SGD")
    before = {k: v.clone() for k, v in made.model.state_dict().items()}
    made.train()
    after = YOLO(made.best).model
    assert after.yaml["loss"]["box"]["type"] == "giou" and after.yaml["loss"]["obj"]["weight"] == 0.7
    assert after.yaml["anchors"] == anchors and after.model[-1].pixels() == anchors
    for name, value in after.named_parameters():  # a rate of zero: what is saved is what was handed over
        assert torch.allclose(value, before[name], rtol=1e-3, atol=1e-3), name
    assert len((made.save_dir / "results.csv").read_text().splitlines()) == 2
    assert {p.name for p in tmp_path.iterdir()} == {"run"}


@pytest.mark.slow
def test_a_started_process_that_is_killed_ends_the_run_with_one_line(data, tmp_path, monkeypatch):
    script = tmp_path / "child.py"
    script.write_text(WATCHED.replace("code = main(sys.argv[2:])", "").partition("with open")[0])
    with open(script, "a") as file:
        file.write("from yolotiny.train.start import main as take_part\nsys.exit(take_part(sys.argv[1]))\n")
    monkeypatch.setattr(start, "command", lambda folder: [sys.executable, str(script), folder])
    monkeypatch.setenv("DIES", "1 1")
    made = shared(data, tmp_path / "runs", epochs=2)
    line = rf"process 1 of 2 was ended by SIGKILL; go on with: yolotiny train resume={made.wdir / 'last.pt'}$"
    with pytest.raises(RuntimeError, match=line):
        made.train()
    assert (made.wdir / "last.pt").exists()


@pytest.mark.slow
def test_what_is_wrong_in_started_processes_is_told_here(data, tmp_path):
    made = shared(data, tmp_path / "runs", model="yolox-nano", optimizer="auto")
    with pytest.raises(InputError, match="optimizer=auto does not suit this loss"):
        made.train()
    assert not (tmp_path / "runs").exists()


def test_the_first_to_fail_ends_the_others():
    code = {"fails": "import sys; sys.exit(3)", "hangs": "import time; time.sleep(100)", "ends": ""}
    begin = lambda *names: [subprocess.Popen([sys.executable, "-c", code[n]]) for n in names]  # noqa: E731
    assert start.watch(begin("ends", "ends")) is None
    children = begin("hangs", "fails")
    assert start.watch(children) == (1, 3)
    assert children[0].returncode < 0


@pytest.mark.parametrize(
    ("told", "code", "kind", "line"),
    [
        (None, -9, RuntimeError, "process 1 of 2 was ended by SIGKILL; go on"),
        (None, 3, RuntimeError, "process 1 of 2 ended with exit code 3; go on"),
        ({"ours": True, "lost": False, "line": "no such data", "trace": ""}, 2, InputError, "no such data"),
        ({"ours": False, "lost": False, "line": "out of memory", "trace": ""}, 2, RuntimeError, "out of memory"),
        ({"ours": False, "lost": True, "line": "gone", "trace": ""}, 2, RuntimeError, "ended with exit code 2; go on"),
    ],
)
def test_the_cause_is_what_a_process_said_or_how_it_ended(told, code, kind, line):
    store = dist.HashStore()
    if told:
        store.set("yolotiny/told", json.dumps(told))
    error = start.cause(store, 1, code, 2, "go on")
    assert type(error) is kind and line in str(error)


def test_a_started_process_trains_with_the_class_that_was_asked_for(data, tmp_path):
    """`YOLO` adds hooks to the trainer, which draw what a model has learned when the run is over."""
    start.hand_over(shared(data, tmp_path / "run", HookedTrainer), tmp_path)
    made = start.take_over(tmp_path)
    assert type(made) is HookedTrainer and made.hooks == HookedTrainer.hooks != Trainer.hooks


def test_a_trainer_that_no_started_process_could_import_is_refused(data, tmp_path):
    class Own(Trainer):
        """A trainer of a user's script."""

    with pytest.raises(InputError, match="Own is not there in the 2 processes .*torchrun --nproc-per-node=2"):
        shared(data, tmp_path, Own).train()


def test_functions_of_the_user_that_no_started_process_would_call_are_refused(data, tmp_path):
    made = shared(data, tmp_path)
    made.add_callback("on_train_epoch_end", print)
    with pytest.raises(InputError, match="on_train_epoch_end .*torchrun --nproc-per-node=2"):
        made.train()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 5}, "batch=5 cannot be shared by 2 processes; give a multiple of 2"),
        ({"batch": -1}, "batch=-1 cannot be shared"),
        ({"batch": 0.7}, "batch=0.7 cannot be shared"),
        ({"rect": True}, "rect=True does not go with several processes"),
        ({"time": 0.5}, "time=0.5 does not go with several processes"),
        ({"kind": "mps"}, "device=cpu"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(options, message):
    args = SimpleNamespace(**({"batch": 4, "rect": False, "time": None, "device": "cpu"} | options))
    made = SimpleNamespace(world_size=2, args=args, device=torch.device(options.get("kind", "cpu")))
    with pytest.raises(InputError, match=message):
        SharedTrainer._check_shares(made)


def test_torchrun_needs_a_card_for_each_process(monkeypatch):
    monkeypatch.setattr(processes, "RANK", 2)
    monkeypatch.setattr(processes, "LOCAL_RANK", 2)
    args = SimpleNamespace(batch=4, rect=False, time=None, device="0,1")
    with pytest.raises(InputError, match="device=0,1 has no card for process 2"):
        SharedTrainer._check_shares(SimpleNamespace(world_size=4, args=args, device=torch.device("cuda:0")))


def test_the_cards_of_a_machine_are_those_it_has_or_those_that_were_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert processes.cards_of("") == ["0", "1", "2"] and processes.cards_of("2,0") == ["2", "0"]


def test_batch_norm_over_processes_needs_several_cards(data, tmp_path):
    with pytest.raises(InputError, match="sync_bn=True needs several processes on CUDA"):
        YOLO("yolov5n").train(data=str(data), project=str(tmp_path / "runs"), sync_bn=True, **QUICK)
    assert not (tmp_path / "runs").exists()
    with pytest.raises(InputError, match="val does not read sync_bn="):
        YOLO("yolov5n").val(data=str(data), sync_bn=True)


def test_a_resumed_run_of_many_cards_goes_on_with_one():
    model = SimpleNamespace(yaml={"sync_bn": True})
    alone = SimpleNamespace(model=model, world_size=0, device=torch.device("cpu"), resume=True)
    many = SimpleNamespace(model=model, world_size=2, device=torch.device("cuda:0"), resume=False)
    assert SharedTrainer.check_sync_bn(alone) is False and SharedTrainer.check_sync_bn(many) is True


def synced(rank, world, folder):
    """BatchNorm of this card's half of the pictures, written down; cards talk by NCCL."""
    dist.init_process_group("nccl", init_method=f"file://{folder}/store", rank=rank, world_size=world)
    torch.cuda.set_device(rank)
    x = torch.arange(4 * 3 * 2 * 2, dtype=torch.float32).view(4, 3, 2, 2).cos()
    layer = nn.SyncBatchNorm.convert_sync_batchnorm(nn.BatchNorm2d(3)).cuda()
    torch.save(layer(x.chunk(world)[rank].cuda()).cpu(), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two cards")
def test_batch_norm_counts_over_the_cards(tmp_path):
    torch.multiprocessing.spawn(synced, (2, str(tmp_path)), nprocs=2)
    x = torch.arange(4 * 3 * 2 * 2, dtype=torch.float32).view(4, 3, 2, 2).cos()
    found = torch.cat([torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)])
    assert torch.allclose(found, nn.BatchNorm2d(3)(x), atol=1e-5)
