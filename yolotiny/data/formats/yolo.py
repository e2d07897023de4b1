"""The YOLO layout itself: a data.yaml, images, and one text file of normalised rows per image."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...text import printable
from ...yaml_file import read_yaml
from ..pictures import Unreadable, image_size
from ..records import EVERY, OTHERS, SPLITS, Dataset, Record, list_images, read_lines

TOLERANCE = 2.0  # pixels a box may stick out of its image: rounding in other people's tools


def find_yaml(source: Path) -> Path:
    """Return the data.yaml that is meant by a file or by the folder it lies in."""
    if source.is_file():
        return source
    if not source.is_dir():
        raise InputError(f"YOLO source not found: there is no file or folder {source}")
    found = [source / "data.yaml"] if (source / "data.yaml").is_file() else sorted(source.glob("*.y*ml"))
    if len(found) != 1:
        raise InputError(
            f"expected one data.yaml in {source}, found {len(found)}; write one with path, train, val and names, "
            "or name the file itself"
        )
    return found[0]


def load_yaml(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read a data.yaml: its content and the class names in class order; raise InputError where that is not there."""
    content = read_yaml(path, "a data YAML")
    names = content.get("names")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names or sorted(names, key=str) != sorted(range(len(names)), key=str):
        raise InputError(f"{path}: 'names' must list the classes, or number them from 0 without a gap")
    return content, [printable(names[i]) for i in range(len(names))]


def _images(entry: Any, root: Path, where: str) -> list[tuple[Path, str]]:
    """Resolve a split entry (a folder, a list of images, or several of these) to images with their short names."""
    if isinstance(entry, list):
        return [pair for e in entry for pair in _images(e, root, where)]
    place = root / str(entry)
    if place.is_dir():
        return [(p, p.relative_to(place).as_posix()) for p in list_images(place)]
    if not place.is_file():
        raise InputError(f"{where}: there is no folder or list {place}")
    lines = [line.strip() for line in read_lines(place) if line.strip()]
    images = [place.parent / line for line in lines]
    for i, image in enumerate(images, 1):
        if not image.is_file():
            raise InputError(f"{place} row {i}: there is no image {image}")
    return [(p, line.removeprefix("./")) for p, line in zip(images, lines, strict=True)]


def side_file(image: Path, folder: str) -> Path:
    """Return an image's text file in a folder beside `images`: .../images/train/a.jpg -> .../labels/train/a.txt."""
    parts = list(image.parts)
    for i in range(len(parts) - 2, -1, -1):  # the last `images`, as the training loader has it
        if parts[i] == "images":
            parts[i] = folder
            break
    return Path(*parts).with_suffix(".txt")


def _numbers(line: str, where: str, columns: tuple[int, ...]) -> list[float]:
    """The numbers of a row; raise InputError when they are not as many as one of `columns`."""
    try:
        row = [float(v) for v in line.split()]
    except ValueError:
        row = []
    if len(row) not in columns or not all(map(math.isfinite, row)):
        raise InputError(f"{where}: expected {' or '.join(map(str, columns))} numbers, found {line.strip()!r}")
    return row


def _pixels(share: list[float], width: int, height: int, where: str) -> list[float]:
    """Centre and size as shares -> x1, y1, x2, y2 in pixels; raise InputError for a box outside the image."""
    cx, cy, w, h = share[0] * width, share[1] * height, share[2] * width, share[3] * height
    x1, y1, x2, y2 = cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2
    if w < 0 or h < 0 or min(x1, y1) < -TOLERANCE or x2 > width + TOLERANCE or y2 > height + TOLERANCE:
        raise InputError(
            f"{where}: box {x1:.1f},{y1:.1f} to {x2:.1f},{y2:.1f} px lies outside the {width}x{height} image; "
            "rows are centre x, centre y, width, height as shares of the image"
        )
    return [x1, y1, x2, y2]


def read_rows(path: Path, width: int, height: int, nc: int) -> np.ndarray:
    """Read the normalised rows "cls cx cy w h" of a label file.

    Args:
        path: the text file.
        width, height: pixels of its image.
        nc: number of classes.
    Returns:
        (N, 5) class and xyxy pixels.
    Raises:
        InputError: a row of another length, not a number, a class out of range, a box outside the image.
    """
    table = []
    for i, line in enumerate(read_lines(path), 1):
        if line.strip():
            where = f"{path} row {i}"
            row = _numbers(line, where, (5,))
            if row[0] not in range(nc):
                raise InputError(f"{where}: class {row[0]:g} is not one of the {nc} classes (0 to {nc - 1})")
            table.append([row[0], *_pixels(row[1:], width, height, where)])
    return np.array(table, dtype=float).reshape(-1, 5)


def read_regions(path: Path, width: int, height: int, nc: int) -> np.ndarray:
    """Read the rows of an ignore file: "cx cy w h" for every class, "cx cy w h cls" for one, or -2 for none.

    Returns:
        (K, 5) label (`EVERY`, `OTHERS` or a class) and xyxy pixels.
    Raises:
        InputError: as for `read_rows`.
    """
    table = []
    for i, line in enumerate(read_lines(path), 1):
        if line.strip():
            where = f"{path} row {i}"
            *row, label = [*_numbers(line, where, (4, 5)), float(EVERY)][:5]
            if label not in (EVERY, OTHERS, *range(nc)):
                raise InputError(f"{where}: class {label:g} is not one of the {nc} classes (0 to {nc - 1}) or {OTHERS}")
            table.append([label, *_pixels(row, width, height, where)])
    return np.array(table, dtype=float).reshape(-1, 5)


def _record(image: Path, name: str, nc: int) -> Record:
    try:
        width, height = image_size(image)
    except Unreadable as error:
        return Record(image, name, 0, 0, fault=str(error))
    labels, regions = side_file(image, "labels"), side_file(image, "ignore")
    rows = read_rows(labels, width, height, nc) if labels.is_file() else np.zeros((0, 5))
    ignore = read_regions(regions, width, height, nc) if regions.is_file() else np.zeros((0, 5))
    objects, others = (rows[:, 1:], rows[:, 0].astype(int)), (ignore[:, 1:], ignore[:, 0].astype(int))
    return Record(image, name, width, height, *objects, *others)


def read_yolo(source: str | Path) -> Dataset:
    """Read a YOLO data set, mainly to check it and to add the COCO JSON the evaluation reads.

    An image without a label file has no objects. Ignore regions are read from `ignore/` where that exists.

    Args:
        source: a data.yaml, or the folder that holds one. Its `path` is taken relative to the file; where that does
            not exist, the file's own folder is used.

    Raises:
        InputError: nothing found, or a bad row, named by file and number.
    """
    path = find_yaml(Path(source).expanduser())
    content, names = load_yaml(path)
    root = path.parent / str(content.get("path") or ".")
    root = root if root.is_dir() else path.parent
    protocol = content.get("protocol")
    data = Dataset(names, {}, protocol=str(protocol) if protocol else None)
    for split in SPLITS:
        if split == "val" and content.get("val") == content.get("test"):
            continue  # test stands for val, and will again
        if content.get(split):
            images = _images(content[split], root, f"{path} {split}")
            if not images:
                raise InputError(f"{path}: no images for split {split!r} in {content[split]}")
            data.splits[split] = [_record(image, name, len(names)) for image, name in images]
    if not data.splits:
        raise InputError(f"{path} names no split: expected train, val or test")
    return data
