"""All runs of a study, resolved and checked before anything is trained."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from ultralytics.utils import LOGGER

from ..config import load as config
from ..config.options import RULES, sort_options
from ..data import write_demo
from ..data_file import DataFile, read_data_file
from ..errors import InputError, did_you_mean
from ..files import write_text
from ..model import YOLO
from ..report import prepare
from ..train.request import TrainingRequest
from ..val.validator import Validator
from .definition import TOY, Arm, Study
from .figures import check_expected, check_figures
from .fingerprint import fingerprint
from .measured import MEASURES
from .records import Run, read_json

TRAINED = {"val": False, "plots": False}  # the weights of the last epoch: nothing is chosen on the pictures of val
# What figures do not depend on, or what is compared by itself.
ASIDE = {"project", "name", "exist_ok", "save_dir", "device", "workers", "cache", "verbose", "model", "mode", "task"}
ASIDE |= {"seed", "plots", "resume", "pretrained"}
STAND_IN = 0.01  # of an option that is measured when its run begins
OF_MODEL = {"yaml_file", "description", "official"}  # words about a configuration
PICTURES = {"train": 8, "val": 4, "imgsz": 96}  # generated ones, of the toy profile


def plan(study: Study, folder: Path) -> list[Run]:
    """The runs of a study, all arms with the first seed before any with the next, written down in its folder.

    Raises:
        InputError: an arm that cannot be trained, two that are the same, or runs in the folder that were done, or
            begun, with other settings. Nothing in the folder is changed then.
    """
    folder = folder.expanduser().resolve()
    check_expected(row.figure for row in study.expected)
    made = {arm.name: _run(study, arm, folder) for arm in study.arms}
    _check_twins(made)
    runs = []
    for seed in study.seeds:
        for arm in study.arms:
            if seed in study.seeds_of(arm):
                run = made[arm.name][0]
                after = f"{arm.after}-{seed}" if arm.after else ""
                runs.append(replace(run, seed=seed, after=after))
    for run in runs:
        _check_same(run)
    prepare(folder)
    for run in runs:
        run.write()
    return runs


def _run(study: Study, arm: Arm, folder: Path) -> tuple[Run, str]:
    """The first run of an arm, and the fingerprint of what it trains."""
    options = TRAINED | study.options | arm.options
    model = options.pop("model", None)
    where = f"{study.name}, arm {arm.name!r}"
    if model is None:
        raise InputError(f"{where} has no model: write model: under options, the profile or the arm")
    if options.get("data") is None:
        if study.profile != TOY:
            raise InputError(f"{where} has no data: give data=FILE.yaml, or write it under profiles.{study.profile}")
        options["data"] = str(_toy_data(folder))
    try:
        model = _model_file(arm, str(model), folder) if arm.changes else model
        place = {"project": str(folder)}
        settings, seen = _resolved(str(model), options | _stand_ins(arm) | place, bool(arm.after), study)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    settings |= {"after": arm.after} | {f"measured.{k}": v for k, v in arm.measured.items()}
    run = Run(folder, arm.name, study.seeds[0], str(model), options, settings, study.looks, measured=arm.measured)
    return run, f"{seen} {arm.after} {arm.measured}"


def _stand_ins(arm: Arm) -> dict[str, float]:
    """A number for each option that will be measured; InputError for what nobody can measure."""
    for what in arm.measured.values():
        if what not in MEASURES:
            raise InputError(f"measured: {what!r} is unknown{did_you_mean(str(what), MEASURES)}")
    return dict.fromkeys(arm.measured, STAND_IN)


def _resolved(model: str, options: Mapping[str, Any], after: bool, study: Study) -> tuple[dict[str, Any], str]:
    """Settings of a training by dotted name, and what is the same for two that are the same; looks are tried, too."""
    owner = YOLO(model)
    plain, changes = sort_options("train", options, owner.own_head)
    level = LOGGER.level
    LOGGER.setLevel("WARNING")  # every run will tell of its recipe
    try:
        request = TrainingRequest.of(owner, plain, changes)
    finally:
        LOGGER.setLevel(level)
    file = read_data_file(Path(request.args["data"]))
    data = file.as_ultralytics()
    owner.model.yaml = request.cfg
    for name, look in (study.looks or {"": {}}).items():
        _check_look(owner, name, look, study.figures, file)
    args = {k: v for k, v in request.args.items() if k not in ASIDE}
    seen = fingerprint(args, request.cfg, None if after else request.weights, dict(data["names"]), data["channels"])
    cfg = {k: v for k, v in request.cfg.items() if k not in OF_MODEL}
    if "scale" in cfg:
        cfg["scales"] = cfg["scales"][cfg["scale"]]
    settings = dict(_flat({"": args, "model": cfg}))
    settings["pretrained"] = str(Path(request.weights).resolve()) if isinstance(request.weights, (str, Path)) else None
    return settings, seen


def _check_look(owner: YOLO, name: str, look: Mapping[str, Any], figures: Sequence[str], data: DataFile) -> None:
    """Raise InputError for what `val` would refuse, and for figures that its protocol does not have."""
    try:
        _, changes = sort_options("val", look, owner.own_head)
        protocol = owner.rules_by(changes, RULES).get("protocol")
        owner.sliced_by(changes)
        check_figures(figures, protocol or data.protocol or Validator.protocol)
    except InputError as error:
        raise InputError(f"look {name!r}: {error}" if name else str(error)) from error


def _flat(value: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """(dotted name, value) of all that a mapping holds, as JSON has it."""
    out: list[tuple[str, Any]] = []
    for key, inner in value.items():
        name = ".".join(filter(None, (before, str(key))))
        if isinstance(inner, Mapping) and inner:
            out += _flat(inner, name)
        else:
            out.append((name, inner if isinstance(inner, (bool, int, float, str, list, type(None))) else str(inner)))
    return out


def _check_twins(made: Mapping[str, tuple[Run, str]]) -> None:
    """Raise InputError where two arms are the same."""
    first: dict[str, str] = {}
    for name, (_, seen) in made.items():
        if (other := first.setdefault(seen, name)) != name:
            raise InputError(f"arms {other!r} and {name!r} are the same training, by other words; take one of them out")


def _check_same(run: Run) -> None:
    """Raise InputError where the folder has something of this run with other settings."""
    was, now = read_json(run.asked).get("settings", {}), run.settings
    changed = next((k for k in [*now, *was] if was.get(k) != now.get(k)), None) if was and run.begun else None
    if changed is not None:
        raise InputError(
            f"{run.folder} has {run.name} with other settings ({changed} is {now.get(changed)!r} now and "
            f"{was.get(changed)!r} there); give another folder to=, or another name to the arm"
        )


def _toy_data(folder: Path) -> Path:
    """Generated pictures beside the folder of the study, made once."""
    to = folder.parent / "toy-pictures"
    return to / "data.yaml" if (to / "data.yaml").is_file() else write_demo(to, **PICTURES, force=True)


def _model_file(arm: Arm, model: str, folder: Path) -> Path:
    """A model file for what an arm changes in the layers of its model."""
    base = str(Path(model).resolve()) if Path(model).is_file() else model
    config.load({"base": base, "yaml_file": "its layers"} | arm.changes)  # told before a file stands there
    text = yaml.safe_dump({"base": base} | arm.changes, sort_keys=False, default_flow_style=None, width=120)
    # The name goes with the content, so that no run finds another one in the place of its own.
    file = folder / "models" / f"{arm.name}-{hashlib.sha256(text.encode()).hexdigest()[:6]}.yaml"
    if not file.exists():
        write_text(file, f"# {model} with the layers of arm {arm.name} of a study\n{text}")
    return file
