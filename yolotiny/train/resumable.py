"""A run that a kill at any moment leaves whole, and that goes on from its last checkpoint as if nothing had happened.

last.pt is written after each epoch, behind the row of results.csv; both are put in place in one step. It holds all that
the next step depends on, down to gradients that wait for it and the states of the random numbers, and is stripped last
of all, when best.pt is validated and the report is written: until then `resume` takes the run up where it stood.

The order of pictures follows from seed and epoch. Where pictures are read in this process (`workers=0`, and always on a
CPU) a resumed run sees the same augmentation too; worker processes draw theirs anew.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import torch
from ultralytics.utils import LOCAL_RANK, LOGGER, RANK
from ultralytics.utils.torch_utils import torch_distributed_zero_first, unwrap_model

from .. import checkpoint
from .._compat.trainer import UNSHUFFLED, SeamedTrainer, unsaid
from ..errors import InputError
from .results_csv import columns_of, cut_rows
from .run_state import EpochOrder, mend, restore, state_of

NEVER = 2**31  # batches: more than any step waits for


class _Trained(Exception):
    """The last epoch is done already; what is left is the end of the run."""


class ResumableTrainer(SeamedTrainer):
    """ultralytics' trainer with checkpoints of plain data, of which the last loses nothing, and an end to be redone.

    Attributes:
        waiting: batches whose gradients wait for the next step of the optimizer.
    """

    waiting = 0
    _going_on: dict[str, Any] | None = None  # the `run` of a checkpoint, until the first epoch begins
    _before_step = 0  # batches between steps, kept aside while a resumed run waits for its first one

    def check_resume(self, overrides: dict[str, Any]) -> None:
        """The options of the run; it goes on in the folder that its checkpoint lies in."""
        super().check_resume(overrides)
        if self.resume:
            folder = Path(self.args.model).resolve().parents[1]
            self.args.save_dir, self.args.project, self.args.name = str(folder), str(folder.parent), folder.name

    def get_dataloader(self, dataset_path: str, batch_size: int = 16, rank: int = 0, mode: str = "train") -> Any:
        """Batches; the order of a run in one process follows from seed and epoch, with `rect` too."""
        with unsaid(UNSHUFFLED):
            made = super().get_dataloader(dataset_path, batch_size, rank, mode)
        if mode == "train" and rank == -1:
            batches = made.batch_sampler.sampler
            batches.sampler = EpochOrder(made.dataset, self.args.seed, batches.batch_size)
        return made

    def _order_from_now(self) -> None:
        order = self.train_loader.batch_sampler.sampler.sampler
        if isinstance(order, EpochOrder):
            order.epoch = self.epoch

    def begin_epoch(self) -> None:
        """The beginning of an epoch; of the first one of a resumed run, too."""
        super().begin_epoch()
        if self.train_loader.iterator is None:
            self._order_from_now()
        if self._going_on is not None:
            restore(self, self._going_on)
            self._going_on, self._before_step = None, self.accumulate

    def close_mosaic(self) -> None:
        """The loader begins anew without mosaic, with the order of this epoch."""
        super().close_mosaic()
        self._order_from_now()

    def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Count the batches of a step; a resumed run takes its first one when that was due, not at once."""
        self.waiting += 1
        if self._before_step:
            if self.accumulate == NEVER:
                self.accumulate = self._before_step
            self._before_step = self.accumulate  # warm-up changes it from batch to batch
            self.accumulate = 0 if self.waiting >= self._before_step else NEVER
        return super().preprocess_batch(batch)

    def optimizer_step(self) -> None:
        """A step of the optimizer."""
        super().optimizer_step()
        self.stepped()

    def stepped(self) -> None:
        """Note that no gradients wait any more."""
        self.waiting = 0
        if self._before_step:
            self.accumulate, self._before_step = self._before_step, 0

    def save_metrics(self, metrics: dict[str, Any]) -> None:
        """Add a row to results.csv in one step."""
        final, part = self.csv, self.csv.with_suffix(".part")
        part.unlink(missing_ok=True)
        self.csv = part
        try:
            if final.exists():
                shutil.copyfile(final, part)
            super().save_metrics(metrics)
            checkpoint.move(part, final)
        except OSError as e:
            part.unlink(missing_ok=True)
            raise InputError(f"cannot write {final}: {e.strerror or e}; the last checkpoint is kept") from e
        finally:
            self.csv = final

    def read_results_csv(self) -> dict[str, list[float]]:
        """Columns of results.csv for the checkpoint, without polars, which ultralytics takes for these few numbers."""
        return columns_of(self.csv)

    def save_model(self) -> bool:
        """Write best.pt, if this epoch is the best, and then last.pt, each in one step.

        Raises:
            InputError: they cannot be written; those before them are kept.
        """
        ema = self.ema.ema
        mend(ema, unwrap_model(self.model))
        about = {
            "epoch": self.epoch,
            "train_metrics": {**self.metrics, "fitness": self.fitness},
            "train_results": self.read_results_csv(),
        }
        best = checkpoint.describe(ema, vars(self.args)) | checkpoint.plain(about)
        last = best | checkpoint.plain(
            {
                "trained": bool(self.stop),
                checkpoint.TEACHER: ema.yaml.get(checkpoint.TEACHER),
                "model": unwrap_model(self.model).state_dict(),
                "ema": ema.state_dict(),
                "updates": self.ema.updates,
                "optimizer": self.optimizer.state_dict(),
                "scaler": self.scaler.state_dict(),
                "best_fitness": self.best_fitness,
                "stopper": {k: vars(self.stopper)[k] for k in ("best_fitness", "best_epoch")},
                "run": state_of(self),
            }
        )
        try:
            self.wdir.mkdir(parents=True, exist_ok=True)
            if self.best_fitness == self.fitness:
                checkpoint.write(best, self.best)
            kept = [self.wdir / f"epoch{self.epoch}.pt"] if self._keeps() else []
            checkpoint.write(last, *kept, self.last)
        except OSError as e:
            raise InputError(f"cannot write {self.last}: {e.strerror or e}; the checkpoint before it is kept") from e
        return True

    def _keeps(self) -> bool:
        return self.save_period > 0 and self.epoch % self.save_period == 0

    def resume_training(self, ckpt: dict[str, Any] | None) -> None:
        """Load the state of an interrupted run; rows of results.csv beyond its checkpoint go, as they come again."""
        if not self.resume or not ckpt:
            return
        if RANK in {-1, 0}:
            cut_rows(self.csv, ckpt["epoch"] + 1)
        if not ckpt.get("trained") and ckpt["epoch"] + 1 < self.epochs:
            super().resume_training(ckpt)
            self._going_on = ckpt.get("run")
            return
        self.load_state(ckpt)
        self.start_epoch, self.epoch = ckpt["epoch"] + 1, ckpt["epoch"]
        raise _Trained

    def load_state(self, ckpt: dict[str, Any]) -> None:
        """The state of training, and the weights themselves in the place of their average, where the file has them."""
        super().load_state(ckpt)
        live = ckpt.get("live")
        if live and all(torch.isfinite(v).all() for v in live.values()):
            unwrap_model(self.model).load_state_dict(live)

    def run_training(self) -> None:
        """Train, or only end a run whose last epoch is done; last.pt is stripped when nothing is left to do."""
        try:
            super().run_training()
        except _Trained:
            LOGGER.info(f"{self.start_epoch} epochs are done; what is left is the end of the run")
            self._end()
        if RANK in {-1, 0} and self.last.exists():
            checkpoint.strip(self.last)

    def _end(self) -> None:
        """What ultralytics' loop does behind its last epoch."""
        self.train_time_start = self.epoch_time_start = time.time()
        self.epoch_time = None
        self.final_eval()
        if RANK in {-1, 0}:
            if self.args.plots:
                self.plot_metrics()
            self.run_callbacks("on_train_end")
        self.free_memory()
        for loader in (self.train_loader, self.test_loader):
            loader.close()

    def final_eval(self) -> None:
        """Give best.pt the rows of all epochs, and validate it."""
        with torch_distributed_zero_first(LOCAL_RANK):
            if RANK in {-1, 0} and self.best.exists():
                checkpoint.strip(self.best, train_results=self.read_results_csv())
        if not self.best.exists():
            return
        LOGGER.info(f"\nValidating {self.best}...")
        self.validator.args.plots = self.args.plots
        self.validator.args.compile = False  # takes longer than one validation
        self.metrics = self.validator(model=self.best)
        self.metrics.pop("fitness", None)
        self.epoch += 1  # loggers see the figures of the best weights as those of one epoch more
        self.run_callbacks("on_fit_epoch_end")
        self.epoch -= 1
