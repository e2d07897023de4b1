"""What may be asked of a run: options, their values, the data file and the recipe, all checked before it starts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ultralytics.data.utils import check_det_dataset
from ultralytics.utils import DEFAULT_CFG_DICT, LOGGER
from ultralytics.utils.checks import check_file

from .. import config
from ..data.formats.yolo import find_yaml
from ..data_file import check_place
from ..errors import InputError, did_you_mean
from ..metrics import PROTOCOLS
from ..yaml_file import read_yaml
from . import checkpoint
from .look_section import OPTIONS as LOOK
from .nms import NWD_THRESHOLD, check_metric
from .validator import DEFAULTS

SUPPRESSION = ("nms_metric", "nms_c")
RULES = ("protocol", "fitness", *SUPPRESSION)  # short for eval.protocol and so on
OURS = {"recipe", "worst", "uncertainty", "persist", *RULES, *LOOK}  # options that ultralytics does not know
FROM_DATA = {"nc", "names", "ch", "channels"}  # the data YAML decides these
# Options of ultralytics that nothing here reads, and why.
UNREAD = {
    "distill_model": "distillation is not part of yolotiny",
    "dis": "distillation is not part of yolotiny",
    "cls_remap": "tensors are taken over where name and shape agree",
    "profile": "it is read by logging services only",
}
# What a recipe, which may come with a model, does not decide.
PLACES = "data pretrained resume project name exist_ok save_dir source cfg".split()
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
    changes |= {f"infer.{LOOK[k]}": plain.pop(k) for k in LOOK if k in plain}
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
        looks = section == "infer" and mode in ("val", "predict", "track")
        if mode != "train" and not looks and not (section == "eval" and key.removeprefix("eval.") in read):
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


def resumable(path: Any, name: str, options: Mapping[str, Any], changes: Mapping[str, Any]) -> str:
    """The checkpoint of an interrupted run as it was given, after a look inside.

    Args:
        path: of the checkpoint; None where the model is none.
        name: of the model, for messages.
        options, changes: what the user says besides.

    Raises:
        InputError: no such run, or one that is finished, or options that a resumed run cannot take.
    """
    if path is None:
        raise InputError(f"{name} is no interrupted run; give resume=runs/.../weights/last.pt")
    if not Path(path).is_file():
        raise InputError(f"resume: {path} does not exist")
    if kept := [*changes, *(k for k in ("recipe",) if k in options)]:
        raise InputError(f"a resumed run keeps its model and recipe: leave {kept[0]}= out, or start a new run")
    content = checkpoint.read(path)
    if content.get("optimizer") is None:
        raise InputError(f"resume: the run of {path} is finished; train further with model={path} and no resume")
    if gone := [k for k in ("project", "name") if k in options]:
        raise InputError(f"a resumed run goes on in the folder of its checkpoint: leave {gone[0]}= out")
    if Path(path).resolve().parent.name != "weights":
        raise InputError(
            f"resume: {path} does not lie in a folder RUN/weights, in which a run could go on; put it there"
        )
    best = Path(path).with_name("best.pt")
    if best.exists():
        checkpoint.read(best)  # it is validated at the end: better to hear now that it is no checkpoint
    if not content["train_args"]["data"] and not options.get("data"):
        raise InputError(f"resume: the data of {path} are not on this machine; give data=FILE.yaml")
    return str(path)


# What ultralytics sets for a call of predict where neither model nor user says anything.
PREDICTION = {"conf": 0.25, "save": False, "rect": True, "embed": None}


def check_source(mode: str, source: Any) -> None:
    """Raise InputError where there is nothing to predict on."""
    if source is None:
        raise InputError(f"{mode} needs source=: a picture, a folder, a video, or an array")
    if isinstance(source, (str, Path)) and "://" not in str(source) and not str(source).isdigit():
        if not any(c in str(source) for c in "*?") and not Path(source).exists():
            raise InputError(f"source {str(source)!r} does not exist")


def find_data(name: Any, *splits: str) -> str:
    """The path of a data YAML: a file, one of ours in cfg/datasets, or one of ultralytics; checked.

    Args:
        name: what the user wrote.
        splits: those that are needed, such as "train" and "val".

    Raises:
        InputError: no such file, or something in it is missing.
    """
    if not isinstance(name, (str, Path)):
        raise InputError("data: give one data YAML")
    text = str(name)
    folder = config.cfg_dir() / "datasets"
    for file in (Path(text), folder / text, folder / f"{text}.yaml"):
        if file.exists():
            text = str(find_yaml(file)) if file.is_dir() else str(file)
            break
    else:
        if "://" not in text and not check_file(text, hard=False):
            near = did_you_mean(text, [p.name for p in folder.glob("*.yaml")])
            raise InputError(f"data file {text!r} does not exist{near}; yolotiny data demo to=DIR writes one to try")
    try:
        data = check_det_dataset(text, split=splits[-1])
    except InputError:
        raise
    except Exception as error:  # ultralytics raises all kinds here
        said = str(error).replace("❌", "").replace(f"{text} ", "").splitlines() or [type(error).__name__]
        lines = [line.strip(" .") for line in said if line.strip() and not line.startswith("Note")]
        raise InputError(f"data {text}: {': '.join(lines[:2])}") from error
    for split in splits:
        for place in [data[split]] if isinstance(data[split], str) else data[split]:
            check_place(place, f"data {text}: {split}", data)
    if data.get("protocol") is not None:
        PROTOCOLS.find(str(data["protocol"]), where=text)
    return text


def protocol_of(data: str) -> str | None:
    """The evaluation protocol that a data YAML names as its own, if it does."""
    return read_yaml(data, "a data YAML").get("protocol") if Path(data).is_file() else None


def run_root(project: Any, mode: str, writes: bool = True) -> str:
    """The absolute folder that runs are written to: `project` seen from the current folder, runs/detect by default.

    ultralytics would put runs into a folder that it remembers from its first use, wherever that was.

    Raises:
        InputError: nothing can be written there, although the run `writes`.
    """
    folder = Path(str(project or "runs/detect")).expanduser().resolve()
    if not writes:
        return str(folder)
    nearest = next(p for p in (folder, *folder.parents) if p.exists())
    if not nearest.is_dir():
        raise InputError(f"the folder {folder} for the results of {mode} cannot be made: {nearest} is a file")
    if not os.access(nearest, os.W_OK):
        raise InputError(f"the folder {folder} cannot be written ({nearest} is read-only); give project=DIR")
    return str(folder)


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
        raise InputError(f"unknown recipe {name!r}{did_you_mean(name, [p.name for p in folder.glob('*.yaml')])}")
    recipe = read_yaml(file, "a recipe")
    changes = recipe.pop("model", None) or {}
    if places := [key for key in PLACES if key in recipe]:
        raise InputError(f"{file}: a recipe does not say where to read or write; give {places[0]}= with the command")
    plain, stray = config.split_overrides(recipe, DEFAULT_CFG_DICT)
    if stray:
        raise InputError(f"{file}: {next(iter(stray))} belongs under model:")
    LOGGER.info(f"recipe: {file.name}")
    return plain, changes
