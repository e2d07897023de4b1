"""Settings of a tracker: ByteTrack's as ultralytics has them, ours for tiny objects, or those of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ...errors import InputError, above_zero, did_you_mean, number

OTHERS = ("botsort", "botsort-nwd", "ocsort", "deepocsort", "fasttrack", "tracktrack")


@dataclass(frozen=True)
class TrackSettings:
    """How ByteTrack follows objects; the names are those of its YAML.

    Attributes:
        track_high_thresh: score from which a detection is taken first.
        track_low_thresh: score from which one prolongs a track that found none.
        new_track_thresh: score from which one begins a track.
        track_buffer: frames that a lost track is looked for.
        match_thresh: distance up to which a detection is of a track.
        fuse_score: whether a low score makes a distance longer.
        match: iou or nwd: how boxes are compared.
        nwd_c: scale of NWD, pixels; None: the mean size of the boxes that are compared.

    Raises:
        InputError: a value that cannot be.
    """

    track_high_thresh: float = 0.25
    track_low_thresh: float = 0.1
    new_track_thresh: float = 0.25
    track_buffer: int = 30
    match_thresh: float = 0.8
    fuse_score: bool = True
    match: str = "iou"
    nwd_c: float | None = None

    def __post_init__(self) -> None:
        for key in ("track_high_thresh", "track_low_thresh", "new_track_thresh", "track_buffer", "match_thresh"):
            number(getattr(self, key), key)
        if not isinstance(self.fuse_score, bool):
            raise InputError(f"fuse_score={self.fuse_score!r} must be True or False")
        if self.match not in ("iou", "nwd"):
            raise InputError(f"match must be iou or nwd, not {self.match!r}")
        if self.nwd_c is not None:
            above_zero(self.nwd_c, "nwd_c", 12.7)
            if self.match != "nwd":
                raise InputError("nwd_c= is read with match=nwd only")


PRESETS = {
    "bytetrack": TrackSettings(),
    "bytetrack-nwd": TrackSettings(match="nwd", fuse_score=False),
}
DEFAULT = "bytetrack-nwd"


def read_settings(source: str | Path | Mapping[str, Any]) -> TrackSettings:
    """The settings of a name (`bytetrack`, `bytetrack-nwd`), a YAML file, or a mapping.

    Raises:
        InputError: no such tracker, file or setting, or a value that cannot be.
    """
    if isinstance(source, Mapping):
        return _of(source, "tracker")
    name = str(source).removesuffix(".yaml")
    if name in PRESETS:
        return PRESETS[name]
    if Path(source).is_file():
        from ...yaml_file import read_yaml

        return _of(read_yaml(source, "a tracker"), str(source))
    if name in OTHERS:
        raise InputError(f"{name} needs more than boxes and is not in the runtime; take {' or '.join(PRESETS)}")
    raise InputError(f"unknown tracker {str(source)!r}{did_you_mean(name, PRESETS)}")


def _of(values: Mapping[str, Any], where: str) -> TrackSettings:
    """Those of a mapping, over ByteTrack's usual ones."""
    told = dict(values)
    kind = told.pop("tracker_type", "bytetrack")
    if kind != "bytetrack":
        raise InputError(f"{where}: {kind} needs more than boxes and is not in the runtime; take bytetrack")
    known = [f.name for f in fields(TrackSettings)]
    for key in told:
        if key not in known:
            raise InputError(f"{where}: bytetrack has no setting {key!r}{did_you_mean(key, known)}")
    return TrackSettings(**told)
