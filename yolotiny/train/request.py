"""What a user asks of a training: options, recipe, configuration and weights, checked before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..checkpoint import TEACHER
from ..config import load as config
from ..config.options import check_rules, defaults, sort_options
from ..config.run_files import find_data, read_recipe, run_root
from ..data.augment import listed
from ..data_file import class_names
from ..errors import InputError
from ..ops.class_choice import class_numbers
from ..shipped import weights_file
from ..weights import read_tensors
from .teacher import teacher_section


@dataclass(frozen=True)
class TrainingRequest:
    """A training that can begin.

    Attributes:
        args: options of ultralytics' trainer.
        cfg: configuration of the model, with the recipe's and the user's changes.
        weights: what it starts from, a module, file or state dict; None for drawn weights.
    """

    args: dict[str, Any]
    cfg: dict[str, Any]
    weights: Any

    @classmethod
    def of(cls, owner: Any, plain: Mapping[str, Any], changes: Mapping[str, Any]) -> TrainingRequest:
        """From what a user said.

        Args:
            owner: a `YOLO` with a detector.
            plain: options of ultralytics and `recipe`.
            changes: to the model's configuration, by dotted name.

        Raises:
            InputError: data, recipe, weights or folder that cannot be used.
        """
        plain = dict(plain)
        recipe, of_recipe = read_recipe(plain.pop("recipe", owner.model.yaml.get("recipe")))
        recipe, _ = sort_options("train", recipe, owner.own_head)
        cfg = config.override(owner.model.yaml, {**of_recipe, **changes}, owner.model.loss_terms)
        if "augmentations" in cfg:  # a checkpoint goes on without the files that it came from
            cfg["augmentations"] = listed(cfg["augmentations"], cfg.get("yaml_file") or "the configuration")
        if TEACHER in cfg:
            cfg[TEACHER] = teacher_section(cfg[TEACHER], cfg.get("yaml_file") or "the configuration")
        check_rules(cfg.get("eval") or {}, cfg.get("yaml_file") or "the configuration")
        weights = plain.get("pretrained", True)
        if weights is True:
            weights = owner.model if owner.has_weights else None
        args = {**defaults(cfg.get("eval")), **recipe, **owner.overrides, **plain, "mode": "train"}
        if not args.get("data"):
            raise InputError("train needs data=FILE.yaml; for a first try: yolotiny data demo to=datasets/demo")
        args["data"] = find_data(args["data"], "train", args.get("split") or "val")
        if "classes" in args:
            args["classes"] = class_numbers(args["classes"], class_names(Path(args["data"])), args["data"])
        args["project"] = run_root(args.get("project"), "train")
        if isinstance(weights, (str, Path)):
            weights = weights_file(weights) or weights
            read_tensors(weights)  # a file that is no checkpoint is reported before anything is written
        args["pretrained"] = bool(weights)
        return cls(args, cfg, weights or None)
