"""Label files and the files of ignore regions beside them: the one reader of their rows, and the one writer.

A label row is "class cx cy w h", or "class x1 y1 x2 y2 x3 y3 ..." for a polygon, which counts as the box round it; a
row of an ignore file is "cx cy w h", with the region's label behind where it has one (`ignore.IgnoreKind`). All are
shares of the picture. What is read is the same for everybody; a caller decides what becomes of rows that are no boxes:
training refuses them (`Rows.checked`), a check lists them, statistics count them.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..ignore import IgnoreKind, to_words
from ..image_files import read_text
from ..text import printable
from .records import TOLERANCE, reach

LARGEST = 1 << 26  # bytes of a label file: a million rows
ROUNDING = 0.01  # how far a share in a label file may leave 0..1
TOUCHING = 1e-5  # share: five decimals may put a box that ends at the edge this far over it, and it stays as it is
SHOWN = 60  # characters of a row in a message
ROW, CLASS, OUTSIDE, FLAT = "row", "class", "outside", "flat"  # what may be wrong with a row, or with the whole file

Parse = Callable[[str, int], "Rows"]


@dataclass(frozen=True)
class RowProblem:
    """A row that is no box of the data set.

    Attributes:
        row: line of the file, from 1; None where the whole file is meant.
        kind: `ROW` (not the numbers that belong there), `CLASS`, `OUTSIDE` (of the picture) or `FLAT` (no area).
        text: what is wrong and what stands there, in one line.
    """

    row: int | None
    kind: str
    text: str


@dataclass(frozen=True)
class Rows:
    """What a label or an ignore file says, in the order of its rows.

    Attributes:
        table: (N, 6) line of the file, from 1; class of an object or label of a region; cx, cy, w, h as written,
            shares of the picture.
        problems: the rows that are none of them.
    """

    table: np.ndarray
    problems: tuple[RowProblem, ...] = ()

    def checked(self, file: str | Path) -> Rows:
        """Itself; InputError with the first of its problems, by file and row."""
        for p in self.problems:
            said = f"box outside the picture, {p.text}" if p.kind == OUTSIDE else p.text
            raise InputError(f"{file}, row {p.row}: {said}" if p.row else f"cannot read {file}: {said}")
        return self

    def without(self, kind: str) -> tuple[Rows, int]:
        """The same without the problems of a kind, and how many those are."""
        others = tuple(p for p in self.problems if p.kind != kind)
        return replace(self, problems=others), len(self.problems) - len(others)

    @property
    def lines(self) -> np.ndarray:
        """(N,) line of the file, from 1."""
        return self.table[:, 0].astype(int)

    @property
    def labels(self) -> np.ndarray:
        """(N,) class of an object, label of a region."""
        return self.table[:, 1].astype(int)

    @property
    def written(self) -> np.ndarray:
        """(N, 4) x1 y1 x2 y2 as shares of the picture, which they may leave."""
        centre, half = self.table[:, 2:4], self.table[:, 4:] / 2
        return np.concatenate((centre - half, centre + half), 1)

    @cached_property
    def over(self) -> np.ndarray:
        """(N,) True for a box that was written over the edge of the picture."""
        centre, half = self.table[:, 2:4], self.table[:, 4:] / 2
        return np.any(np.abs(centre - 0.5) + half > 0.5 + TOUCHING, axis=1)

    @property
    def xywh(self) -> np.ndarray:
        """(N, 4) centre and size as shares of the picture, cut to it; a box that lies in it stays to the last bit."""
        xywh = self.table[:, 2:]
        if self.over.any():
            cut, xywh = self.written[self.over].clip(0, 1), xywh.copy()
            xywh[self.over] = np.concatenate(((cut[:, :2] + cut[:, 2:]) / 2, cut[:, 2:] - cut[:, :2]), 1)
        return xywh

    @property
    def corners(self) -> np.ndarray:
        """(N, 4) x1 y1 x2 y2 of `xywh`, shares of the picture."""
        centre, side = np.split(self.xywh, 2, axis=1)
        return np.concatenate((centre - side / 2, centre + side / 2), 1)

    def reach(self, width: int, height: int) -> np.ndarray:
        """(N,) how far each box was written over the edge of a picture of width x height pixels, in pixels."""
        return reach(self.written * (width, height, width, height), width, height)

    def over_edge(self, width: int, height: int) -> int:
        """How many boxes were written over the edge of the picture by more than `TOLERANCE`."""
        return int((self.reach(width, height) > TOLERANCE).sum()) if self.over.any() else 0


class _NoBox(ValueError):
    """A row is no box: the kind of the problem, and what it is."""


def parse_labels(text: str, nc: int) -> Rows:
    """Read the text of a label file; `nc` is the number of classes."""
    return _parse(text, partial(_object, nc=nc), "{reason}: {line}")


def parse_regions(text: str, nc: int) -> Rows:
    """Read the text of an ignore file; `nc` is the number of classes."""
    expected = "'cx cy w h' as shares, and the class where it belongs to one"
    return _parse(text, partial(_region, nc=nc), f"{{reason}}: {{line!r}} is no ignore region; expected {expected}")


def read_rows(file: Path, nc: int, parse: Parse = parse_labels) -> Rows:
    """Read a label file, or with `parse_regions` an ignore file; a missing one is empty, and nothing is raised."""
    try:
        return parse(read_text(file, LARGEST) if file.name and file.exists() else "", nc)
    except InputError as e:
        reason = str(e).removeprefix(f"cannot read {file}: ").removeprefix(f"{file} ")
        return replace(parse("", nc), problems=(RowProblem(None, ROW, reason),))


def read_labels(file: Path, nc: int) -> np.ndarray:
    """The objects of a label file.

    Returns:
        (N, 5) float32 class and xywh as shares of the picture, cut to it.

    Raises:
        InputError: a row that cannot be a box of this data set, by file and row.
    """
    return as_objects(read_rows(file, nc).checked(file))


def as_objects(rows: Rows) -> np.ndarray:
    """(N, 5) float32 class and xywh as shares of the picture, as training takes them."""
    return np.concatenate((rows.table[:, 1:2], rows.xywh), 1, dtype=np.float32, casting="same_kind")


def ignore_file(label: str | Path) -> Path:
    """The ignore file of a label file: `.../labels/a/b.txt` -> `.../ignore/a/b.txt`, and an empty path for others."""
    head, found, tail = f"/{label}".replace("\\", "/").rpartition("/labels/")
    return Path(f"{head}/ignore/{tail}"[1:]) if found else Path("")


def read_ignore(file: Path, nc: int = sys.maxsize) -> np.ndarray:
    """The regions of an ignore file, of any class where their number is not given.

    Returns:
        (K, 5) float32 xywh as shares of the picture, cut to it, and the label of each region.

    Raises:
        InputError: a row that is no region, by file and row.
    """
    rows = read_rows(file, nc, parse_regions).checked(file)
    return np.concatenate((rows.xywh, rows.table[:, 1:2]), 1, dtype=np.float32, casting="same_kind")


def label_row(label: int, shares: Sequence[float]) -> str:
    """The row of an object in a label file."""
    return f"{int(label)} {_words(shares)}\n"


def region_row(label: int, shares: Sequence[float]) -> str:
    """The row of a region in an ignore file."""
    return f"{_words(shares)}{to_words(label)}\n"


def _words(shares: Sequence[float]) -> str:
    return " ".join(f"{v:.8f}" for v in shares)


def _parse(text: str, box_of: Callable[[list[float]], Sequence[float]], message: str) -> Rows:
    """Read rows; `box_of` makes (label, cx, cy, w, h) of the numbers of one, or raises `_NoBox`."""
    table, problems = [], []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words:
            continue
        try:
            table.append((number, *box_of(_numbers(words))))
        except _NoBox as e:
            kind, reason = e.args
            shown = printable(line.strip()[:SHOWN])
            problems.append(RowProblem(number, kind, message.format(reason=reason, line=shown)))
    return Rows(np.array(table, float).reshape(-1, 6), tuple(problems))


def _numbers(words: list[str]) -> list[float]:
    try:
        values = list(map(float, words))
    except ValueError:
        raise _NoBox(ROW, "this is not numbers with spaces between") from None
    if not all(map(math.isfinite, values)):
        raise _NoBox(ROW, "NaN or infinite value")
    return values


def _object(values: list[float], nc: int) -> Sequence[float]:
    """The numbers of a label row -> (class, cx, cy, w, h)."""
    n, label = len(values), values[0]
    if n != 5 and (n < 7 or n % 2 == 0):
        hint = "; the sixth looks like the confidence of a prediction: take it away" if n == 6 else ""
        raise _NoBox(ROW, f"{n} values; expected 5, 'class cx cy w h' as shares of the picture{hint}")
    if label % 1 or not 0 <= label < nc:
        raise _NoBox(CLASS, f"class {label:g} is {_none_of(nc)}")
    box = _inside(values[1:])
    if n > 5:
        xs, ys = box[::2], box[1::2]
        x1, y1, x2, y2 = min(xs), min(ys), max(xs), max(ys)
        box = [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]
    return label, *_with_area(box)


def _region(values: list[float], nc: int) -> Sequence[float]:
    """The numbers of a row of an ignore file -> (label, cx, cy, w, h)."""
    if len(values) not in (4, 5):
        raise _NoBox(ROW, f"{len(values)} values")
    label = values[4] if len(values) == 5 else IgnoreKind.EVERY
    if label % 1 or not IgnoreKind.OTHERS <= label < nc:
        raise _NoBox(CLASS, f"class {label:g} is {_none_of(nc)}, nor {IgnoreKind.OTHERS:d}, an object of no class")
    return label, *_with_area(_inside(values[:4]))


def _inside(shares: list[float]) -> list[float]:
    """The same numbers, which are shares of a picture."""
    if max(shares) > 1 + ROUNDING or min(shares) < -ROUNDING:
        pixels = ", it looks like pixels" if max(shares) > 2 else ""
        raise _NoBox(OUTSIDE, f"not shares of the picture, 0..1{pixels}")
    return shares


def _with_area(box: list[float]) -> list[float]:
    """The same box cx, cy, w, h, which has an area, and some of it in the picture."""
    cx, cy, w, h = box
    if w <= 0 or h <= 0:
        raise _NoBox(FLAT, "width or height is not above 0")
    if abs(cx - 0.5) >= (w + 1) / 2 or abs(cy - 0.5) >= (h + 1) / 2:
        raise _NoBox(OUTSIDE, "all of it lies beyond the edge")
    return box


def _none_of(nc: int) -> str:
    if nc == sys.maxsize:
        return "no whole number from 0 up"
    return f"none of the {nc} classes of the data YAML, 0..{nc - 1}"
