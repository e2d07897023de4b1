"""What may be asked of a run: options, their values, the data file and the recipe, all checked before it starts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InputError, did_you_mean
from ..metrics import PROTOCOLS
from ..ops.postprocess import NWD_THRESHOLD, check_metric
from ..pictures.depth import SECTION as PICTURES
from ..pictures.depth import Depth
from . import load as config
from .defaults import DEFAULTS
from .option_kinds import joined
from .option_rules import check_together
from .option_table import OPTIONS, check, read_by
from .slicing import OPTIONS as SLICING

READING = ("bands", "stretch")
SUPPRESSION = ("nms_metric", "nms_c")
RULES = ("protocol", "fitness", *SUPPRESSION)
# Options that are short for a setting of the model file.
SHORT = {
    **{k: f"eval.{k}" for k in RULES},
    **{k: f"{PICTURES}.{k}" for k in READING},
    **{k: f"infer.{setting}" for k, setting in SLICING.items()},
}
NONE = {"crops": "none", "bands": [], "stretch": "none"}  # what they are where the command line reads none as nothing
FROM_DATA = {"nc", "names", "ch", "channels"}  # the data YAML decides these


def sort_options(mode: str, options: Mapping[str, Any], own_head: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part a user's options into (those of ultralytics and `recipe`, dotted changes to the model's configuration).

    Args:
        mode: "train", "val", "predict", "track" or "export".
        options: as given.
        own_head: the model ends in a head of ours, not in one of ultralytics.

    Raises:
        InputError: an unknown name, an option that this mode or this model does not read, an impossible value.
    """
    check(mode, options)
    plain, changes = config.split_overrides(options, [k for k, v in read_by(mode).items() if not v.section])
    for short in [k for k in SHORT if k in plain]:
        value = plain.pop(short)
        changes[SHORT[short]] = (value or NONE[short]) if short in NONE else value
    if changes.get("crop_train") in ("none", False):
        changes["crop_train"] = None
    if isinstance(changes.get("teacher"), (str, os.PathLike)):  # short for teacher.file
        changes["teacher.file"] = str(changes.pop("teacher"))
    check_together(mode, plain | ({"fitness": changes["eval.fitness"]} if "eval.fitness" in changes else {}))
    if own_head:
        _check_for_own_head(mode, plain, changes)
    for key, value in changes.items():
        _check_change(mode, key, value)
    return plain, changes


def of_split(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Options with the `fraction` that was asked for meant for the split that is looked at, whichever it is.

    ultralytics reads a single number of the training pictures only.
    """
    share = plain.get("fraction")
    return {**plain, "fraction": [share] * 3} if isinstance(share, (int, float)) else dict(plain)


def _check_for_own_head(mode: str, plain: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Raise InputError for what only heads of ultralytics read."""
    for key in plain:
        if instead := OPTIONS[key].ours:
            raise InputError(f"{key}= is not read by this detector; write {instead}")
    if plain.get("nms") is False or "end2end" in changes:
        raise InputError("this detector has no head without NMS: leave nms= and end2end= out")
    if mode == "predict" and plain.get("visualize"):
        raise InputError("predict does not read visualize=: activation maps need a head of ultralytics")


def _check_change(mode: str, key: str, value: Any) -> None:
    """Raise InputError for a setting of the model file, by its dotted name, that a mode does not read."""
    section, _, name = key.partition(".")
    if section in FROM_DATA:
        raise InputError(f"{key}= is not an option of {mode}: the data YAML names the classes and channels")
    of_slicing = section == "infer" and mode in OPTIONS["crops"].modes
    of_rules = section == "eval" and name in RULES and mode in OPTIONS[name].modes
    of_pictures = section == PICTURES and name in READING and mode in OPTIONS[name].modes
    if mode != "train" and not (of_slicing or of_rules or of_pictures):
        where = "use it in track" if section == "tracker" else "it is a setting of training"
        raise InputError(f"{mode} does not read {key}=: {where}")
    if section == "eval" and name:
        check_rules({name: value})


def check_rules(section: Any, where: str = "") -> None:
    """Raise InputError for an `eval:` section with a rule that nothing reads, or a value that it cannot have."""
    place = f" in {where}" if where else ""
    if not isinstance(section, Mapping):
        raise InputError(f"eval{place} must be a mapping of {joined(RULES, 'and')}, not {section!r}")
    for name, value in section.items():
        if name not in RULES:
            raise InputError(f"eval.{name}{place} is read by nothing{did_you_mean(name, RULES)}")
        OPTIONS[name].values.check(name, value)


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
    if rules.get("protocol") is not None:
        PROTOCOLS.find(rules["protocol"])  # told before there is a run folder
    return rules


# What ultralytics sets for a call of predict where neither model nor user says anything.
PREDICTION = {"conf": 0.25, "save": False, "rect": True, "embed": None}


def reading_of(changes: Mapping[str, Any]) -> dict[str, Any]:
    """`bands` and `stretch` where the user gives them, checked; see `pictures.depth.Depth`."""
    given = {k: changes[f"{PICTURES}.{k}"] for k in READING if f"{PICTURES}.{k}" in changes}
    Depth.of(**given)
    return given
