"""Pieces of raw annotation files that several converters read: JSON, XML, rows of whole numbers, polygons, names."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from ...errors import InputError, did_you_mean
from ...ignore import REGION_NAMES
from ...image_files import list_images, read_lines, read_text
from ...text import printable
from ..records import Dataset

Named = tuple[float, float, float, float, str, bool]  # x1, y1, x2, y2 in pixels, name of the label, ignored


def load_json(path: Path) -> Any:
    """What a JSON file holds; InputError where there is no such file, or where it is none."""
    text = read_text(path)
    try:
        return json.loads(text)
    except ValueError as e:
        raise InputError(f"{path} is not a JSON file: {e}") from None
    except RecursionError:
        raise InputError(f"{path} is nested too deep for a JSON file of annotations") from None


def read_json(path: Path, lists: Iterable[str]) -> dict[str, Any]:
    """Read a JSON file.

    Args:
        path: the file.
        lists: keys that have to hold a list.

    Raises:
        InputError: no such file, not JSON, or a list is missing.
    """
    content = load_json(path)
    for key in lists:
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            keys = content if isinstance(content, dict) else ()
            raise InputError(f"{path} has no list {key!r}{did_you_mean(key, keys)}")
    return content


def read_xml(path: Path) -> ElementTree.Element:
    """The root of an XML file.

    Raises:
        InputError: no such file, not XML, or words in it that stand for others, which can fill the memory.
    """
    text = read_text(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InputError(f"{path} declares entities; files of annotations have none")
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as e:
        raise InputError(f"{path} is not an XML file: {e}") from None
    except ValueError as e:  # an encoding that is declared and not known
        raise InputError(f"{path} cannot be read as XML: {e}") from None


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


def names_among(labels: Iterable[str], data: Dataset) -> list[str]:
    """The class names among labels, in their order; says where others mark ignore regions, see `REGION_NAMES`."""
    labels = list(dict.fromkeys(labels))
    if regions := [name for name in labels if name in REGION_NAMES]:
        data.notes.append(f"label {' and '.join(map(repr, regions))} marks ignore regions of every class")
    return [printable(name) for name in labels if name not in REGION_NAMES]


def numbered(rows: Iterable[Named], names: Sequence[str], where: str) -> list[tuple]:
    """Rows with a name for a label -> rows for `records.record_of`; InputError for a name that is none of `names`."""
    found = []
    for *box, name, ignored in rows:
        label = REGION_NAMES[name] if name in REGION_NAMES else class_index(printable(name), names, where)
        found.append((*box, label, ignored or label < 0))
    return found


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


def turned(box: Sequence[float], degrees: float, pivot: tuple[float, float]) -> tuple[float, float, float, float]:
    """The upright box round a box x1, y1, x2, y2 that is turned clockwise about a point, as seen in the picture."""
    if not degrees % 360:
        return box[0], box[1], box[2], box[3]
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    corners = [(x - pivot[0], y - pivot[1]) for x in box[::2] for y in box[1::2]]
    return upright([v for x, y in corners for v in (pivot[0] + c * x - s * y, pivot[1] + s * x + c * y)])


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
