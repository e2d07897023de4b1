"""What may be asked of a run: options, their values, the data file and the recipe, all checked before it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ultralytics.utils import DEFAULT_CFG_DICT

from ..errors import InputError
from ..ops.postprocess import NWD_THRESHOLD, check_metric
from . import load as config
from .defaults import DEFAULTS
from .slicing import OPTIONS as SLICING

SUPPRESSION = ("nms_metric", "nms_c")
RULES = ("protocol", "fitness", *SUPPRESSION)  # short for eval.protocol and so on
OURS = {"recipe", "worst", "uncertainty", "persist", *RULES, *SLICING}  # options that ultralytics does not know
FROM_DATA = {"nc", "names", "ch", "channels"}  # the data YAML decides these
# Options of ultralytics that nothing here reads, and why.
UNREAD = {
    "distill_model": "distillation is not part of yolotiny",
    "dis": "distillation is not part of yolotiny",
    "cls_remap": "tensors are taken over where name and shape agree",
    "profile": "it is read by logging services only",
}
TRACKING = ("tracker", "persist")  # read by track alone
UNREAD_IN_TRAINING = {
    "quantize": "use it in val, predict and export",
    "dnn": "it is for exported models",
    "nms": "it belongs to export",
    "augment": "it is for val and predict; hsv_h, scale, mosaic and the like set the augmentation of training",
}
# Loss gains of ultralytics' heads, and what says the same to ours.
GAINS = {"box": "loss.box.weight=", "cls": "loss.cls.weight=", "dfl": "loss.box.weight=", "cls_pw": "loss.cls.weight="}
LEAST = {"imgsz": 1, "workers": 0, "worst": 0, "lr0": 0.0, "warmup_epochs": 0.0}
MOST = {"imgsz": 65_536, "batch": 65_536, "max_det": 10_000_000, "vid_stride": 1_000_000}


def sort_options(mode: str, options: Mapping[str, Any], own_head: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part a user's options into (those of ultralytics and `recipe`, dotted changes to the model's configuration).

    Args:
        mode: "train", "val", "predict", "track" or "export".
        options: as given.
        own_head: the model ends in a head of ours, not in one of ultralytics.

    Raises:
        InputError: an unknown name, an option that this mode or this model does not read, an impossible value.
    """
    if "plugins" in options:
        raise InputError(f"{mode} does not read plugins=: give it to YOLO(..., plugins=...)")
    plain, changes = config.split_overrides(options, {*DEFAULT_CFG_DICT, *OURS})
    changes |= {f"eval.{k}": plain.pop(k) for k in RULES if k in plain}
    if "crops" in plain:
        plain["crops"] = plain["crops"] or "none"  # the command line reads none as nothing
    changes |= {f"infer.{SLICING[k]}": plain.pop(k) for k in SLICING if k in plain}
    if changes.get("crop_train") in ("none", False):
        changes["crop_train"] = None
    for key, why in (UNREAD | (UNREAD_IN_TRAINING if mode == "train" else {})).items():
        if key in plain and plain[key] != DEFAULT_CFG_DICT[key]:
            raise InputError(f"{mode} does not read {key}=: {why}")
    if mode != "predict" and "uncertainty" in plain:
        raise InputError(f"{mode} does not read uncertainty=: use it in predict")
    if mode != "val" and "worst" in plain:
        raise InputError(f"{mode} does not read worst=: it is the number of images in the report of val")
    for key in TRACKING if mode != "track" else ("embed", "visualize"):
        if plain.get(key, DEFAULT_CFG_DICT.get(key)) not in (False, DEFAULT_CFG_DICT.get(key)):
            where = "it is of track" if mode != "track" else "use it in predict"
            raise InputError(f"{mode} does not read {key}=: {where}")
    if plain.get("task", "detect") != "detect":
        raise InputError(f"task={plain['task']}: yolotiny knows detection only")
    if own_head:
        if wrong := GAINS.keys() & plain.keys():
            raise InputError(f"{min(wrong)}= is not read by this detector; write {GAINS[min(wrong)]}")
        if plain.get("nms") is False or "end2end" in changes:
            raise InputError("this detector has no head without NMS: leave nms= and end2end= out")
        if mode == "predict" and plain.get("visualize"):
            raise InputError("predict does not read visualize=: activation maps need a head of ultralytics")
    for key in changes:
        section = key.partition(".")[0]
        if section in FROM_DATA:
            raise InputError(f"{key}= is not an option of {mode}: the data YAML names the classes and channels")
        read = {"val": RULES, "predict": SUPPRESSION, "track": SUPPRESSION}.get(mode, ())
        of_slicing = section == "infer" and mode in ("val", "predict", "track")
        if mode != "train" and not of_slicing and not (section == "eval" and key.removeprefix("eval.") in read):
            raise InputError(f"{mode} does not read {key}=: it is a setting of training")
    _check_values(plain)
    return plain, changes


def _check_values(options: Mapping[str, Any]) -> None:
    """Raise InputError for values that ultralytics would let through to a failure or a surprise."""
    for key, least in LEAST.items():
        values = options.get(key)
        for value in values if isinstance(values, (list, tuple)) else [values]:
            if isinstance(value, (int, float)) and value < least:
                raise InputError(f"{key}={value} is below {least}")
    for key, most in MOST.items():
        values = options.get(key)
        for value in values if isinstance(values, (list, tuple)) else [values]:
            if isinstance(value, (int, float)) and not value <= most:
                raise InputError(f"{key}={value} is above {most:,}")
    batch = options.get("batch", 1)
    whole = isinstance(batch, int) or (isinstance(batch, float) and batch.is_integer())
    if isinstance(batch, (int, float)) and not (batch == -1 or 0 < batch < 1 or (whole and batch >= 1)):
        raise InputError(f"batch={batch}: give a whole number from 1 up, -1 for automatic, or a share of GPU memory")


def defaults(rules: Mapping[str, Any] | None) -> dict[str, Any]:
    """Options where the user says nothing; suppression by NWD has a threshold of its own."""
    return DEFAULTS | ({"iou": NWD_THRESHOLD} if (rules or {}).get("nms_metric") == "nwd" else {})


def rules_of(
    own: Mapping[str, Any], changes: Mapping[str, Any], names: Sequence[str], head: Any = None
) -> dict[str, Any]:
    """Rules of evaluation: a model's `eval:` section under a user's `eval.*`; InputError for one wrong for its head."""
    given = {k: changes[f"eval.{k}"] for k in names if f"eval.{k}" in changes}
    if given.get("nms_metric") == "iou":
        own = {k: v for k, v in own.items() if k != "nms_c"}
    rules = {k: v for k, v in {**own, **given}.items() if k in names}
    check_metric(rules, head)
    return rules


# What ultralytics sets for a call of predict where neither model nor user says anything.
PREDICTION = {"conf": 0.25, "save": False, "rect": True, "embed": None}
