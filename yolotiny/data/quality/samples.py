"""A picture with its labels, read as training reads them, where a bad row becomes a problem instead of an error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...image_files import read_lines, side_file

ROUNDING = 0.01  # how far a share may leave 0..1: training refuses a row beyond it


@dataclass(frozen=True)
class Problem:
    """Something wrong with a data set.

    Attributes:
        kind: a key of `checks.KINDS`.
        file: where it is.
        row: line of the file, or number of the entry, from 1; None where the whole file is meant.
        note: what stands there.
    """

    kind: str
    file: Path
    row: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Sample:
    """One picture with its objects.

    Attributes:
        image: the file.
        split: the split it is in.
        width, height: pixels, as a viewer shows it.
        boxes: (N, 4) xyxy, pixels of the picture, not clipped.
        labels: (N,) class index.
        rows: (N,) line of the label file each box stands in.
        ignore: (K, 4) xyxy, pixels.
        problems: the rows that are no boxes of this data set.
    """

    image: Path
    split: str
    width: int
    height: int
    boxes: np.ndarray
    labels: np.ndarray
    rows: np.ndarray
    ignore: np.ndarray
    problems: tuple[Problem, ...] = ()

    @property
    def label_file(self) -> Path:
        """Where its labels are, or would be."""
        return side_file(self.image, "labels")

    @property
    def ignore_file(self) -> Path:
        """Where its ignore regions are, or would be."""
        return side_file(self.image, "ignore")


def read_sample(image: Path, split: str, size: tuple[int, int], nc: int) -> Sample:
    """Read the labels and ignore regions of a picture; a missing file is an empty one.

    Args:
        image: the picture.
        split: its split.
        size: (width, height), pixels.
        nc: number of classes.
    """
    labels, regions = side_file(image, "labels"), side_file(image, "ignore")
    objects, problems = _read(labels, nc) if labels.is_file() else ([], [])
    areas, more = _read(regions, nc, True) if regions.is_file() and regions != labels else ([], [])
    table = np.array(objects, float).reshape(-1, 6)
    scale = np.tile(np.array(size, float), 2)
    ignore = np.array(areas, float).reshape(-1, 6)[:, 2:] * scale
    return Sample(
        image,
        split,
        *size,
        table[:, 2:] * scale,
        table[:, 1].astype(int),
        table[:, 0].astype(int),
        ignore,
        (*problems, *more),
    )


def _read(file: Path, nc: int, regions: bool = False) -> tuple[list[tuple[float, ...]], list[Problem]]:
    """Read a label or an ignore file: (row, class, x1, y1, x2, y2 as shares) of each box, and what is wrong."""
    rows: list[tuple[float, ...]] = []
    problems: list[Problem] = []
    try:
        lines = read_lines(file)
    except InputError as e:
        return [], [Problem("ignore row" if regions else "row", file, None, str(e).rpartition(": ")[2])]
    for i, line in enumerate(lines, 1):
        if not line.strip():
            continue
        found = parse_region(line, nc) if regions else parse_row(line, nc)
        if isinstance(found[0], str):
            problems.append(Problem(found[0], file, i, f"{found[1]}: {line.strip()[:60]}"))
        else:
            rows.append((i, *found))
    return rows, problems


def parse_row(line: str, nc: int) -> tuple:
    """Read a label row, "class cx cy w h" or "class x1 y1 x2 y2 x3 y3 ...".

    Returns:
        (class, x1, y1, x2, y2), shares of the picture; or (kind of problem, what is wrong) for a row that training
        refuses.
    """
    try:
        values = [float(v) for v in line.split()]
    except ValueError:
        return "row", "not numbers"
    if not all(map(math.isfinite, values)):
        return "row", "NaN or infinite"
    if len(values) != 5 and not (len(values) > 6 and len(values) % 2):
        return "row", f"{len(values)} values instead of 5"
    if values[0] not in range(nc):
        return "class", f"class {values[0]:g} is not one of 0..{nc - 1}"
    if max(values[1:]) > 1 + ROUNDING or min(values[1:]) < -ROUNDING:
        pixels = ", it looks like pixels" if max(values[1:]) > 2 else ""
        return "outside", f"not shares of the picture, 0..1{pixels}"
    if len(values) == 5:
        x1, y1, x2, y2 = _corners(*values[1:])
    else:
        xs, ys = values[1::2], values[2::2]
        x1, y1, x2, y2 = min(xs), min(ys), max(xs), max(ys)
    if x2 <= x1 or y2 <= y1:
        return "flat", "no width or height"
    return values[0], x1, y1, x2, y2


def parse_region(line: str, nc: int) -> tuple:
    """Read a row of an ignore file, "cx cy w h" or "cx cy w h class" (-1 every class, -2 none); as `parse_row`."""
    try:
        values = [float(v) for v in line.split()]
    except ValueError:
        values = []
    if len(values) not in (4, 5) or not all(map(math.isfinite, values)):
        return "ignore row", "expected 4 numbers, or 5 with a class"
    if len(values) == 5 and values[4] not in range(-2, nc):
        return "ignore row", f"class {values[4]:g} is not one of 0..{nc - 1}"
    if max(values[:4]) > 1 + ROUNDING or min(values[:4]) < -ROUNDING or min(values[2:4]) <= 0:
        return "ignore row", "not shares of the picture, 0..1"
    return values[4] if len(values) == 5 else -1.0, *_corners(*values[:4])


def _corners(cx: float, cy: float, w: float, h: float) -> tuple[float, float, float, float]:
    return cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2
