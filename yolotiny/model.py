"""`YOLO`: the class users meet, with ultralytics' methods over our detectors."""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import Any

import yaml
from torch import nn
from ultralytics.engine.model import Model
from ultralytics.utils import DEFAULT_CFG_DICT, LOGGER, RANK

from . import config
from .detector import Detector
from .engine.predictor import Predictor
from .engine.trainer import Trainer, run_folder_writable
from .engine.validator import Validator
from .errors import InputError

MAX_DET = 1500  # AI-TOD's cap; ultralytics' 300 is below the objects in one crowded picture
RULES = ("protocol", "fitness")  # short for eval.protocol and eval.fitness
OURS = {"recipe", *RULES}  # options that ultralytics does not know
GAINS = {"box": "loss.box.weight=", "cls": "loss.cls.weight=", "dfl": "loss.box.weight=", "cls_pw": "loss.cls.weight="}


class YOLO(Model):
    """A detector to train, validate, predict with and export.

    Args:
        model: a model file of ours or of ultralytics (`"yolov5n.yaml"`, `"yolox-nano-p2.yaml"`), a checkpoint
            (`"best.pt"`), or an exported model (`"best.onnx"`).
        task: only "detect"; kept for ultralytics' signature.
        verbose: print a summary.

    Raises:
        InputError: no such model; the nearest names are given.
    """

    def __init__(self, model: str | Path = "yolov5n.yaml", task: str | None = None, verbose: bool = False):
        name = str(model).strip()
        if not Path(name).suffix or Path(name).suffix[1:].isdigit():  # "yolov5n" means "yolov5n.yaml"
            name += ".yaml"
        if not name.endswith((".yaml", ".yml")) and "://" not in name and not Path(name).exists():
            raise InputError(f"model {name!r} does not exist")
        self.changes: dict[str, Any] = {}  # dotted changes to the configuration, from the user
        super().__init__(name, task=task or "detect", verbose=verbose)

    @property
    def task_map(self) -> dict[str, dict[str, Any]]:
        """ultralytics' table of what serves a task."""
        return {"detect": {"model": Detector, "trainer": Trainer, "validator": Validator, "predictor": Predictor}}

    def _new(self, cfg: str, task: str | None = None, verbose: bool = False) -> None:
        """Build from a model file."""
        self.cfg, self.task, self.model_name = cfg, "detect", cfg
        self.model = Detector(cfg, verbose=verbose and RANK == -1)
        self.overrides |= {"model": cfg, "task": "detect"}
        self.model.args = {**DEFAULT_CFG_DICT, **self.overrides}

    def _load(self, weights: str, task: str | None = None) -> None:
        """Open a checkpoint or an exported model."""
        super()._load(weights, task)
        if self.model_is_module and not isinstance(self.model, Detector):
            raise InputError(
                f"{weights} is a checkpoint of another program; use YOLO('yolov5n.yaml').load({weights!r})"
            )

    @property
    def model_is_module(self) -> bool:
        """True for PyTorch models, False for exported ones."""
        return isinstance(self.model, nn.Module)

    def load(self, weights: Any) -> YOLO:
        """Take over matching tensors from a file, module or state dict (see `Detector.load`)."""
        self._check_is_pytorch_model()
        self.model.load(weights)
        self.overrides["pretrained"] = weights if isinstance(weights, (str, Path)) else True
        self.loaded = True
        return self

    def _options(self, options: dict[str, Any]) -> dict[str, Any]:
        """Split dotted model options off and check the names of the rest."""
        known = {*DEFAULT_CFG_DICT, *OURS}
        plain, changes = config.split_overrides(options, known)
        changes |= {f"eval.{k}": plain.pop(k) for k in RULES if k in plain}
        if changes.keys() - {f"eval.{k}" for k in RULES}:
            self._check_is_pytorch_model()
        self.changes |= changes
        return plain

    def _rebuild(self, changes: dict[str, Any]) -> None:
        """Apply configuration changes that keep the layers' shapes wherever tensors fit."""
        if changes:
            old = self.model
            cfg = config.override(old.yaml, changes)
            self.model = Detector(cfg, ch=old.yaml["channels"])
            self.model.load_state_dict(old.state_dict(), strict=False)
            self.model.names, self.model.args = old.names, old.args
            self.predictor = None

    def train(self, **options: Any) -> Any:
        """Train; options as in ultralytics, dotted ones for the model (`loss.box.weight=2`), and `recipe=FILE`.

        A model file names a recipe in `cfg/train`: its values stand where the user gives none. `recipe=none` switches it
        off.

        Returns:
            ultralytics' metrics of the best checkpoint.
        """
        self._check_is_pytorch_model()
        options = self._options(options)
        if isinstance(options.get("data"), (list, tuple)):
            raise InputError("data: give one data set at a time")
        resume = options.get("resume")
        if resume:
            return self._resume(resume, options)
        if getattr(self.model.model[-1], "criterion", ""):  # ultralytics' own heads do read these
            for k in GAINS.keys() & options.keys():
                raise InputError(f"{k}= is not read by this detector; write {GAINS[k]}")
        recipe, changes = read_recipe(options.pop("recipe", self.model.yaml.get("recipe")))
        cfg = config.override(self.model.yaml, changes | self.changes)
        weights = options.get("pretrained", self.overrides.get("pretrained", bool(self.ckpt)))
        if weights is True or weights is self.overrides.get("pretrained"):
            weights = self.model if (self.ckpt or getattr(self, "loaded", False)) else weights
        if isinstance(weights, bool):
            weights = None
        args = {"max_det": MAX_DET, **recipe, **self.overrides, **options, "mode": "train", "pretrained": bool(weights)}
        if not args.get("data"):
            raise InputError("train needs data=FILE.yaml; for a first try: yolotiny data demo to=datasets/demo")
        run_folder_writable(Path(args.get("project") or "runs"))
        self.trainer = Trainer(overrides=args, _callbacks=self.callbacks)
        self.trainer.model = self.trainer.get_model(cfg=cfg, weights=weights)
        return self._run_trainer()

    def _resume(self, resume: Any, options: dict[str, Any]) -> Any:
        """Go on with an interrupted run."""
        path = resume if isinstance(resume, (str, Path)) else self.ckpt_path
        if path is None or (resume is True and (not self.ckpt or self.ckpt.get("optimizer") is None)):
            raise InputError(f"{self.model_name} is no interrupted run; give resume=runs/.../weights/last.pt")
        if not Path(path).exists():
            raise InputError(f"resume: {path} does not exist")
        options.pop("recipe", None)
        args = {**options, "model": str(path), "resume": str(path), "mode": "train", "task": "detect"}
        self.trainer = Trainer(overrides=args, _callbacks=self.callbacks)
        return self._run_trainer()

    def _run_trainer(self) -> Any:
        """Train, then stand on the best checkpoint."""
        self.trainer.train()
        if RANK in {-1, 0}:
            kept = self.trainer.best if self.trainer.best.exists() else self.trainer.last
            if not kept.exists():
                raise InputError(f"training wrote no checkpoint to {self.trainer.wdir}")
            self._load(str(kept))
            self.metrics = getattr(self.trainer.validator, "metrics", None)
            self.predictor = None
        return self.metrics

    def val(self, validator: Any = None, **options: Any) -> Any:
        """Validate; `metrics.report` holds the figures of the tiny-object protocol."""
        options = {"max_det": MAX_DET} | self._options(options)
        changes = self._taken()
        rules = {k: changes.pop(f"eval.{k}") for k in RULES if f"eval.{k}" in changes}
        self._rebuild(changes)
        if self.model_is_module:
            rules = (self.model.yaml.get("eval") or {}) | rules
        if not (options.get("data") or self.overrides.get("data")):
            raise InputError("val needs data=FILE.yaml")
        args = {**self.overrides, "rect": True, **options, "mode": "val"}
        runner = (validator or Validator)(args=args, _callbacks=self.callbacks)
        runner.rules(rules)
        runner(model=self.model)
        self.metrics = runner.metrics
        self.metrics.report = runner.report
        return self.metrics

    def predict(self, source: Any = None, stream: bool = False, predictor: Any = None, **options: Any) -> Any:
        """Predict on pictures, folders, videos or arrays; gives ultralytics `Results`."""
        if source is None:
            raise InputError("predict needs source=: a picture, a folder, a video, or an array")
        if isinstance(source, (str, Path)) and "://" not in str(source) and not str(source).isdigit():
            if not any(c in str(source) for c in "*?") and not Path(source).exists():
                raise InputError(f"source {str(source)!r} does not exist")
        options = {"max_det": MAX_DET} | self._options(options)
        self._rebuild(self._taken())
        return super().predict(source, stream, predictor, **options)

    def export(self, **options: Any) -> str:
        """Export; `format` as in ultralytics (onnx, torchscript, openvino, engine, ...). Returns the file."""
        options = {"max_det": MAX_DET} | self._options(options)
        self._rebuild(self._taken())
        return super().export(**options)

    def _taken(self) -> dict[str, Any]:
        """The pending configuration changes, once."""
        changes, self.changes = self.changes, {}
        return changes


def read_recipe(name: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a recipe: training options, and under `model:` changes to the configuration.

    Args:
        name: a file in cfg/train or a path; None or "none" for no recipe.

    Raises:
        InputError: no such recipe, or an option in it that nothing reads.
    """
    if name in (None, "none", False):
        return {}, {}
    folder = config.cfg_dir() / "train"
    file = next((p for p in (Path(name), folder / name, folder / f"{name}.yaml") if p.is_file()), None)
    if file is None:
        from .errors import did_you_mean

        raise InputError(f"unknown recipe {name!r}{did_you_mean(name, [p.name for p in folder.glob('*.yaml')])}")
    recipe = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    changes = recipe.pop("model", {})
    plain, stray = config.split_overrides(recipe, DEFAULT_CFG_DICT)
    if stray:
        raise InputError(f"{file}: {next(iter(stray))} belongs under model:")
    LOGGER.info(f"recipe: {file.name}")
    return copy(plain), changes
