"""What a converter hands to the writer: pictures with their boxes, and the small readers every converter shares."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ..data_file import SPLITS
from ..errors import InputError, whole
from ..ignore import IgnoreKind
from ..image_files import COMPANION, IMAGES
from ..pictures.files import Unreadable, image_size

UNREADABLE, FIRST = "picture that cannot be read", 5  # how such are counted, and how many of them are named
MIN_SIDE = 1.0  # pixels; a thinner box holds no pixel to learn from
TOLERANCE = 2.0  # pixels a box may reach over the edge before that is told: rounding in other people's tools
EVERY, OTHERS = IgnoreKind.EVERY, IgnoreKind.OTHERS  # what `Record.ignore_labels` says instead of a class
_SPLIT = re.compile(r"(?<![a-z])(train|val|test)(?:val|id|idation|ing|dev)?(?![a-z])")


def _boxes() -> np.ndarray:
    return np.zeros((0, 4))


def _labels() -> np.ndarray:
    return np.zeros(0, int)


@dataclass(frozen=True)
class Record:
    """One picture of a data set, boxes as the source states them (not clipped yet).

    Attributes:
        image: the file.
        name: its path inside the split ("a.jpg", "sequence1/a.jpg").
        width, height: pixels.
        boxes: (N, 4) xyxy, pixels.
        labels: (N,) class index.
        ignore: (K, 4) xyxy, pixels: regions that count neither as object nor as background.
        ignore_labels: (K,) the class a region belongs to (a COCO crowd, a difficult object); `EVERY` for a region of
            every class; `OTHERS` for an object of no class, which is such a region to all but the VisDrone protocol.
        id: the picture's number in the source, None where it has none.
        areas: (N,) square pixels by which protocols sort objects into sizes; None for those of the boxes.
        scores: (N,) how sure a detector is of each box; None where a person drew them.
        window: left and top of this tile in the picture, which is then cut to width x height; None for all of it.
        fault: why the picture cannot be read, "" where it can; with a fault there is no size and no box.
    """

    image: Path
    name: str
    width: int
    height: int
    boxes: np.ndarray = field(default_factory=_boxes)
    labels: np.ndarray = field(default_factory=_labels)
    ignore: np.ndarray = field(default_factory=_boxes)
    ignore_labels: np.ndarray = field(default_factory=_labels)
    id: int | None = None
    areas: np.ndarray | None = None
    scores: np.ndarray | None = None
    window: tuple[int, int] | None = None
    fault: str = ""


@dataclass
class Dataset:
    """All splits of a data set.

    Attributes:
        names: class names in class order.
        splits: records by split name.
        dropped: by split, how many files or rows were left out, by reason.
        notes: what else a user has to know about the conversion, a line each.
        protocol: the evaluation protocol that the source itself asks for.
        categories: by split, where the source numbers its categories: (name there, class index here) by number, with
            `EVERY` for a region instead of a class.
    """

    names: list[str]
    splits: dict[str, list[Record]]
    dropped: dict[str, Counter] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    protocol: str | None = None
    categories: dict[str, dict[int, tuple[str, int]]] = field(default_factory=dict)

    def drop(self, split: str, reason: str, count: int = 1) -> None:
        """Note that `count` files or rows of `split` were left out."""
        if count:
            self.dropped.setdefault(split, Counter())[reason] += count


def leave_out(data: Dataset) -> None:
    """Take the records with a fault out of a data set; they are counted, and the first few named.

    Raises:
        InputError: a split of which no picture is left.
    """
    faults = [r.fault for records in data.splits.values() for r in records if r.fault]
    for split, records in data.splits.items():
        data.splits[split] = [r for r in records if not r.fault]
        if records and not data.splits[split]:
            raise InputError(
                f"none of the {len(records)} pictures of {split} can be read; the first: {records[0].fault}"
            )
        data.drop(split, UNREADABLE, len(records) - len(data.splits[split]))
        if not data.splits[split]:
            why = ", ".join(f"{n} times {reason}" for reason, n in data.dropped.get(split, {}).items())
            raise InputError(f"no picture of {split} is left ({why or 'the source has none'}); mend it or take it away")
    data.notes += faults[:FIRST] + ([f"and {len(faults) - FIRST} more that cannot be read"] if faults[FIRST:] else [])


def note_companions(data: Dataset, source: Path) -> None:
    """Say how many of the files that macOS puts beside pictures a source holds; no converter reads them."""
    found = source.rglob(f"{COMPANION}*") if source.is_dir() else ()
    if count := sum(p.suffix.lower() in IMAGES for p in found):
        data.notes.append(f"{count} files {COMPANION}* are left out: macOS puts them beside pictures")


def thin_out(data: Dataset, every: int) -> Dataset:
    """Keep every `every`-th picture of each folder in a split, so of each sequence of a video data set, in order.

    Raises:
        InputError: `every` is no whole number from 1 up.
    """
    whole(every, "every", 1, example=10)
    splits: dict[str, list[Record]] = {}
    for split, records in data.splits.items():
        seen: dict[PurePosixPath, int] = {}
        splits[split] = []
        for record in records:
            folder = PurePosixPath(record.name).parent
            if seen.setdefault(folder, 0) % every == 0:
                splits[split].append(record)
            seen[folder] += 1
    made = replace(data, splits=splits, dropped={s: c.copy() for s, c in data.dropped.items()})
    for split, records in data.splits.items():
        made.drop(split, f"image left out by every={every}", len(records) - len(splits[split]))
    return made


def split_of(name: str) -> str | None:
    """Return "train", "val" or "test" where a file or folder name says so.

    "instances_val2017", "valid" and "VisDrone2019-DET-test-dev" do; "trainval" is train.
    """
    found = _SPLIT.search(name.lower())
    return found.group(1) if found else None


def by_split(paths: Iterable[Path], names: Iterable[str]) -> dict[str, Path]:
    """Sort files or folders into splits by their names; a lone one without a split in its name becomes "train".

    Args:
        paths: files or folders.
        names: the name of each in which the split is looked for.

    Raises:
        InputError: two for one split, or several of which one names no split.
    """
    paths = list(paths)
    found: dict[str, Path] = {}
    for path, name in zip(paths, names, strict=True):
        split = split_of(name) or ("train" if len(paths) == 1 else None)
        if split is None:
            raise InputError(f"cannot tell the split of {path}: put train, val or test in its name")
        if split in found:
            raise InputError(f"two sources for split {split!r}: {found[split]} and {path}; keep one of them")
        found[split] = path
    return {s: found[s] for s in SPLITS if s in found}


def clip(boxes: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, 4) xyxy pixels -> (N, 4) clipped to the image, and (N,) whether at least one pixel is left each way."""
    inside = np.clip(boxes, 0, [width, height, width, height])
    return inside, ((inside[:, 2:] - inside[:, :2]) >= MIN_SIDE).all(1)


