"""The seam of the trainer: the private steps of ultralytics' training under public names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.utils import LOGGER

from .seams import seam

UNSHUFFLED = "'rect=True' is incompatible with DataLoader shuffle"  # what ultralytics warns of, and we put right


@contextmanager
def unsaid(text: str) -> Iterator[None]:
    """Lines that begin with `text` do not reach the log."""
    shown = lambda record: not record.getMessage().startswith(text)  # noqa: E731
    LOGGER.addFilter(shown)
    try:
        yield
    finally:
        LOGGER.removeFilter(shown)


@seam("_clear_memory")
class SeamedTrainer(DetectionTrainer):
    """ultralytics' trainer. Its steps stand here in the order in which a run comes to them.

    `train` begins with `run_training`, and everything else happens in it.
    """

    def run_training(self) -> None:
        """All that this process does: join the others, set up, the epochs, and the end of the run."""
        super()._do_train()

    def join_processes(self) -> None:
        """Join the other processes; called where there are several, before anything is set up."""
        super()._setup_ddp()

    def set_up(self) -> None:
        """Model, device, data and optimizer, up to the event `on_pretrain_routine_end`."""
        super()._setup_train()

    def build_pipeline(self) -> None:
        """Loaders and optimizer; the last part of `set_up`, and again with half the batch where memory ran out."""
        super()._build_train_pipeline()

    def load_state(self, ckpt: dict[str, Any]) -> None:
        """Take over the state of a checkpoint: when a run is resumed, and when a loss was no number."""
        super()._load_checkpoint_state(ckpt)

    def begin_epoch(self) -> None:
        """Put the network into training mode, at the beginning of each epoch and before `load_state` after a NaN."""
        super()._model_train()

    def close_mosaic(self) -> None:
        """The first of the last `close_mosaic` epochs begins: once in a run, behind `begin_epoch`."""
        super()._close_dataloader_mosaic()

    def free_memory(self) -> None:
        """Give memory that nobody uses back to the device."""
        self._clear_memory()

    def _do_train(self) -> None:
        self.run_training()

    def _setup_ddp(self) -> None:
        self.join_processes()

    def _setup_train(self) -> None:
        self.set_up()

    def _build_train_pipeline(self) -> None:
        self.build_pipeline()

    def _load_checkpoint_state(self, ckpt: dict[str, Any]) -> None:
        self.load_state(ckpt)

    def _model_train(self) -> None:
        self.begin_epoch()

    def _close_dataloader_mosaic(self) -> None:
        self.close_mosaic()
