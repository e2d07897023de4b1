"""Pieces of raw annotation files that several converters read: JSON entries, rows of whole numbers, polygons."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError, did_you_mean
from ...image_files import list_images, read_lines, read_text
from ..records import Dataset


def read_json(path: Path, lists: Iterable[str]) -> dict[str, Any]:
    """Read a JSON file.

    Args:
        path: the file.
        lists: keys that have to hold a list.

    Raises:
        InputError: no such file, not JSON, or a list is missing.
    """
    text = read_text(path)
    try:
        content = json.loads(text)
    except ValueError as e:
        raise InputError(f"{path} is not a JSON file: {e}") from None
    except RecursionError:
        raise InputError(f"{path} is nested too deep for a JSON file of annotations") from None
    for key in lists:
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            keys = content if isinstance(content, dict) else ()
            raise InputError(f"{path} has no list {key!r}{did_you_mean(key, keys)}")
    return content


def get(entry: Any, key: str, kind: type | tuple[type, ...], where: str) -> Any:
    """Return entry[key] and insist on its type; `where` names file and row."""
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InputError(f"{where}: {key!r} is missing or not of the right kind ({value!r})")
    return value


def all_numbers(values: Sequence[Any]) -> bool:
    """True when every value is a finite number."""
    return all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in values)


def class_index(name: Any, names: Sequence[str], where: str) -> int:
    """Return the index of a class; raise InputError with the nearest names when it is none of them."""
    if name not in names:
        raise InputError(f"{where}: unknown class {name!r}{did_you_mean(str(name), names)}")
    return names.index(name)


def whole_numbers(path: Path, columns: str) -> list[tuple[int, list[int]]]:
    """Read rows of whole numbers with commas between them; empty lines are skipped, and a comma may end a row.

    Args:
        path: the file.
        columns: the columns' names, with commas between them.
    Returns:
        (row number in the file, values) of each row.
    Raises:
        InputError: a row of other things, by file and row.
    """
    rows = []
    for i, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        try:
            row = [int(v) for v in line.strip().rstrip(",").split(",")]
        except ValueError:
            row = []
        if len(row) != columns.count(",") + 1:
            count = columns.count(",") + 1
            raise InputError(f"{path} row {i}: expected {count} whole numbers {columns}, found {line.strip()!r}")
        rows.append((i, row))
    return rows


def upright(polygon: Sequence[float]) -> tuple[float, float, float, float]:
    """The box x1, y1, x2, y2 round a polygon x, y, x, y, ..."""
    return min(polygon[::2]), min(polygon[1::2]), max(polygon[::2]), max(polygon[1::2])


def images_by_stem(folder: Path) -> dict[str, Path]:
    """The pictures of a folder by their names without suffix.

    Raises:
        InputError: no picture, or two that share a name.
    """
    found: dict[str, Path] = {}
    for path in list_images(folder):
        if path.stem in found:
            raise InputError(f"images {found[path.stem]} and {path} share one annotation file; rename one")
        found[path.stem] = path
    if not found:
        raise InputError(f"no images in {folder}")
    return found


def unused_files(folder: Path, suffix: str, stems: Iterable[str]) -> int:
    """How many annotation files of a folder have no picture."""
    return len({p.stem for p in folder.glob(f"*{suffix}")}.difference(stems))


def annotated(images: Path, folder: Path, suffix: str, data: Dataset, split: str) -> Iterator[tuple[Path, Path]]:
    """Each picture of a folder with its annotation file of the same stem; files without a picture are counted.

    Raises:
        InputError: a picture without an annotation file, two pictures of one stem.
    """
    found = images_by_stem(images)
    for stem, image in found.items():
        path = folder / f"{stem}{suffix}"
        if not path.is_file():
            raise InputError(f"image {image} has no annotation file {path}")
        yield image, path
    data.drop(split, "annotation file without an image", unused_files(folder, suffix, found))
