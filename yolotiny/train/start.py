"""The processes that `device=0,1` starts, one a card: what they are given, and what is said when one of them ends.

They are given data, in a folder that only this user can read: the trainer's class by its name, options and the model's
configuration as YAML, its tensors as a file that opens without running anything. ultralytics would pickle the trainer.
"""

from __future__ import annotations

import importlib
import json
import operator
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import yaml
from torch import distributed as dist
from torch import nn
from ultralytics.utils import YAML, callbacks

from ..errors import InputError
from ..yaml_file import read_yaml
from .processes import FAILED, ended_politely, how_to_go_on, one_voice

GRACE = 10  # seconds that processes have to end by themselves
HOST = "127.0.0.1"


def start(trainer: Any) -> None:
    """Train in `trainer.world_size` processes of this machine and wait for them.

    Raises:
        InputError: what one of the processes says of the user's input; functions of the user that none would call, and
            a trainer that none could import.
        RuntimeError: one of them ended; the message says how to go on.
    """
    known = callbacks.get_default_callbacks()
    n = trainer.world_size
    if own := [event for event, calls in trainer.callbacks.items() if any(f not in known[event] for f in calls)]:
        raise InputError(
            f"what add_callback put to {own[0]} is not there in the {n} processes that device={trainer.args.device} "
            f"starts; start the whole script with torchrun --nproc-per-node={n}"
        )
    kind = type(trainer)
    if kind.__module__ == "__main__" or "<locals>" in kind.__qualname__:
        raise InputError(
            f"{kind.__qualname__} is not there in the {n} processes that device={trainer.args.device} starts; put it "
            f"into a module, or start the whole script with torchrun --nproc-per-node={n}"
        )
    with trainer.or_nothing(), TemporaryDirectory(prefix="yolotiny-") as folder, ended_politely():
        hand_over(trainer, Path(folder))
        store = dist.TCPStore(HOST, 0, is_master=True, wait_for_workers=False)
        children = [subprocess.Popen(command(folder), env=environment(rank, n, store.port)) for rank in range(n)]
        if failed := watch(children):
            raise cause(store, *failed, n, how_to_go_on(trainer.wdir))


def command(folder: str) -> list[str]:
    """The command line of one process."""
    return [sys.executable, "-m", "yolotiny.train.start", folder]


def environment(rank: int, n: int, port: int) -> dict[str, str]:
    """What torchrun would put into the environment of process `rank` of `n`; this one keeps the store, as it does."""
    of_all = {"MASTER_ADDR": HOST, "MASTER_PORT": str(port), "WORLD_SIZE": str(n), "LOCAL_WORLD_SIZE": str(n)}
    threads = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"), "TORCHELASTIC_USE_AGENT_STORE": "True"}
    path = {"PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)}
    ours = {k: v for k, v in os.environ.items() if k != "TORCHELASTIC_RUN_ID"}  # a torchrun round this process
    return ours | of_all | threads | path | {"RANK": str(rank), "LOCAL_RANK": str(rank)}


def hand_over(trainer: Any, folder: Path) -> None:
    """Write the class, options, and configuration and tensors of a model that was built already."""
    kind = type(trainer)
    (folder / "class.txt").write_text(f"{kind.__module__}:{kind.__qualname__}", encoding="utf-8")
    YAML.save(folder / "args.yaml", vars(trainer.args))
    if isinstance(trainer.model, nn.Module):
        (folder / "model.yaml").write_text(yaml.safe_dump(trainer.model.yaml, sort_keys=False), encoding="utf-8")
        torch.save(trainer.model.state_dict(), folder / "model.pt")


def take_over(folder: Path) -> Any:
    """The trainer that `hand_over` wrote down."""
    module, _, name = (folder / "class.txt").read_text(encoding="utf-8").partition(":")
    kind = operator.attrgetter(name)(importlib.import_module(module))
    trainer = kind(overrides=read_yaml(folder / "args.yaml", "the options of a run"))
    if (folder / "model.yaml").exists():
        trainer.model = trainer.get_model(cfg=read_yaml(folder / "model.yaml", "a model"))
        trainer.model.load_state_dict(torch.load(folder / "model.pt", weights_only=True))
    return trainer


def watch(children: list[subprocess.Popen]) -> tuple[int, int] | None:
    """Wait for all, or for the first that fails, and end the others: its (rank, exit code), None when all went well."""
    try:
        while True:
            codes = [child.poll() for child in children]
            if failed := sorted((code, rank) for rank, code in enumerate(codes) if code):  # those killed first
                return failed[0][1], failed[0][0]
            if None not in codes:
                return None
            time.sleep(0.1)
    finally:
        alive = [child for child in children if child.poll() is None]
        for child in alive:
            child.terminate()
        until = time.monotonic() + GRACE
        for child in alive:
            try:
                child.wait(max(0, until - time.monotonic()))
            except subprocess.TimeoutExpired:  # it waits for its card, where no signal reaches it
                child.kill()


def cause(store: Any, rank: int, code: int, n: int, how: str) -> Exception:
    """What to raise for process `rank` of `n` that ended with an exit code, or -N by a signal."""
    told = json.loads(store.get("yolotiny/told")) if store.check(["yolotiny/told"]) else {"lost": True}
    if code > 0 and not told["lost"]:
        error = (InputError if told["ours"] else RuntimeError)(told["line"])
        error.__cause__ = RuntimeError(told["trace"])
        return error
    ended = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    return RuntimeError(f"process {rank} of {n} {ended}; {how}")


def main(folder: str) -> int:
    """One of the processes: take over and train; what fails is left for the one that started it to tell."""
    try:
        with one_voice():
            take_over(Path(folder)).train()
    except (Exception, KeyboardInterrupt):
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
