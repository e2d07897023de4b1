"""PASCAL VOC: one XML file for each picture, and lists of pictures."""

from __future__ import annotations

from pathlib import Path

from ...errors import InputError
from ...image_files import read_lines
from ..records import Dataset, Record, existing_folder, record_of
from .json_pictures import lies_in
from .reading import class_index
from .voc_folder import read_rows, read_voc_folder

NAMES = ["aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog"]
NAMES += ["horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"]


def read_annotation(path: Path) -> list[tuple]:
    """Read one XML file of the 20 classes: `read_rows` with class numbers; InputError for an unknown class too."""
    rows = read_rows(path)
    return [
        (*box, class_index(name, NAMES, f"{path} object {i}"), ignored)
        for i, (*box, name, ignored) in enumerate(rows, 1)
    ]


def _records(year: Path, stems: list[str]) -> list[Record]:
    """The listed pictures of one year."""
    records = []
    for stem in stems:
        image = year / "JPEGImages" / f"{stem}.jpg"
        if not lies_in(year, image) or not image.is_file():
            raise InputError(f"{year / 'ImageSets' / 'Main'} lists {stem!r}, but there is no {image}")
        records.append(record_of(image, image.name, read_annotation(year / "Annotations" / f"{stem}.xml")))
    return records


def read_voc(source: str | Path) -> Dataset:
    """Read VOC as papers use it: train on trainval of 2007 and 2012, test on 2007; there is no val split.

    A folder in the layout of VOC with classes of its own is read by `voc_folder.read_voc_folder`.

    Args:
        source: `VOCdevkit` with `VOC2007`, `VOC2012` or both in it, or the folder above it; else see `voc_folder`.

    Raises:
        InputError: no such folder or list, a picture or annotation that is listed but absent, a malformed XML file.
    """
    root = existing_folder(source, "VOC source")
    root = root / "VOCdevkit" if (root / "VOCdevkit").is_dir() else root
    years = [root / f"VOC{year}" for year in (2007, 2012) if (root / f"VOC{year}").is_dir()]
    if not years and (found := read_voc_folder(root)):
        return found
    if not years:
        raise InputError(
            f"no VOC2007 or VOC2012 in {root}: expected VOCdevkit/VOC2007/JPEGImages and the like, or with classes of "
            "your own JPEGImages and Annotations, or train and val with pictures and XML files in them"
        )
    lists = {"train": [y / "ImageSets" / "Main" / "trainval.txt" for y in years]}
    lists["test"] = [y / "ImageSets" / "Main" / "test.txt" for y in years if y.name == "VOC2007"]
    data = Dataset(list(NAMES), {})
    for split, paths in lists.items():
        for path in (p for p in paths if p.is_file()):
            stems = [line.split()[0] for line in read_lines(path) if line.strip()]
            data.splits.setdefault(split, []).extend(_records(path.parents[2], stems))
    if not data.splits:
        raise InputError(f"no list {' or '.join(str(p) for paths in lists.values() for p in paths)}")
    return data
