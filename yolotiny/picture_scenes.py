"""Which pictures show one scene: tiles of it, frames of a video, as far as the names of files tell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

TILE = re.compile(r"(.+?)__[\d._]+")  # scene__400_0, P0001__1.0__800___600
VISDRONE = re.compile(r"(\d{7})_\d{5}_[a-z]_\d{7}")  # video, frame, a letter, number of the picture
COUNTER = re.compile(r"(?:img|image|frame|picture|pic|photo|dscn?|dji|gopr|p)?[-_ ]?\d*", re.IGNORECASE)
FRAME = re.compile(r"(.+?)[-_ ](?:img|image|frame)?[-_ ]?\d{3,}", re.IGNORECASE)  # clip_000123, DJI_0005-0041


def scene_of(file: str) -> tuple[str, bool]:
    """The scene or video that a file name tells, with its folder, and whether the name says that it is a tile.

    `a/scene__400_0.png` and its neighbours are tiles of `a/scene`, `clip_000123` and `DJI_0005-0041` frames of `clip`
    and `DJI_0005`, `0000001_02999_d_0000005` a frame of VisDrone's video `0000001`, `M0101/img000001` one of `M0101`.
    Numbers of fewer than three digits are no frames, and the counter of a camera (`DJI_0005`, `IMG_0012`) is none
    either. A file whose name tells nothing is a scene of its own.
    """
    path = PurePosixPath(file.replace("\\", "/"))
    folder, name = path.parent, path.stem
    tile = TILE.fullmatch(path.name.removesuffix(path.suffix) if path.suffix[1:].isalpha() else path.name)
    name = tile[1] if tile else name
    if video := VISDRONE.fullmatch(name):
        return (folder / video[1]).as_posix(), bool(tile)
    if COUNTER.fullmatch(name):
        return (folder / name if tile or folder.name == "" else folder).as_posix(), bool(tile)
    if (frame := FRAME.fullmatch(name)) and not COUNTER.fullmatch(frame[1] + "_"):
        return (folder / frame[1]).as_posix(), bool(tile)
    return (folder / name).as_posix(), bool(tile)


def scenes_of(files: Sequence[str]) -> list[str] | None:
    """The scene of each file, where the names tell any; else None.

    One word before every number (`frame_0001` to `frame_0900` in one folder) tells no scenes: pictures may be called so
    whatever they show. Tiles of one scene are one scene.
    """
    told = [scene_of(file) for file in files]
    names = {name for name, _ in told}
    tiles = any(tile for _, tile in told)
    if len(names) == len(files) or not all(files) or (len(names) < 2 and not tiles):
        return None
    return [name for name, _ in told]
