"""The YOLO layout itself: a data.yaml, images, and one text file of normalised rows per image."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ...data_file import DataFile, in_folder, read_data_file
from ...errors import InputError
from ...image_files import HIDDEN, labels_expected, side_file
from ...pictures.files import Unreadable, image_size
from ..labels import FLAT, ignore_file, parse_regions, read_rows
from ..records import Dataset, Record, box_areas


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
        if not any(side_file(image, "labels").is_file() for image in images):
            data.notes.append(
                f"{split}: no label file for any of the {len(images)} images; {labels_expected(images[0])}"
            )
        names = _short_names(images, file.places(split), file.root)
        data.splits[split] = [_record(image, name, data, split) for image, name in zip(images, names, strict=True)]
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
