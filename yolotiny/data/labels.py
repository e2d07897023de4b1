"""Label files and the files of ignore regions beside them: rows of text <-> arrays."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..yaml_file import regular_file

LARGEST = 1 << 26  # bytes of a label file: a million rows
ROUNDING = 0.01  # how far a share in a label file may leave 0..1


def read_labels(file: Path, nc: int) -> np.ndarray:
    """Read a label file.

    Args:
        file: rows "class cx cy w h", or "class x1 y1 x2 y2 x3 y3 ..." for a polygon, all as shares of the picture; a
            missing file means a picture without objects.
        nc: number of classes.

    Returns:
        (N, 5) class and normalised xywh; a polygon becomes the box round it.

    Raises:
        InputError: a row that cannot be a box of this data set, by file and row.
    """
    if not file.exists():
        return np.zeros((0, 5), np.float32)
    regular_file(file, LARGEST)
    table = []
    for i, line in enumerate(file.read_text(encoding="utf-8-sig").splitlines(), 1):
        if not line.strip():
            continue
        where, row = f"{file}, row {i}", _numbers(line)
        if row is None:
            raise InputError(f"{where}: {line.strip()[:60]!r} is not numbers; expected 'class cx cy w h'")
        if not all(map(math.isfinite, row)):
            raise InputError(f"{where}: NaN or infinite value in {line.strip()[:60]!r}")
        if len(row) != 5 and not (len(row) > 6 and len(row) % 2):
            raise InputError(f"{where}: {len(row)} values; expected 5, 'class cx cy w h' as shares of the picture")
        if row[0] not in range(nc):
            raise InputError(f"{where}: class {row[0]:g} is none of the {nc} classes of the data YAML, 0..{nc - 1}")
        if max(row[1:]) > 1 + ROUNDING or min(row[1:]) < -ROUNDING:
            raise InputError(f"{where}: box outside the picture ({line.strip()[:60]}); values are shares, 0..1")
        if len(row) > 5:
            xy = np.array(row[1:]).reshape(-1, 2)
            row = [row[0], *(xy.min(0) + xy.max(0)) / 2, *np.ptp(xy, 0)]
        if min(row[3:]) <= 0:
            raise InputError(f"{where}: width or height is not above 0 ({line.strip()[:60]})")
        table.append(row)
    return np.array(table, np.float32).reshape(-1, 5)


def _numbers(line: str) -> list[float] | None:
    """The numbers of a row, None when something else stands there."""
    try:
        return [float(x) for x in line.split()]
    except ValueError:
        return None


def ignore_file(label: str) -> Path:
    """The ignore-region file beside a label file: `.../labels/a/b.txt` -> `.../ignore/a/b.txt`."""
    head, _, tail = label.replace("\\", "/").rpartition("/labels/")
    return Path(f"{head}/ignore/{tail}") if tail else Path("")


def read_ignore(file: Path) -> np.ndarray:
    """The regions of an ignore file; empty when there is none.

    Returns:
        (K, 5) normalised xywh and the class a region belongs to, -1 for every class, -2 for an object of no class.

    Raises:
        InputError: a row that is no region, by file and row.
    """
    if not file.exists() or not file.name:
        return np.zeros((0, 5), np.float32)
    regular_file(file, LARGEST)
    rows = []
    for i, line in enumerate(file.read_text(encoding="utf-8-sig").splitlines(), 1):
        row = _numbers(line)
        if row == []:
            continue
        row = row and [*row, -1.0][: max(len(row), 5)]  # without a fifth number, a region of every class
        if not row or len(row) != 5 or not all(map(math.isfinite, row)) or row[4] < -2 or row[4] % 1:
            raise InputError(
                f"{file}, row {i}: {line.strip()[:60]!r} is no ignore region; expected 'cx cy w h' as shares, "
                "and the class where it belongs to one"
            )
        rows.append(row)
    return np.array(rows, np.float32).reshape(-1, 5)


def region_class(label: np.ndarray, nc: int) -> np.ndarray:
    """(K,) classes as `read_ignore` gives them -> (K,) class indices under which regions travel.

    These are nc for every class, nc + 1 for no class, and from nc + 2 for one.
    """
    return nc + np.where(label < 0, -1 - label, label + 2)


def region_label(cls: Any, nc: int) -> Any:
    """Undo `region_class`, for an array or a tensor; what it says of objects means nothing."""
    code = cls - nc
    return (code < 2) * (-1 - code) + (code >= 2) * (code - 2)
