"""Tiles of one scene, and copies of one picture, in two splits, as far as their names tell."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...data_file import SPLITS
from .overlaps import shared
from .samples import Problem

COPY = re.compile(r"(.+?)(?:_(?:jpe?g|png|tiff?|bmp|webp))?\.rf\.[0-9a-zA-Z]{8,}")  # what Roboflow appends to a name
NUMBER = r"(0|[1-9][0-9]*)"  # without leading zeros, which numbers of frames have
TILES = (
    re.compile(rf"(?P<scene>.+)__(?P<scale>[0-9.]+)__(?P<x>{NUMBER})___(?P<y>{NUMBER})"),  # DOTA's development kit
    re.compile(rf"(?P<scene>.+)__(?P<x>{NUMBER})_+(?P<y>{NUMBER})"),  # our own `tile=`, and most others
    re.compile(rf"(?P<scene>.+?)[_-]+x(?P<x>{NUMBER})[_-]+y(?P<y>{NUMBER})", re.IGNORECASE),
    re.compile(rf"(?P<scene>.+)_(?P<x>{NUMBER})_(?P<y>{NUMBER})_(?P<x2>{NUMBER})_(?P<y2>{NUMBER})"),  # sahi's slices
)
Sized = tuple[Path, tuple[int, int]]  # a file with its width and height


@dataclass(frozen=True)
class Tile:
    """A picture whose name says where it was cut.

    Attributes:
        image: the file.
        scene: what it was cut from, with the scale that it was cut at.
        left, top: offset there, pixels.
        width, height: pixels.
    """

    image: Path
    scene: str
    left: int
    top: int
    width: int = 0
    height: int = 0

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x1, y1, x2, y2 in the scene."""
        return self.left, self.top, self.left + self.width, self.top + self.height


def without_copy(stem: str) -> str:
    """A name without what Roboflow puts behind it."""
    found = COPY.fullmatch(stem)
    return found[1] if found else stem


def tile_of(image: Path, size: tuple[int, int] = (0, 0)) -> Tile | None:
    """What the name of a picture of `size` says of a scene that it was cut from; None where it says nothing."""
    stem = without_copy(image.stem)
    for pattern in TILES:
        found = pattern.fullmatch(stem)
        if found is None:
            continue
        groups = found.groupdict()
        x, y = int(groups["x"]), int(groups["y"])
        if "x2" in groups and not (int(groups["x2"]) > x and int(groups["y2"]) > y):
            continue
        scale = groups.get("scale")
        return Tile(image, groups["scene"] + (f" at scale {scale}" if scale else ""), x, y, *size)
    return None


def copies(images: Mapping[str, Sequence[Path]]) -> Iterator[Problem]:
    """Yield a problem for each picture with copies in two splits, by the names that Roboflow gives them."""
    found: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for split, paths in images.items():
        for path in paths:
            if COPY.fullmatch(path.stem):
                found[without_copy(path.stem)][split].append(path)
    for name, by_split in found.items():
        for later, counts in _later(by_split):
            first = next(iter(by_split.values()))[0]
            yield Problem("copy", by_split[later][0], None, f"copies of {name}: {counts}, such as {first.name}")


def scenes(splits: Mapping[str, Sequence[Sized]]) -> Iterator[Problem]:
    """Yield a problem for each scene with tiles in two splits: with the two tiles that share most, where any do.

    The shared region of these two is compared, as a name may be misread.
    """
    found: dict[str, dict[str, list[Tile]]] = defaultdict(lambda: defaultdict(list))
    for split, pictures in splits.items():
        for image, size in pictures:
            if tile := tile_of(image, size):
                found[tile.scene][split].append(tile)
    for scene, by_split in found.items():
        for later, counts in _later(by_split):
            others = [t for s in SPLITS[: SPLITS.index(later)] for t in by_split.get(s, ())]
            a, b = _nearest(by_split[later], others)
            share = shared(a.image, b.image, (a.left - b.left, a.top - b.top))
            said = f"{share:.0%} of it is in {b.image.name} too" if share else "no shared pixels seen"
            yield Problem("scene overlap" if share else "scene", a.image, None, f"tiles of {scene}: {counts}; {said}")


def _nearest(ours: Sequence[Tile], others: Sequence[Tile]) -> tuple[Tile, Tile]:
    """The two tiles, one of each, that share most of their scene."""
    theirs = np.array([t.box for t in others])
    best = (-1, 0, 0)
    for i, tile in enumerate(ours):
        low, high = np.maximum(theirs[:, :2], tile.box[:2]), np.minimum(theirs[:, 2:], tile.box[2:])
        areas = np.clip(high - low, 0, None).prod(1)
        best = max(best, (int(areas.max()), i, int(areas.argmax())), key=lambda one: one[0])
    return ours[best[1]], others[best[2]]


def _later(by_split: Mapping[str, Sequence]) -> Iterator[tuple[str, str]]:
    """Every split but the first that holds something, and how many each holds, in words."""
    there = [s for s in SPLITS if by_split.get(s)]
    counts = ", ".join(f"{len(by_split[s])} in {s}" for s in there)
    yield from ((later, counts) for later in there[1:])
