"""The YOLO layout itself: a data.yaml, images, and one text file of normalised rows per image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...text import printable
from ...yaml_file import read_yaml
from ..labels import FLAT, ignore_file, parse_regions, read_rows
from ..pictures import Unreadable, image_size
from ..records import SPLITS, Dataset, Record, box_areas, list_images, read_lines


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


def _record(image: Path, name: str, data: Dataset, split: str) -> Record:
    """A picture with its rows; those without width or height are left out and counted, as the writer does with all."""
    try:
        width, height = image_size(image)
    except Unreadable as error:
        return Record(image, name, 0, 0, fault=str(error))
    label, nc, scale = side_file(image, "labels"), len(data.names), np.tile((width, height), 2)
    objects, flat = read_rows(label, nc).without(FLAT)
    regions, thin = read_rows(ignore_file(label), nc, parse_regions).without(FLAT)
    objects, regions = objects.checked(label), regions.checked(ignore_file(label))
    data.drop(split, "row without width or height", flat + thin)
    return Record(
        image,
        name,
        width,
        height,
        objects.written * scale,
        objects.labels,
        regions.written * scale,
        regions.labels,
        areas=box_areas(objects.corners * scale),
    )


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
            data.splits[split] = [_record(image, name, data, split) for image, name in images]
    if not data.splits:
        raise InputError(f"{path} names no split: expected train, val or test")
    return data
