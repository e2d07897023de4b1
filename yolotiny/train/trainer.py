"""Training: ultralytics' loop round our detector, data and criterion."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import nn
from ultralytics.utils import DEFAULT_CFG, LOGGER, RANK
from ultralytics.utils.plotting import plot_labels
from ultralytics.utils.torch_utils import unwrap_model

from .._compat import slow_bfloat16
from ..config.class_names import ClassOrder
from ..detector import Detector
from ..errors import InputError, above_zero
from ..files import write_text
from ..loaders.build import build_dataset, parts_of_training
from ..loaders.dataset import TinyDataset, split_ignore
from ..nn.anchor_head import read as read_anchors
from ..pictures.depth import SECTION as PICTURES
from ..pictures.depth import Depth
from ..pictures.reader import PictureReader
from ..predict.drawing import names_as_text
from ..training_stats import TrainingStats
from ..val.validator import Validator
from .autofit import class_gaps, fit
from .freezing import check_freeze, frozen_in_one_line
from .processes import SharedTrainer
from .resumable import ResumableTrainer
from .step_count import few_steps
from .teacher import TaughtTrainer

COLUMN = 11  # characters of a column of ultralytics' progress
CLIP = 10.0  # ultralytics' norm of gradients
CLAMPED = 0.001  # share of targets outside the grid of a coder that is worth a word
BARE = {"args.yaml", "model.yaml", "labels.jpg", "weights"}  # what lies in a run folder before the first epoch


class Trainer(TaughtTrainer, SharedTrainer, ResumableTrainer):
    """Trains a `Detector`.

    ultralytics' loop calls the methods below in this order (`SeamedTrainer` says when): `set_up`, in which come model,
    data, optimizer and validator; the epochs, each with batches, steps and a row of results.csv; `final_eval`, and with
    it the `hooks`, which make what is made beside the loop. Going on after a kill is the matter of `ResumableTrainer`,
    several processes are that of `SharedTrainer`, a teacher that of `TaughtTrainer`.

    The run folder holds what ultralytics writes there, and `model.yaml`, the whole configuration that was trained.
    """

    hooks: Sequence[Callable[[Trainer], None]] = ()  # called with the trainer once the best checkpoint is validated

    def __init__(self, cfg: Any = DEFAULT_CFG, overrides: dict[str, Any] | None = None, _callbacks: Any = None):
        project = Path((overrides or {}).get("project") or ".").absolute()
        self.made = [p for p in (project, *project.parents) if not p.exists()]  # folders that this run adds
        with self.or_nothing():
            super().__init__(cfg, overrides, _callbacks)
        if (asked := (overrides or {}).get("workers")) is not None:
            self.args.workers = asked  # ultralytics has none on a CPU, whatever was asked for

    @contextmanager
    def or_nothing(self) -> Iterator[None]:
        """What fails in here leaves no run folder behind; one in which figures or checkpoints lie stays."""
        try:
            yield
        except Exception:
            folder: Path | None = getattr(self, "save_dir", None)
            if RANK in {-1, 0} and folder and {p.name for p in folder.rglob("*")} <= BARE:
                shutil.rmtree(folder, ignore_errors=True)
                with suppress(OSError):
                    for parent in self.made:
                        parent.rmdir()
            raise

    @names_as_text()
    def train(self) -> None:
        """Train, on this device or on several."""
        super().train()

    def set_up(self) -> None:
        """Data, loaders and optimizer; what is wrong with them is told before anything lies in the run folder."""
        with self.or_nothing(), frozen_in_one_line():
            super().set_up()
        if RANK in {-1, 0} and self.args.amp == "bf16" and self.device.type == "cpu" and slow_bfloat16():
            LOGGER.warning("amp=bf16: this processor has no bfloat16 instructions, so amp=False is faster")

    def get_model(self, cfg: Any = None, weights: Any = None, verbose: bool = True) -> Detector:
        """A detector for the data's classes, with `weights` (a module, file or state dict) taken over.

        What the weights know of a class goes to the class of its name. A resumed run keeps its order of classes, as its
        optimizer does, and the labels follow.
        Anchors stay those of `cfg`: a user's own would else give way to those a checkpoint happens to carry.
        """
        if self.resume and weights is not None:
            self.data = _in_order_of(weights.names, self.data)
        model = Detector(cfg, nc=self.data["nc"], ch=self.data["channels"], verbose=verbose and RANK == -1)
        model.names = self.data["names"]
        above_zero(model.yaml.get("gradient_clip", CLIP), "gradient_clip", CLIP)
        if self.args.freeze is not None:
            self.args.freeze = check_freeze(self.args.freeze, model)
        anchors = model.yaml.get("anchors")
        if weights is not None:
            model.load(weights, RANK in {-1, 0}, None if self.args.single_cls else self.data["names"])
        if isinstance(anchors, list):
            model.model[-1].set_anchors(read_anchors(anchors))
            model.yaml["anchors"] = anchors
        return model

    def set_model_attributes(self) -> None:
        """Class names and hyper-parameters onto the model, its configuration into the run folder."""
        super().set_model_attributes()
        model = unwrap_model(self.model)
        if self.device.type == "cpu" and self.args.channels_last is not False:
            # ultralytics does so on CUDA alone; a training step on a CPU took a fifth less time as well
            self.model = self.model.to(memory_format=torch.channels_last)
        if RANK in {-1, 0}:
            self._write_config(model)

    def _write_config(self, model: Detector) -> None:
        text = yaml.safe_dump(model.yaml, sort_keys=False, default_flow_style=None, width=120)
        write_text(self.save_dir / "model.yaml", f"# the model of this run, whole\n{text}")

    def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> TinyDataset:
        """Data with ignore regions and tiny boxes kept; `max_det` rises to the objects of the fullest picture."""
        model = unwrap_model(self.model)
        grid = max(int(model.stride.max()), 32)
        reader = PictureReader(Depth.of_section(model.yaml.get(PICTURES)), self.data["channels"])
        args, times = self.as_loaded(mode)
        parts = parts_of_training(model.yaml, args, self.data) if mode == "train" else {}
        made = build_dataset(
            args, img_path, self.data, mode, batch, grid * times, mode == "val", reader=reader, **parts
        )
        if mode == "train" and (known := made.reader.depth.known()):
            model.yaml[PICTURES] = known  # validation and prediction read theirs likewise
        Validator.check_max_det(self.args, {mode: made})
        return made

    def build_pipeline(self) -> None:
        """Loaders and optimizer; what depends on the training boxes is measured, a resumed run keeps what it has."""
        super().build_pipeline()
        model = unwrap_model(self.model)
        if RANK in {-1, 0}:
            gaps = class_gaps(self.train_loader.dataset, self.test_loader.dataset, self.args.classes)
            steps = few_steps(len(self.train_loader), self.batch_size, self.args.nbs, self.epochs)
            for line in [*gaps, *steps]:
                LOGGER.warning(line)
        if self.resume and TrainingStats.of(model).known():
            return
        said = fit(model, self.train_loader.dataset, self.args.imgsz, self.args.seed)
        if RANK in {-1, 0}:
            for line in said:
                LOGGER.info(line)
            self._write_config(model)

    def build_optimizer(
        self, model: nn.Module, name: str = "auto", lr: float = 0.001, *args: Any, **kwargs: Any
    ) -> Any:
        """The optimizer; `lr0` always means the rate per `nbs` pictures, and `weight_decay` goes with it.

        A loss that is a mean over objects does not grow with the batch, and gradients are summed over
        `nbs / batch` batches, so its rate is scaled by batch / nbs. ultralytics scales the decay as for a loss that
        does grow: the rate's part of it would be missing in small batches, and in larger ones it would grow alone.
        """
        inner = unwrap_model(model)
        inner.criterion = inner.init_criterion()  # bad loss options are reported before the first epoch
        own = inner.own_criterion
        if self.args.compile and own is not None:
            own.check_compile()
        if own is not None and own.mean:
            if name == "auto":
                raise InputError("optimizer=auto does not suit this loss; give optimizer=SGD lr0=0.01, or a recipe")
            lr = lr * min(self.batch_size / self.args.nbs, 1)
            if name == "SGD" and "decay" in kwargs:  # elsewhere it is no part of the sum of gradients
                kwargs["decay"] *= self.args.nbs / self.batch_size
        return super().build_optimizer(model, name, lr, *args, **kwargs)

    def get_validator(self) -> Validator:
        """Our validator, with the trainer's options and the model's rules."""
        made = Validator(self.test_loader, save_dir=self.save_dir, args=copy(self.args), _callbacks=self.callbacks)
        made.rules(unwrap_model(self.model).yaml.get("eval") or {}, self.data.get("protocol"))
        return made

    def get_class_counts(self) -> np.ndarray:
        """(C,) objects per class, ignore regions not counted."""
        return super().get_class_counts()[: self.data["nc"]]

    def plot_training_labels(self) -> None:
        """Distribution of classes and boxes, ignore regions left out."""
        labels = self.train_loader.dataset.labels
        cls = np.concatenate([x["cls"] for x in labels]).squeeze(-1)
        boxes = np.concatenate([x["bboxes"] for x in labels])
        real = cls < self.data["nc"]
        plot_labels(boxes[real], cls[real], names=self.data["names"], save_dir=self.save_dir, on_plot=self.on_plot)

    def close_mosaic(self) -> None:
        """The last epochs run without mosaic, and some criteria change with them."""
        super().close_mosaic()
        for model in (unwrap_model(self.model), self.ema.ema):  # the average has its own criterion, for val/ losses
            if model.own_criterion is not None:
                model.own_criterion.last_epochs()

    def progress_string(self) -> str:
        """The header over the progress of an epoch, whose columns are 11 wide; no two names of losses touch."""
        names = list(self.loss_names)
        if max(map(len, names), default=0) >= COLUMN:
            names = [name.removesuffix("_loss")[: COLUMN - 1] for name in names]
        return "\n" + "".join(f"{word:>{COLUMN}}" for word in ("Epoch", "GPU_mem", *names, "Instances", "Size"))

    def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Pictures in 0..1 on the device, ignore regions apart from objects."""
        return super().preprocess_batch(split_ignore(batch, self.data["nc"]))

    def optimizer_step(self) -> None:
        """A step of the optimizer and of the average; `gradient_clip` of the model file is the norm to clip at.

        ultralytics clips at 10, whatever one does, so the step is written anew where another norm is asked for.
        """
        limit = unwrap_model(self.model).yaml.get("gradient_clip")
        if limit is None:
            return super().optimizer_step()
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.model.parameters(), max_norm=limit)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()
        if self.ema:
            self.ema.update(self.model)
        self.stepped()

    def save_metrics(self, metrics: dict[str, Any]) -> None:
        """A row of results.csv: ultralytics' columns, then ours, the same ones in every row."""
        if self.epoch == self.start_epoch:
            _say_what_is_clamped(unwrap_model(self.model))
        ours = self.validator.columns
        theirs = {k: v for k, v in metrics.items() if k not in ours}
        super().save_metrics(theirs | {k: metrics.get(k, 0.0) for k in ours})

    def final_eval(self) -> None:
        """Validate the best checkpoint, then call the hooks in the first process."""
        super().final_eval()
        for hook in self.hooks if RANK in {-1, 0} else ():
            hook(self)

    def so_far(self) -> str:
        """How many epochs are whole, and how to go on, in words."""
        go_on = f", go on with: yolotiny train resume={self.last}" if self.last.exists() else ""
        return f"{getattr(self, 'epoch', 0)} of {self.epochs} epochs are complete{go_on}"


def _say_what_is_clamped(model: Detector) -> None:
    """Warn where objects lie outside the grid of a coder of distributions, as values of another head make them."""
    beyond = model.own_criterion.beyond if model.own_criterion is not None else None
    if beyond is not None and (share := (beyond[0] / beyond[1].clamp(min=1)).item()) > CLAMPED:
        LOGGER.warning(
            f"coder of {model.yaml.get('yaml_file')}: {share:.1%} of what was learnt in this epoch lies outside "
            "its grid and was clamped to the end; widen coder.alpha (docs/papers/ugs.md has the values of each head)"
        )


def _in_order_of(names: dict[int, str], data: dict[str, Any]) -> dict[str, Any]:
    """The data of a run with its classes in the order of `names`, for labels that `TinyDataset` brings into it."""
    if len(names) != len(data["names"]):
        return data
    order = ClassOrder.of(names, data["names"])
    if order.line and RANK in {-1, 0}:
        (LOGGER.warning if order.strange else LOGGER.info)(order.line)
    if not order.moves:
        return data
    return data | {"names": {i: data["names"][j] for i, j in enumerate(order.numbers)}, "class_numbers": order.back()}
