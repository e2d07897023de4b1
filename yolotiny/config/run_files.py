"""The files a run names: its data YAML, recipe, source and checkpoint, and where it writes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ultralytics.data.utils import check_det_dataset
from ultralytics.utils import DEFAULT_CFG_DICT, LOGGER

from .. import _compat
from ..data_file import find_file, read_data_file
from ..errors import InputError, did_you_mean
from ..metrics import PROTOCOLS
from ..yaml_file import read_yaml
from . import load as config

_compat.quiet()  # checking a data YAML would fetch a font

# What a recipe, which may come with a model, does not decide.
PLACES = "data pretrained resume project name exist_ok save_dir source cfg".split()


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
    if "://" in str(name):
        return _fetched(str(name), splits[-1])
    data = read_data_file(find_file(name))
    data.usable(*splits)
    if data.protocol is not None:
        PROTOCOLS.find(data.protocol, where=str(data.file))
    return str(data.file)


def _fetched(address: str, split: str) -> str:
    """The file that ultralytics fetched from an address, where the user allows the network, and checked."""
    try:
        return str(check_det_dataset(address, split=split).get("yaml_file", address))
    except InputError:
        raise
    except Exception as error:  # ultralytics raises all kinds here
        said = str(error).replace("❌", "").splitlines() or [type(error).__name__]
        lines = [line.strip(" .") for line in said if line.strip() and not line.startswith("Note")]
        raise InputError(f"data {address}: {': '.join(lines[:2])}") from error


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
