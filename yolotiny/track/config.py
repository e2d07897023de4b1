"""Which tracker, and with which settings: files of ultralytics, of ours in cfg/trackers, or of a user."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ultralytics.utils import ROOT, IterableSimpleNamespace

from .._compat import online
from ..config import load as config
from ..config.slicing import section_of
from ..errors import InputError, above_zero, did_you_mean, number
from ..slicing.settings import without_doubles
from ..yaml_file import read_yaml

DEFAULT = "bytetrack-nwd.yaml"
MATCHES = ("iou", "nwd")
BY_NWD = ("bytetrack", "botsort")  # whose comparison of boxes can be exchanged
FOLDERS = (ROOT / "cfg" / "trackers", config.cfg_dir() / "trackers")


def tracker_of(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part a user's options into the settings of the tracker (`tracker`, and `tracker.*` over it) and the rest."""
    rest = {k: v for k, v in options.items() if k != "tracker" and not k.startswith("tracker.")}
    changes = {k.removeprefix("tracker."): v for k, v in options.items() if k.startswith("tracker.")}
    return read_tracker(options.get("tracker"), changes), rest


def section_to_track(own: Mapping[str, Any] | None, changes: Mapping[str, Any], where: str) -> dict[str, Any] | None:
    """`section_of` for tracking: what a model file leaves double, as YOLC's does, would become two tracks.

    Where the user says nothing of `merge`, `replace` suppresses boxes of a class that overlap.
    """
    section = section_of(own, changes, where)
    if section is None or any(k.startswith("infer.merge") for k in changes):
        return section
    return without_doubles(section)


def read_tracker(name: Any = None, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The settings of a tracker, complete and checked.

    Args:
        name: a file, or the name of one of ultralytics' or ours (`bytetrack.yaml`, `botsort-nwd`).
        changes: settings to put over it.

    Returns:
        ultralytics' settings of that `tracker_type`, under those of the file, under `changes`; besides `match` (iou or
        nwd) and `nwd_c` (pixels or None).

    Raises:
        InputError: no such file, tracker or setting, or a value that it cannot have.
    """
    shipped = {p.name: p for folder in FOLDERS for p in sorted(folder.glob("*.yaml"))}
    text = str(name or DEFAULT)
    file = next((p for p in (Path(text), shipped.get(text), shipped.get(f"{text}.yaml")) if p and p.is_file()), None)
    if file is None:
        raise InputError(f"unknown tracker {text!r}{did_you_mean(text, shipped)}")
    own = read_yaml(file, "a tracker")
    kind = own.get("tracker_type")
    base = FOLDERS[0] / f"{kind}.yaml"
    if not base.is_file():
        kinds = [p.stem for p in FOLDERS[0].glob("*.yaml")]
        raise InputError(f"{file}: unknown tracker_type {kind!r}{did_you_mean(str(kind), kinds)}")
    usual = read_yaml(base, "a tracker") | {"match": "iou", "nwd_c": None}
    for key in (*own, *(changes or {})):
        if key not in usual:
            raise InputError(f"{kind} has no setting {key!r}{did_you_mean(key, usual)}")
    settings = usual | own | dict(changes or {})
    for key, value in settings.items():
        _check(key, value, usual[key])
    if settings["match"] == "nwd" and kind not in BY_NWD:
        raise InputError(f"match=nwd is for {' and '.join(BY_NWD)}, not for {kind}")
    if settings["match"] != "nwd" and settings["nwd_c"] is not None:
        raise InputError("nwd_c= is read with match=nwd only")
    if settings.get("with_reid"):
        if settings["match"] == "nwd":
            raise InputError("with_reid=True goes with match=iou")
        if settings.get("model", "auto") == "auto":
            raise InputError("with_reid=True needs the file of a model that compares looks: tracker.model=FILE")
        if "://" in str(settings["model"]) and not online():
            raise InputError(f"{file}: model is an address; fetch it yourself, or set YOLOTINY_ONLINE=1")
    return settings


def make_tracker(settings: Mapping[str, Any], device: Any) -> Any:
    """A tracker with settings of `read_tracker`: `update(boxes, image)` gives rows xyxy, id, score, class, index.

    Raises:
        InputError: the package that ultralytics' trackers solve assignments with is not installed.
    """
    if importlib.util.find_spec("lap") is None:
        raise InputError("tracking needs the package lap: pip install 'lap>=0.5.12'")
    from ultralytics.trackers.track import TRACKER_MAP

    from .nwd import by_nwd

    made = TRACKER_MAP[settings["tracker_type"]]
    made = by_nwd(made) if settings["match"] == "nwd" else made
    return made(args=IterableSimpleNamespace(**settings, device=device))


def _check(key: str, value: Any, usual: Any) -> None:
    """Raise InputError for a value of another kind than the usual one."""
    if key == "match" and value not in MATCHES:
        raise InputError(f"match must be {' or '.join(MATCHES)}, not {value!r}{did_you_mean(str(value), MATCHES)}")
    if key == "nwd_c" and value is not None:
        above_zero(value, "nwd_c", 12.7)
    if isinstance(usual, bool) and not isinstance(value, bool):
        raise InputError(f"{key}={value!r} must be True or False")
    if isinstance(usual, (int, float)) and not isinstance(usual, bool):
        number(value, key)