def reach(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    """(N, 4) xyxy pixel boxes -> (N,) how far each reaches over the edge of the picture, pixels, 0 inside."""
    return np.maximum(-boxes, boxes - [width, height, width, height]).max(1, initial=0)


def count_cut(boxes: np.ndarray, width: int, height: int) -> int:
    """How many of (N, 4) xyxy pixel boxes reach over the edge by more than `TOLERANCE`, and into the picture too."""
    return int(((reach(boxes, width, height) > TOLERANCE) & clip(boxes, width, height)[1]).sum())


def box_areas(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) xyxy pixels -> (N,) areas, square pixels."""
    return (boxes[:, 2:] - boxes[:, :2]).prod(1)


def record_of(image: Path, name: str, rows: Iterable[Sequence[float]], **more: Any) -> Record:
    """Make a record of rows (x1, y1, x2, y2, label, ignored), its size read from the picture, or its fault.

    Args:
        image, name: see `Record`.
        rows: objects and, where `ignored` is true, ignore regions, whose label may be `EVERY` or `OTHERS`.
        more: further attributes of the record.
    """
    table = np.array(list(rows), dtype=float).reshape(-1, 6)
    boxes, labels, ignored = table[:, :4], table[:, 4].astype(int), table[:, 5] > 0
    try:
        size = image_size(image)
    except Unreadable as error:
        return Record(image, name, 0, 0, fault=str(error))
    return Record(image, name, *size, boxes[~ignored], labels[~ignored], boxes[ignored], labels[ignored], **more)


def existing_folder(path: str | Path, what: str) -> Path:
    """Return `path` as a Path; raise InputError when no such folder exists."""
    path = Path(path).expanduser()
    if not path.is_dir():
        raise InputError(f"{what} not found: there is no folder {path}")
    return path
