"""What a run does about crops: short names of its settings, and the `infer:` section they and a model file make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InputError
from ..registry import name_of
from ..slicing import SLICERS
from ..slicing.settings import OPTIONS, USUAL
from . import load as config

__all__ = ["OPTIONS", "section_of"]


def section_of(own: Mapping[str, Any] | None, changes: Mapping[str, Any], where: str) -> dict[str, Any] | None:
    """The `infer:` section that holds for a run; None without crops.

    Args:
        own: the model file's section. A user's other `crops=` sets it aside: its settings belong to its own crops.
        changes: what the user says, by dotted name from `infer` on.
        where: the model file, for messages.

    Raises:
        InputError: a setting of crops without crops.
    """
    wanted = name_of(changes.get("infer.crops", changes.get("infer.crops.type", own and own.get("crops"))))
    if wanted == "none":
        if settings := [k for k in changes if k not in ("infer.crops", "infer.crops.type")]:
            short = next((k for k, v in OPTIONS.items() if f"infer.{v}" == settings[0]), settings[0])
            raise InputError(f"{short}= is read with crops only; say which: crops={', '.join(SLICERS)}")
        return None
    if own is None or wanted != name_of(own.get("crops")):
        own = {"crops": {"type": wanted} | USUAL.get(wanted, {})}
    elif changes.keys() & {"infer.crops", "infer.crops.type"} and isinstance(crops := own["crops"], Mapping):
        own = {**own, "crops": {k: v for k, v in crops.items() if (k, v) != ("k", 0)}}  # who names crops wants some
    found = config.override({"yaml_file": where, "infer": own}, changes)["infer"]
    return dict(found) if isinstance(found, dict) else None
