"""Settings of crops that are compared with each other: every combination that makes sense of the values asked for."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..config.slicing import OPTIONS
from ..errors import InputError, whole
from ..slicing import SLICERS
from ..yaml_file import parse_yaml

USUAL: dict[str, dict[str, list[Any]]] = {  # values tried where the user gives none, by crops
    "grid": {"full": [True, False]},
    "lsm": {"k": [2, 4, 8]},
    "auto": {"infer.crops.threshold": [0.005, 0.02, 0.05, 0.15]},
}
SIZE_STEP_PX = 32  # input sizes are multiples of it
PART = re.compile(r"(?:\[[^\]]*\]|\{[^}]*\}|[^,])+")  # what stands between commas that are in no brackets


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        imgsz: longer side of the network input, pixels.
        options: of crops, as predict and val take them; empty for one pass over the whole picture.
    """

    imgsz: int
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def crops(self) -> str:
        """none, or the slicer's name."""
        return str(self.options.get("crops", "none"))

    @property
    def words(self) -> str:
        """What a user writes for it."""
        return " ".join(
            f"{k}={_written(v)}" for k, v in {"imgsz": self.imgsz, "crops": self.crops, **self.options}.items()
        )

    @property
    def changes(self) -> dict[str, Any]:
        """The same as changes to a model's configuration."""
        options = {"crops": "none"} | dict(self.options)
        return {f"infer.{OPTIONS[k]}" if k in OPTIONS else k: v for k, v in options.items()}


def values(name: str, given: Any) -> list[Any]:
    """The values of an option that a user wants to have tried.

    Args:
        name: of the option. A setting by its path, such as `infer.crops.grid`, may have a list for its value; `imgsz`,
            `crops` and the short names have none.
        given: values with commas between them (`640,960`, `[32,20],[16,10]`), a single one, or None, as which the
            command line reads none. A list is several values of a short name and one value of a path; a list of lists
            is several for both.

    Raises:
        InputError: no value at all, or one that cannot be read.
    """
    parts: Sequence[Any] = [given]
    if given is None:
        parts = ["none"]
    elif isinstance(given, str):
        parts = PART.findall(given)
    elif isinstance(given, (list, tuple)) and ("." not in name or (given and all(map(_is_list, given)))):
        parts = given
    if not parts:
        raise InputError(f"{name}={given}: give at least one value")
    read = [parse_yaml(p.strip(), f"a value of {name}") if isinstance(p, str) else p for p in parts]
    return ["none" if v is None else v for v in read]


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _written(value: Any) -> str:
    """A value as a word of the command line."""
    return f"[{','.join(map(_written, value))}]" if _is_list(value) else str(value)


def usual_sizes(trained: int, longest: int, matched: float | None = None) -> list[int]:
    """Input sizes from that of training upwards, while pictures have the pixels for them.

    Args:
        trained: size of training.
        longest: longest side of a picture, pixels.
        matched: the size at which objects look as large as in training, where that is known.
    """
    most = max(-(-longest // SIZE_STEP_PX) * SIZE_STEP_PX, trained)
    sizes = {trained} | {s for s in (2 * trained, 4 * trained) if s <= most}
    if matched is not None:
        sizes.add(min(max(round(matched / SIZE_STEP_PX) * SIZE_STEP_PX, SIZE_STEP_PX), 2 * most))
    return sorted(sizes)


def make_settings(given: Mapping[str, Any], sizes: Sequence[int]) -> list[Setting]:
    """The settings to compare.

    Args:
        given: lists by option (`imgsz`, `crops`, and what predict and val take with crops), as a user wrote them.
        sizes: input sizes where the user gives none; crops are then tried with all but the largest, as they are to save
            what that costs.

    Raises:
        InputError: an unknown slicer, an option that none of the slicers takes, or no whole number as a size.
    """
    asked = {k: values(k, v) for k, v in given.items()}
    for size in asked.get("imgsz", ()):
        whole(size, "imgsz", SIZE_STEP_PX, example="imgsz=640,960,1280")
    kinds = [str(v) for v in asked.get("crops", ("none", *SLICERS))]
    for kind in kinds:
        if kind != "none":
            SLICERS.find(kind)
    options = {k: v for k, v in asked.items() if k not in ("imgsz", "crops")}
    for key in options:
        if not any(_takes(kind, key) for kind in kinds):
            raise InputError(f"{key}= is read by none of crops={','.join(kinds)}")
    first = asked.get("imgsz") or (list(sizes)[:-1] or list(sizes))
    settings = [Setting(size) for size in asked.get("imgsz", sizes) if "none" in kinds]
    for kind in (k for k in kinds if k != "none"):
        tried = {k: v for k, v in (USUAL.get(kind, {}) | options).items() if _takes(kind, k)}
        for size, *chosen in itertools.product(first, *tried.values()):
            settings.append(Setting(size, {"crops": kind} | _without_defaults(dict(zip(tried, chosen, strict=True)))))
    return list({setting.words: setting for setting in settings}.values())


def _takes(kind: str, option: str) -> bool:
    """Whether a slicer reads an option."""
    if kind == "none":
        return False
    path = OPTIONS.get(option, option.removeprefix("infer."))
    section, _, name = path.partition(".")
    if section == "crops":
        return name in inspect.signature(SLICERS[kind]).parameters
    return path != "full" or not SLICERS[kind].needs_heatmap


def _without_defaults(options: Iterable[Any] | Mapping[str, Any]) -> dict[str, Any]:
    """Options without those that say what holds anyway."""
    return {k: v for k, v in dict(options).items() if (k, v) != ("full", True)}
