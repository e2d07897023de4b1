"""PASCAL VOC: one XML file for each picture, and lists of pictures."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from ...errors import InputError
from ...image_files import read_lines, read_text
from ..records import Dataset, Record, existing_folder, record_of
from .reading import class_index

NAMES = ["aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog"]
NAMES += ["horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"]


def read_annotation(path: Path) -> list[tuple]:
    """Read one XML file.

    Pixels count from 1 there and both ends belong to the box, so 1 is taken from xmin and ymin. A difficult object is
    an ignore region of its class.

    Returns:
        (x1, y1, x2, y2, label, ignored) of each object, in pixels.
    Raises:
        InputError: no such file, not XML, an object without name or box, an unknown class.
    """
    text = read_text(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # words that stand for others can fill the memory
        raise InputError(f"{path} declares entities; annotations of VOC have none")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as e:
        raise InputError(f"{path} is not an XML file: {e}") from None
    rows = []
    for i, item in enumerate(root.findall("object"), 1):
        where = f"{path} object {i}"
        try:
            x1, y1, x2, y2 = (float(item.findtext(f"bndbox/{k}", "")) for k in ("xmin", "ymin", "xmax", "ymax"))
        except ValueError:
            raise InputError(f"{where}: bndbox needs numbers xmin, ymin, xmax, ymax") from None
        if x2 < x1 or y2 < y1:
            raise InputError(f"{where}: bndbox ends before it begins ({x1:g},{y1:g} to {x2:g},{y2:g})")
        label = class_index(item.findtext("name", "").strip(), NAMES, where)
        rows.append((x1 - 1, y1 - 1, x2, y2, label, item.findtext("difficult", "0").strip() == "1"))
    return rows


def _records(year: Path, stems: list[str]) -> list[Record]:
    """The listed pictures of one year."""
    records = []
    for stem in stems:
        image = year / "JPEGImages" / f"{stem}.jpg"
        if not image.is_file():
            raise InputError(f"{year / 'ImageSets' / 'Main'} lists {stem!r}, but there is no {image}")
        records.append(record_of(image, image.name, read_annotation(year / "Annotations" / f"{stem}.xml")))
    return records


def read_voc(source: str | Path) -> Dataset:
    """Read VOC as papers use it: train on trainval of 2007 and 2012, test on 2007; there is no val split.

    Args:
        source: `VOCdevkit` with `VOC2007`, `VOC2012` or both in it, or the folder above it.

    Raises:
        InputError: no such folder or list, a picture or annotation that is listed but absent, a malformed XML file.
    """
    root = existing_folder(source, "VOC source")
    root = root / "VOCdevkit" if (root / "VOCdevkit").is_dir() else root
    years = [root / f"VOC{year}" for year in (2007, 2012) if (root / f"VOC{year}").is_dir()]
    if not years:
        raise InputError(f"no VOC2007 or VOC2012 in {root}: expected VOCdevkit/VOC2007/JPEGImages and the like")
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
