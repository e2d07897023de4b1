"""The kinds of `crop_train` by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import InputError
from ...registry import Registry, build
from .base import TileSampler
from .fitted import FittedSampler
from .tiles import ClusterSampler, GridSampler

CROP_TRAIN = Registry("crop_train", {"grid": GridSampler, "lsm": ClusterSampler, "auto": FittedSampler})


def crop_train(section: Mapping[str, Any] | str | None, where: str, imgsz: int) -> TileSampler | None:
    """What a model file's `crop_train:` asks for; None when it asks for nothing.

    Raises:
        InputError: an unknown kind or argument, a value that makes no sense, or none at an input of `imgsz` pixels.
    """
    if section is None:
        return None
    if not isinstance(section, (str, Mapping)):
        raise InputError(f"crop_train in {where} must be {', '.join(CROP_TRAIN)} or none, not {section!r}")
    made = build(section, CROP_TRAIN, where=f"{where}: crop_train")
    made.check(imgsz)
    return made
