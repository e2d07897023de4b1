"""The YOLO layout itself: a data.yaml, images, and one text file of normalised rows per image."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np

from ...data_file import DataFile, in_folder, read_data_file
from ...errors import InputError
from ...image_files import HIDDEN, read_lines, side_file
from ..pictures import Unreadable, image_size
from ..records import EVERY, OTHERS, Dataset, Record

TOLERANCE = 2.0  # pixels a box may stick out of its image: rounding in other people's tools


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


def _short_names(images: list[Path], places: list[Path], root: Path) -> list[str]:
    """The name of each picture inside its split: seen from the split's folder, the root, or the folder they share."""
    start = places[0] if len(places) == 1 and places[0].is_dir() else root
    if not all(image.is_relative_to(start) for image in images):
        start = Path(os.path.commonpath([image.parent for image in images]))
    return [image.relative_to(start).as_posix() for image in images]


def read_yolo(source: str | Path) -> Dataset:
    """Read a YOLO data set, mainly to check it and to add the COCO JSON the evaluation reads.

    An image without a label file has no objects. Ignore regions are read from `ignore/` where that exists.

    Args:
        source: a data.yaml, or the folder that holds one; see `data_file` for what it may say.

    Raises:
        InputError: nothing found, or a bad row, named by file and number.
    """
    path = Path(source).expanduser()
    file = read_data_file(path if path.is_file() else in_folder(path))
    data = Dataset(file.names, {}, protocol=file.protocol or None)
    for split, found in file.usable(*_splits(file, data.notes)).items():
        images = list(dict.fromkeys(found.images))
        data.drop(split, "picture that is listed twice", len(found.images) - len(images))
        for reason, count in found.left_out.items():
            if reason != HIDDEN or path.is_file():  # those of a folder are counted for all formats alike
                data.drop(split, reason, count)
        names = _short_names(images, file.places(split), file.root)
        data.splits[split] = [_record(image, name, len(file.names)) for image, name in zip(images, names, strict=True)]
    return data


def _splits(file: DataFile, notes: list[str]) -> list[str]:
    """The splits to be read: not val where test stands for it and will again, nor a test that is noted as absent."""
    wanted = [s for s in file.splits if s != "val" or file.content.get("test", ...) != file.content.get("val")]
    if wanted[-1] == "test" and len(wanted) > 1:
        try:
            file.places("test")
        except InputError as error:
            notes.append(f"left out: {error}")
            return [s for s in file.splits if s != "test"]
    return wanted
