"""Several processes that train one model together: how they meet, who speaks, and what happens when one of them ends.

They find each other by the variables that torchrun sets (`rendezvous`), on one machine or on several, and exchange by
NCCL on CUDA and by gloo on a CPU. The first of all chooses the run folder and alone writes into it; pictures of an
epoch, in training and in validation, are shared out among all; the last validation is the first one's alone.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import distributed as dist
from torch import nn
from ultralytics.cfg import get_cfg
from ultralytics.data import build_dataloader
from ultralytics.utils import DEFAULT_CFG, LOCAL_RANK, RANK, WORLD_SIZE
from ultralytics.utils.torch_utils import unset_deterministic, unwrap_model

from .. import __version__, _compat
from .._compat.trainer import SeamedTrainer
from ..distributed import need_same
from ..errors import InputError
from ..val.ground_truth import ground_truth_hash
from .rendezvous import LostError, NobodyError, check_place, remember, store, word_of_first

PATIENCE = timedelta(hours=3)  # ultralytics' own: others wait while the first validates
LOST = re.compile(r"gloo|nccl|by peer|broken pipe|process ?group", re.IGNORECASE)  # what libraries say of a dead peer
LOCAL = {"data", "model", "resume", "device", "workers", "project", "name", "save_dir", "cfg"}  # may differ by machine
FAILED = 2  # exit code of those who follow one that failed


def _first_to_tell(error: Exception) -> bool:
    """Whether no other process has failed before; leaves word for them, and for whoever started all."""
    if isinstance(error, NobodyError):
        return True
    line = str(error) or type(error).__name__
    word = {"rank": RANK, "line": line, "ours": isinstance(error, InputError), "lost": isinstance(error, LostError)}
    word["trace"] = "".join(traceback.format_exception(error))
    try:
        return json.loads(store().compare_set("told", "", json.dumps(word)))["rank"] == RANK
    except (InputError, RuntimeError):  # nobody to ask: it has ended, or never was there
        return True


@contextmanager
def one_voice() -> Iterator[None]:
    """What fails in here is told by the process that fails first; the others end without a word."""
    try:
        yield
    except Exception as error:
        if RANK == -1 or _first_to_tell(error):
            raise
        raise SystemExit(FAILED) from None


@contextmanager
def _told_of_loss(folder: Path) -> Iterator[None]:
    """An exchange that fails because another process is gone becomes one line that says how to go on."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or LOST.search(str(error)):
            raise LostError(f"another of the {WORLD_SIZE} processes has ended; {how_to_go_on(folder)}") from error
        raise


def how_to_go_on(folder: Path) -> str:
    """What to write to take up a run again; `folder` holds its checkpoints."""
    last = folder / "last.pt"
    return f"go on with: yolotiny train resume={last}" if last.exists() else "there is no checkpoint yet"


@contextmanager
def ended_politely() -> Iterator[None]:
    """SIGTERM, by which torchrun ends the rest when one process has failed, interrupts as Ctrl-C does."""
    free = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if free:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        if free:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def cards_of(device: str) -> list[str]:
    """The cards of this machine that its processes take, in their order: those of the option, else all of them.

    They do not become an option of the run: where it goes on may be a machine with other cards.
    """
    return (device or ",".join(map(str, range(torch.cuda.device_count())))).split(",")


