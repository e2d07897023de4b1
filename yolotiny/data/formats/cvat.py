"""CVAT: "CVAT for images 1.1", one XML file of all pictures."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree.ElementTree import Element

from ...errors import InputError
from ..records import Dataset, record_of, split_of
from .json_pictures import find_pictures
from .json_sizes import settle, stated_size
from .reading import Named, names_among, numbered, read_xml, turned, upright

IGNORE = "ignore"  # the attribute of a shape that makes it an ignore region of its class
YES = {"true", "yes", "1"}


def _number(shape: Element, key: str, where: str, default: str | None = None) -> float:
    text = shape.get(key, default)
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where}: {key} is no number ({text!r})")
    return value


def _box(shape: Element, where: str) -> tuple[float, float, float, float] | None:
    """The upright box round a shape, in pixels; None for a shape that has none."""
    if shape.tag == "box":
        x1, y1, x2, y2 = (_number(shape, k, where) for k in ("xtl", "ytl", "xbr", "ybr"))
    elif shape.tag == "ellipse":
        cx, cy, rx, ry = (_number(shape, k, where) for k in ("cx", "cy", "rx", "ry"))
        x1, y1, x2, y2 = cx - rx, cy - ry, cx + rx, cy + ry
    elif shape.tag == "mask":
        x1, y1, wide, high = (_number(shape, k, where) for k in ("left", "top", "width", "height"))
        return x1, y1, x1 + wide, y1 + high
    elif shape.tag == "polygon":
        return _round(shape.get("points", ""), where)
    else:
        return None
    if x2 < x1 or y2 < y1:
        raise InputError(f"{where}: it ends before it begins ({x1:g},{y1:g} to {x2:g},{y2:g})")
    return turned((x1, y1, x2, y2), _number(shape, "rotation", where, "0"), ((x1 + x2) / 2, (y1 + y2) / 2))


def _round(points: str, where: str) -> tuple[float, float, float, float]:
    """The box round the points `x,y;x,y;...` of a polygon."""
    try:
        pairs = [(float(x), float(y)) for x, y in (point.split(",") for point in points.split(";"))]
    except ValueError:
        pairs = []
    values = [v for pair in pairs for v in pair]
    if len(pairs) < 3 or not all(map(math.isfinite, values)):
        raise InputError(f"{where}: expected points x,y;x,y;x,y, found {points[:60]!r}")
    return upright(values)


def _rows(image: Element, where: str, data: Dataset, split: str) -> list[Named]:
    """The shapes of a picture that have a box; the others are counted."""
    rows: list[Named] = []
    for i, shape in enumerate(image, 1):
        at = f"{where} shape {i}"
        box = _box(shape, at)
        if box is None:
            data.drop(split, f"shape without a box: {shape.tag}")
            continue
        if not (label := shape.get("label", "")):
            raise InputError(f"{at}: it has no label")
        marks = [(mark.text or "").strip().lower() for mark in shape.iter("attribute") if mark.get("name") == IGNORE]
        rows.append((*box, label, any(mark in YES for mark in marks)))
    return rows


def _files(source: Path) -> list[Path]:
    """The XML files of a source."""
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise InputError(f"CVAT source not found: there is no file or folder {source}")
    for pattern in ("annotations.xml", "*.xml", "*/*.xml"):
        if found := sorted(source.glob(pattern)):
            return found
    raise InputError(f"no XML file in {source}; export from CVAT as 'CVAT for images 1.1', and unpack it")


def _images(root: Element, path: Path) -> list[Element]:
    """The pictures of a file; InputError where it is of another kind."""
    if root.tag != "annotations":
        raise InputError(f"{path} is no file of CVAT: its root is {root.tag}, expected annotations")
    if root.find("track") is not None:
        raise InputError(f"{path} is 'CVAT for video'; export as 'CVAT for images 1.1'")
    images = root.findall("image")
    if not images:
        raise InputError(f"{path} lists no image; export as 'CVAT for images 1.1'")
    for i, image in enumerate(images, 1):
        if not image.get("name"):
            raise InputError(f"{path} image {i}: it has no name")
    return images


def _split(image: Element, path: Path, folder: Path) -> str:
    """Of its subset, else of the file or its folder below the source, else train."""
    words = (image.get("subset") or "", path.stem, "" if path.parent == folder else path.parent.name)
    return next((split for word in words if (split := split_of(word))), "train")


def read_cvat(source: str | Path) -> Dataset:
    """Read "CVAT for images 1.1".

    Classes are the labels of the file in their order. Boxes, turned boxes, polygons, ellipses and masks count with the
    upright box round them; other shapes are counted and left out. A shape with the attribute `ignore` is an ignore
    region of its class, and one with the label `ignore` of every class. The subset of a picture is its split; without
    one the name of the file or of its folder below the source says it, else it is train.

    Args:
        source: a folder with `annotations.xml` (or other XML files), or an XML file; pictures lie in `images`, below
            it, or beside the file.

    Raises:
        InputError: nothing found, not XML, another format, a shape without a label or with numbers that are none, a
            label that the file does not list.
    """
    source = Path(source).expanduser()
    paths, folder = _files(source), source if source.is_dir() else source.parent
    data = Dataset([], {})
    roots = {path: read_xml(path) for path in paths}
    pictures = {path: _images(root, path) for path, root in roots.items()}
    listed = [n.text or "" for root in roots.values() for n in root.findall("meta/*/labels/label/name")]
    seen = sorted({s.get("label", "") for images in pictures.values() for i in images for s in i if s.get("label")})
    data.names = names_among(listed or seen, data)
    for path, images in pictures.items():
        by_split: dict[str, list[Element]] = {}
        for image in images:
            by_split.setdefault(_split(image, path, folder), []).append(image)
        for split, mine in by_split.items():
            _read_split(data, split, path, folder, mine)
    return data


def _read_split(data: Dataset, split: str, path: Path, folder: Path, images: list[Element]) -> None:
    """Add the pictures of a file that are of one split."""
    records, sizes = [], []
    found = find_pictures([image.get("name", "") for image in images], path, folder, split, data)
    for element, (image, name) in zip(images, found, strict=True):
        where = f"{path} image {element.get('name')}"
        rows = numbered(_rows(element, where, data, split), data.names, where)
        if not image.name:
            data.drop(split, name)  # the reason
            continue
        records.append(record_of(image, name, rows))
        sizes.append(stated_size(dict(element.attrib), where))
    data.splits.setdefault(split, []).extend(settle(data, split, records, sizes))
