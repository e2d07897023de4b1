"""A part for validation, or folds, that share no scene: a picture beside its twin in training proves nothing.

Frames of a video and tiles of a scene are told by their names, crops of one scene by their pixels; what belongs
together stays on one side. Parts get their share of the objects of each class and of the pictures, as far as scenes
allow.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from ..data_file import DataFile, find_file, read_data_file
from ..errors import InputError
from ..files import write_text
from ..image_files import side_file
from ..picture_names import relative_names
from ..picture_scenes import scenes_of
from .class_counts import gaps
from .labels import read_labels
from .quality.overlaps import Progress, join_overlapping

MOST_FOLDS = 100
LISTS = ("train", "val")


@dataclass(frozen=True)
class Part:
    """One data.yaml that a split has written.

    Attributes:
        data: the file.
        pictures: how many, by split.
        counts: objects by class name, by split.
    """

    data: Path
    pictures: Mapping[str, int]
    counts: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Splitting:
    """What was split; `print(splitting)` shows it.

    Attributes:
        pictures, scenes: how many there were.
        parts: what was written.
        names: of the classes.
    """

    pictures: int
    scenes: int
    parts: Sequence[Part]
    names: Sequence[str]

    def __str__(self) -> str:
        of = "no two of one scene" if self.scenes == self.pictures else f"of {self.scenes} scenes"
        lines = [f"{self.pictures} pictures, {of}"]
        for part in self.parts:
            for split in LISTS:
                objects = ", ".join(f"{name} {n}" for name, n in part.counts[split].items())
                lines.append(f"{part.data.stem} {split}: {part.pictures[split]} pictures; {objects or 'no object'}")
            missing = gaps(part.counts, self.names)
            lines += [f"note: {part.data.stem}: {line}" for kind, line in missing.items() if kind != "nowhere"]
        return "\n".join([*lines, *(f"data: {part.data}" for part in self.parts)])


class Groups:
    """Things that are joined two by two, and what hangs together by that; `count` things, by place."""

    def __init__(self, count: int):
        self.parent = list(range(count))

    def root(self, i: int) -> int:
        """The thing that stands for all that `i` hangs together with."""
        while self.parent[i] != i:
            self.parent[i] = i = self.parent[self.parent[i]]
        return i

    def joined(self, i: int, j: int) -> bool:
        """Whether two hang together."""
        return self.root(i) == self.root(j)

    def join(self, i: int, j: int) -> None:
        """Join two."""
        self.parent[self.root(j)] = self.root(i)

    def members(self) -> list[list[int]]:
        """The groups, in the order of their first members."""
        found: dict[int, list[int]] = {}
        for i in range(len(self.parent)):
            found.setdefault(self.root(i), []).append(i)
        return list(found.values())


@dataclass(frozen=True)
class Way:
    """How to divide.

    Attributes:
        val: the share of the pictures for validation; 0.2 without `folds`.
        folds: how many ways, each with another part of the pictures in val: cross-validation.
        seed: fixes which scenes go where.
        together: False divides picture by picture, whatever they show.
    """

    val: float | None = None
    folds: int | None = None
    seed: int = 0
    together: bool = True

    def shares(self) -> list[float]:
        """The share of each part; InputError for what cannot be."""
        val, folds = self.val, self.folds
        if folds is None:
            share = 0.2 if val is None else val
            if not 0 < share < 1:
                raise InputError(f"val={share}: give a share of the pictures between 0 and 1, such as 0.2")
            return [1 - share, share]
        if val is not None:
            raise InputError(f"val={val} and folds={folds}: each fold has its own part for val; give one of the two")
        if not 2 <= folds <= MOST_FOLDS:
            raise InputError(f"folds={folds}: give a whole number from 2 to {MOST_FOLDS}")
        return [1 / folds] * folds


def split(data: str | Path, to: str | Path, progress: Progress | None = None, **how: Any) -> Splitting:
    """Divide the pictures of train and val anew: lists of them and a data.yaml for each way; no picture is moved.

    Args:
        data: a data.yaml, the folder that holds it, or a name in cfg/datasets; it may name train or val alone. Its test
            split stays what it is.
        to: the folder to write, new or empty: `data.yaml`, or `fold0.yaml`, `fold1.yaml` and so on.
        progress: called with (what, done, total) while pictures are compared.
        how: `val`, `folds`, `seed`, `together`, see `Way`.

    Raises:
        InputError: both shares and folds, no pictures, fewer scenes than parts, `to` not empty.
    """
    way = Way(**how)
    shares = way.shares()
    file, to = read_data_file(find_file(data)), Path(to).expanduser()
    if to.exists() and not (to.is_dir() and not any(to.iterdir())):  # before minutes of looking
        raise InputError(f"{to} is there and not an empty folder; name another one")
    kept = _kept(file)
    images = list(_images(file))
    counts = [
        Counter(read_labels(side_file(image, "labels"), len(file.names))[:, 0].astype(int).tolist()) for image in images
    ]
    groups = group(images, progress) if way.together else [[i] for i in range(len(images))]
    if len(groups) < len(shares):
        raise InputError(f"{file.file}: {_too_few(len(images), len(groups), len(shares), way.together)}")
    to.mkdir(parents=True, exist_ok=True)
    of = divide(groups, counts, shares, way.seed)
    found = []
    for part in range(len(shares) if way.folds else 1):
        name = f"fold{part}" if way.folds else "data"
        held = of == (part if way.folds else 1)
        lists = {"train": np.flatnonzero(~held), "val": np.flatnonzero(held)}
        objects = {k: sum((counts[i] for i in chosen), Counter()) for k, chosen in lists.items()}
        by_name = {k: {n: total[c] for c, n in enumerate(file.names) if total[c]} for k, total in objects.items()}
        written = _write(kept, to, name, {k: [images[i] for i in chosen] for k, chosen in lists.items()})
        found.append(Part(written, {k: len(chosen) for k, chosen in lists.items()}, by_name))
    return Splitting(len(images), len(groups), found, file.names)


def _too_few(images: int, scenes: int, parts: int, together: bool) -> str:
    """That there are fewer scenes, or pictures, than parts, and what instead."""
    if not together or images < parts:
        return f"there are {images} pictures, too few for {parts} parts"
    return f"{images} pictures show {scenes} scenes, too few for {parts} parts; together=False divides scenes too"


def _images(file: DataFile) -> Iterator[Path]:
    """The pictures of train and val, each once."""
    named = [name for name in LISTS if name in file.splits]
    if not named:
        raise InputError(f"{file.file} names neither train nor val; there is nothing to divide")
    yield from dict.fromkeys(image for found in file.usable(*named).values() for image in found.images)


def group(images: Sequence[Path], progress: Progress | None = None) -> list[list[int]]:
    """Pictures, by place, that show one scene: by the names of the files, and by pixels that two share.

    A picture that cannot be opened is alone; `data check` names it.
    """
    groups = Groups(len(images))
    first: dict[str, int] = {}
    for i, scene in enumerate(scenes_of(relative_names([str(image) for image in images])) or ()):
        groups.join(first.setdefault(scene, i), i)
    sizes = {i: size for i, image in enumerate(images) if (size := _size(image))}
    seen = list(sizes)
    join_overlapping(
        [images[i] for i in seen],
        list(sizes.values()),
        lambda a, b: groups.joined(seen[a], seen[b]),
        lambda a, b: groups.join(seen[a], seen[b]),
        progress,
    )
    return groups.members()


def _size(image: Path) -> tuple[int, int] | None:
    try:
        with Image.open(image) as picture:
            return picture.size
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def divide(
    groups: Sequence[Sequence[int]], counts: Sequence[Mapping[int, int]], shares: Sequence[float], seed: int
) -> np.ndarray:
    """Give groups to parts, the largest first, each to the part that then comes nearest to its share.

    Args:
        groups: pictures, by place.
        counts: objects by class, of each picture.
        shares: of the parts; their sum is 1.
        seed: the order of groups of one size.

    Returns:
        (P,) the part of each picture. Every part has a group.
    """
    classes = sorted({c for of in counts for c in of})
    table = np.array([[1.0, *(of.get(c, 0) for c in classes)] for of in counts])  # pictures, then objects of a class
    table /= table.sum(0).clip(1)
    each = np.array([table[list(group)].sum(0) for group in groups])
    order = np.random.default_rng(seed).permutation(len(groups))
    order = order[np.argsort(-each[order].sum(1), kind="stable")]
    have, filled = np.zeros((len(shares), table.shape[1])), np.zeros(len(shares), bool)
    part_of = np.zeros(len(counts), int)
    for place, i in enumerate(order):
        missing = np.array(shares)[:, None] - have
        worse = (each[i] * (each[i] - 2 * missing)).sum(1)  # of the squared distances to the shares
        if (~filled).sum() >= len(order) - place:  # the last groups are for those that have none
            worse[filled] = np.inf
        part = int(worse.argmin())
        have[part] += each[i]
        filled[part] = True
        part_of[list(groups[i])] = part
    return part_of


def _kept(file: DataFile) -> dict[str, Any]:
    """What the new YAMLs say as the old one does; InputError where it names a test split that is not there."""
    content: dict[str, Any] = {k: v for k, v in file.content.items() if k not in ("path", *LISTS, "annotations")}
    if "test" in file.splits:
        content["test"] = [str(place) for place in file.places("test")]
        if named := (file.content.get("annotations") or {}).get("test"):
            content["annotations"] = {"test": str(file.root / named)}
    return content


def _write(kept: Mapping[str, Any], to: Path, name: str, lists: Mapping[str, Sequence[Path]]) -> Path:
    """Write the lists of a part and its YAML."""
    content: dict[str, Any] = {"path": "."}
    for split_name, images in lists.items():
        target = to / (f"{split_name}.txt" if name == "data" else f"{name}-{split_name}.txt")
        write_text(target, "".join(f"{_from(to, image)}\n" for image in images))
        content[split_name] = target.name
    write_text(to / f"{name}.yaml", yaml.safe_dump(content | dict(kept), sort_keys=False, allow_unicode=True))
    return to / f"{name}.yaml"


def _from(folder: Path, image: Path) -> str:
    """A picture as seen from a folder, where that can be said: Windows knows no way to another drive."""
    try:
        return Path(os.path.relpath(image, folder.resolve())).as_posix()
    except ValueError:
        return image.as_posix()