class SharedTrainer(SeamedTrainer):
    """A trainer that is one of several, or starts several; alone it is ultralytics' own.

    Attributes:
        begun: runs that this process has begun; all processes count alike.
    """

    begun = 0

    def __init__(self, cfg: Any = DEFAULT_CFG, overrides: dict[str, Any] | None = None, _callbacks: Any = None):
        check_place()
        overrides, run = dict(overrides or {}), SharedTrainer.begun
        SharedTrainer.begun += 1
        if RANK > -1:
            self.store = dist.PrefixStore(f"run{run}", store())
        if RANK > 0:  # on its own it would find the folder of an older run, and empty it
            overrides["save_dir"] = self._folder_of_first()
        if RANK > -1 and overrides.get("save_dir"):
            cfg = {**vars(get_cfg(cfg)), "save_dir": ""}  # the only way that ultralytics reads it
        try:
            super().__init__(cfg, overrides, _callbacks)
            if RANK > -1:
                self.world_size = WORLD_SIZE  # ultralytics counts the devices of one machine, and none on a CPU
            if self.world_size > 1:
                self._check_shares()
        except BaseException:
            if RANK == 0:
                self.store.set("folder", "")
            raise
        if RANK in {-1, 0} and not self.ddp:
            remember(run, self.save_dir)
        if RANK == 0:
            self.store.set("folder", str(self.save_dir))

    def _folder_of_first(self) -> str:
        """The run folder that the first process has made; ends this process where the first could not."""
        folder = word_of_first(self.store, "folder")
        if not folder:
            raise SystemExit(FAILED)
        return folder

    def _check_shares(self) -> None:
        """Raise InputError for what cannot be shared out among several processes."""
        n, batch = self.world_size, self.args.batch
        if batch < 1 or batch % n:
            raise InputError(
                f"batch={batch} cannot be shared by {n} processes; give a multiple of {n}, as batch={8 * n}"
            )
        for key, why, instead in (
            ("rect", "pictures of one shape stay together", "write rect=False"),  # a recipe may have brought it
            ("time", "each process would stop by its own", "leave it out"),
        ):
            if getattr(self.args, key):
                raise InputError(
                    f"{key}={getattr(self.args, key)} does not go with several processes: {why}; {instead}"
                )
        if self.device.type == "mps":
            raise InputError("several processes train on CUDA or on a CPU; write device=cpu")
        if self.device.type == "cuda" and RANK > -1 and LOCAL_RANK >= len(cards := cards_of(self.args.device)):
            raise InputError(
                f"device={','.join(cards)} has no card for process {LOCAL_RANK} of this machine; one card a process"
            )

    def check_sync_bn(self) -> bool:
        """Whether BatchNorm counts over all processes; InputError where a new run asks for it and it cannot."""
        if not unwrap_model(self.model).yaml.get("sync_bn"):
            return False
        possible = self.world_size > 1 and self.device.type == "cuda"
        if not possible and not self.resume:
            raise InputError(
                "sync_bn=True needs several processes on CUDA (device=0,1); leave it out, or sync_bn=False"
            )
        return possible

    def set_model_attributes(self) -> None:
        """Class names and hyper-parameters onto the model; BatchNorm over all processes where `sync_bn` says so."""
        if self.check_sync_bn():
            self.model = nn.SyncBatchNorm.convert_sync_batchnorm(self.model)
        super().set_model_attributes()

    def train(self) -> None:
        """Train as one process, as one of several, or start several."""
        if self.ddp:
            from .start import start

            try:
                return start(self)
            finally:
                unset_deterministic()
        if RANK == -1:
            return super().train()
        with one_voice(), _told_of_loss(self.wdir), ended_politely():
            super().train()
        dist.destroy_process_group()

    def join_processes(self) -> None:
        """Join the other processes, on CUDA with a card of this one's own."""
        if self.device.type not in {"cpu", "cuda"}:
            return super().join_processes()
        backend = "gloo"
        if self.device.type == "cuda":
            self.device = torch.device("cuda", int(cards_of(self.args.device)[LOCAL_RANK]))
            self.accelerator.set_device(self.device)
            os.environ["TORCH_NCCL_BLOCKING_WAIT"] = "1"  # a wait that takes too long is an error
            backend = "nccl" if dist.is_nccl_available() else "gloo"
        self.store.set_timeout(PATIENCE)
        dist.init_process_group(backend, store=self.store, rank=RANK, world_size=self.world_size, timeout=PATIENCE)

    def set_up(self) -> None:
        """ultralytics' own, of processes that were asked alike; on a CPU without the index of a device."""
        if self.world_size > 1:
            self._check_alike()
        with _compat.shared_on_cpu(self.device.type == "cpu"):
            super().set_up()

    def _check_alike(self) -> None:
        """Raise InputError where processes, each with a command line of its own, are to train different things."""
        asked = {k: v for k, v in vars(self.args).items() if k not in LOCAL}
        of_model = getattr(self.model, "yaml", {})  # a run that goes on has not read it yet
        of_model = {f"{k} of the model": v for k, v in of_model.items() if k != "yaml_file"}
        need_same({"yolotiny": __version__, **asked, **of_model})

    def build_pipeline(self) -> None:
        """ultralytics' own; machines with data of their own have to have the same ones."""
        super().build_pipeline()
        if self.world_size > 1:
            sets = {"the training data": self.train_loader.dataset, "the validation data": self.test_loader.dataset}
            need_same({k: f"{len(v)} pictures ({ground_truth_hash(v, v.data['names'])})" for k, v in sets.items()})

    def resume_training(self, ckpt: dict[str, Any] | None) -> None:
        """Take over the state of a checkpoint, which every machine has to have alike."""
        if self.world_size > 1 and self.resume and ckpt:
            need_same({"the last epoch in the checkpoint": ckpt["epoch"]})
        super().resume_training(ckpt)

    def final_eval(self) -> None:
        """Strip and validate the best checkpoint, on all pictures and in the first process; others wait for it."""
        if RANK == -1:
            return super().final_eval()
        if RANK == 0:
            seen = self.test_loader
            self.test_loader = self.validator.dataloader = build_dataloader(
                seen.dataset, seen.batch_size, self.args.workers * 2, shuffle=False, device=self.device
            )
            with _compat.alone():
                super().final_eval()
        dist.barrier(device_ids=None if self.device.type == "cpu" else [self.device.index])
