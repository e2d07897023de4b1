"""Tracking without torch: ByteTrack with IoU or NWD, which gives detections the numbers that `yolotiny track` gives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .bytetrack import ByteTrack
from .settings import DEFAULT, PRESETS, TrackSettings, read_settings

__all__ = ["DEFAULT", "PRESETS", "ByteTrack", "TrackSettings", "read_settings", "tracker_of"]


def tracker_of(source: str | Path | Mapping[str, Any] | bool | ByteTrack) -> ByteTrack | None:
    """A tracker from what a user gave as `tracker=`.

    Args:
        source: the name of one, a YAML file, a mapping of settings; True for the usual one, False for none; or a
            tracker, whose tracks go on.

    Raises:
        InputError: no such tracker, file or setting; the package lap is not installed.
    """
    if isinstance(source, ByteTrack):
        return source
    if isinstance(source, bool):
        return ByteTrack(PRESETS[DEFAULT]) if source else None
    return ByteTrack(read_settings(source))
