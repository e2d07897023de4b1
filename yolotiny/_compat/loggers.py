"""TensorBoard, MLflow and W&B by the callbacks of ultralytics, for a user who asks, and with nothing sent.

`YOLOTINY_LOGGERS=tensorboard,mlflow` names those that a training is written to; without it what the settings of
ultralytics have switched on, of those that know no network. MLflow writes to a folder and W&B offline, unless the
user's own `MLFLOW_TRACKING_URI` or `WANDB_MODE` says otherwise.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import InputError, did_you_mean

VARIABLE = "YOLOTINY_LOGGERS"
LOCAL = ("tensorboard", "raytune")  # which write to this machine alone, by the settings of ultralytics
MODULES = {"tensorboard": "tensorboard", "mlflow": "mlflow", "wandb": "wb"}  # of ultralytics, by library
MLFLOW_FOLDER = "runs/mlflow"
HERE = {"WANDB_MODE": "offline", "MLFLOW_ALLOW_FILE_STORE": "true"}  # MLflow 3 takes a folder only where it is told so


def asked() -> list[str]:
    """The loggers that the user has named.

    Raises:
        InputError: an unknown one, or one that is not installed.
    """
    names = [name.strip().lower() for name in os.environ.get(VARIABLE, "").split(",") if name.strip()]
    for name in dict.fromkeys(names):
        if name not in MODULES:
            raise InputError(f"{VARIABLE}: unknown logger {name!r}{did_you_mean(name, MODULES)}")
        if find_spec(name) is None:
            raise InputError(f"{VARIABLE}: {name} is not installed; pip install {name}, or leave it out")
    return list(dict.fromkeys(names))


def attach(instance: Any) -> None:
    """Attach the callbacks of the loggers to a trainer; of other objects nothing is logged.

    Raises:
        InputError: see `asked`.
    """
    from ultralytics.utils import SETTINGS

    if "Trainer" not in type(instance).__name__:
        return
    wanted = asked()
    for key in LOCAL:
        if key == "raytune" and "ray.tune" not in sys.modules:  # a trial has imported it; else it takes seconds
            continue
        if SETTINGS[key] is True and key not in wanted:
            _add(instance, key)
    if wanted:
        keep_here()
    for name in wanted:
        _add(instance, MODULES[name])


def keep_here() -> None:
    """Say where loggers write, where the user has not."""
    for name, value in (HERE | {"MLFLOW_TRACKING_URI": (Path.cwd() / MLFLOW_FOLDER).as_uri()}).items():
        os.environ.setdefault(name, value)


def _add(trainer: Any, module: str) -> None:
    """Add the callbacks of a module of ultralytics, and of TensorBoard's the pictures, which it leaves out."""
    callbacks: dict[str, Callable] = importlib.import_module(f"ultralytics.utils.callbacks.{module}").callbacks
    own = {"on_train_end": tensorboard_pictures} if module == "tensorboard" and callbacks else {}
    for event, function in (*callbacks.items(), *own.items()):
        if function not in trainer.callbacks[event]:
            trainer.callbacks[event].append(function)


def tensorboard_pictures(trainer: Any) -> None:
    """Add the plots and pictures of a run to its TensorBoard file."""
    import cv2

    writer = importlib.import_module("ultralytics.utils.callbacks.tensorboard").WRITER
    plots = {**trainer.plots, **trainer.validator.plots} if writer else {}
    for file in map(Path, plots):
        image = cv2.imread(str(file)) if file.is_file() else None
        if image is not None:
            writer.add_image(file.stem, image[..., ::-1], trainer.epoch + 1, dataformats="HWC")
