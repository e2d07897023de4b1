"""How a model's training read its pictures, as its checkpoint and its exported files say it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ultralytics.nn.backends.base import BaseBackend

from ..errors import InputError
from ..pictures.depth import SECTION
from ..pictures.reader import PictureReader
from ..training_stats import config_of


def section_of(source: Any) -> Mapping[str, Any]:
    """The `pictures` section of a model; empty where it was trained on pictures of eight bits.

    Args:
        source: a detector, ultralytics' wrapper round one or round an exported file, or the path of such a file.

    Raises:
        InputError: what stands there is nothing of ours.
    """
    if (cfg := config_of(source)) is not None:
        return cfg.get(SECTION) or {}
    file = isinstance(source, (str, Path))
    text = (BaseBackend.read_metadata(source) if file else getattr(source, "metadata", None) or {}).get(SECTION)
    if isinstance(text, Mapping) or not text:
        return text or {}
    try:
        return dict(json.loads(text))
    except (TypeError, ValueError):
        raise InputError(
            f"the exported model says {SECTION}={text!r}, which is nothing of ours; export it anew"
        ) from None


def as_metadata(network: Any) -> dict[str, str]:
    """What an exported file is to say, for `section_of`; empty for pictures of eight bits."""
    section = section_of(network)
    return {SECTION: json.dumps(section)} if section else {}


def reader_for(source: Any, given: Mapping[str, Any], channels: int | None = None) -> PictureReader:
    """The reader of a run with a model: what the user gives for it, over what the model was trained with.

    Args:
        source: see `section_of`.
        given: `bands` and `stretch`, where the user names them.
        channels: of the network; by default as `source` says.
    """
    return PictureReader.of(given, section_of(source), channels or getattr(source, "channels", None) or 3)


def reading_given(bands: Any, stretch: Any) -> dict[str, Any]:
    """What a command was given: `bands` that are not None, and a `stretch` that is not "", which stand for nothing."""
    return ({} if bands is None else {"bands": bands}) | ({} if stretch == "" else {"stretch": stretch})
