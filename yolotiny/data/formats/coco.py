"""COCO-like JSON files: the plain format, and what data sets with key names or classes of their own need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError, did_you_mean
from ...ignore import REGION_NAMES, from_coco
from ...text import printable
from ..records import EVERY, Dataset, by_split, record_of, split_of
from .json_pictures import find_pictures
from .json_sizes import settle, stated_size
from .reading import all_numbers, get, read_json, upright


@dataclass(frozen=True)
class Dialect:
    """How a COCO-like JSON names its parts.

    Attributes:
        annotations, file_name: the keys of the annotation list and of an image's file.
        ignore: categories that are ignore regions for every class, not classes.
        flags: keys that make an annotation an ignore region of its class.
        leave_out: key of an annotation whose whole image does not belong to the data set.
        names: the classes in order; empty to take those of the file in the order of their ids.
        rename: other spellings of a class, or a class that is counted as another one.
        area: take the `area` of an annotation as its size, as COCO does with that of its outline.
    """

    annotations: str = "annotations"
    file_name: str = "file_name"
    ignore: tuple[str, ...] = ()
    flags: tuple[str, ...] = ("iscrowd", "ignore")
    leave_out: str = ""
    names: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    area: bool = False


COCO = Dialect(area=True, ignore=tuple(REGION_NAMES))


def _categories(content: dict[str, Any], path: Path) -> dict[int, str]:
    """Category names by id, in id order; a name may stand only once."""
    found: dict[int, str] = {}
    for i, entry in enumerate(content["categories"]):
        where = f"{path} categories[{i}]"
        found[get(entry, "id", int, where)] = printable(get(entry, "name", str, where))
    if len(set(found.values())) < len(content["categories"]):
        raise InputError(f"{path}: two categories share an id or a name")
    return dict(sorted(found.items()))


def _classes(categories: dict[int, str], path: Path, data: Dataset, dialect: Dialect) -> dict[int, int]:
    """Class index by category id, a region's label for one that is ignored; the first file names the classes."""
    own = {i: dialect.rename.get(n, n) for i, n in categories.items()}
    names = [n for n in dict.fromkeys(own.values()) if n not in dialect.ignore]
    if not data.names:
        data.names = list(dialect.names) or names
    for name in names:
        if name not in data.names:
            where = "one of the classes" if dialect.names else "in the first split's JSON"
            raise InputError(f"{path}: category {name!r} is not {where}{did_you_mean(name, data.names)}")
    return {i: data.names.index(n) if n in data.names else REGION_NAMES.get(n, EVERY) for i, n in own.items()}


def _box(entry: Any, where: str) -> list[float]:
    """Left, top, width, height of an annotation in pixels; where it has an outline alone, of the box round that."""
    box = entry.get("bbox") if isinstance(entry, dict) else None
    outline = entry.get("segmentation") if isinstance(entry, dict) else None
    if not box and isinstance(outline, list) and outline and all(isinstance(p, list) for p in outline):
        points = [v for part in outline for v in part]
        if all_numbers(points) and len(points) >= 6 and not any(len(part) % 2 for part in outline):
            x1, y1, x2, y2 = upright(points)
            return [x1, y1, x2 - x1, y2 - y1]
    if not isinstance(box, list) or len(box) != 4 or not all_numbers(box) or box[2] < 0 or box[3] < 0:
        raise InputError(f"{where}: bbox must be left, top, width, height in pixels, found {box!r}")
    return box


def _rows(content: dict[str, Any], path: Path, dialect: Dialect, classes: dict[int, int]) -> dict[int, list[tuple]]:
    """Collect (x1, y1, x2, y2, label, ignored, area) by image id; an image to leave out is missing."""
    rows: dict[int, list[tuple]] = {}
    for i, entry in enumerate(content["images"]):
        image = get(entry, "id", int, f"{path} images[{i}]")
        if image in rows:
            raise InputError(f"{path} images[{i}]: a second image with id {image}")
        rows[image] = []
    left_out = set()
    for i, entry in enumerate(content[dialect.annotations]):
        where = f"{path} {dialect.annotations}[{i}]"
        image, category = get(entry, "image_id", int, where), get(entry, "category_id", int, where)
        box = _box(entry, where)
        if image not in rows:
            raise InputError(f"{where}: there is no image with id {image}")
        of_none = category == 0 and any(entry.get(flag) for flag in dialect.flags)  # as our own JSON has regions
        if category not in classes and not of_none:
            raise InputError(f"{where}: there is no category with id {category}")
        label = classes.get(category, from_coco(entry))
        ignored = label < 0 or any(entry.get(flag) for flag in dialect.flags)
        x, y, w, h = box
        area = entry.get("area") if dialect.area else None
        if area is None or not all_numbers([area]) or area <= 0:
            area = w * h
        rows[image].append((x, y, x + w, y + h, label, ignored, area))
        if dialect.leave_out and entry.get(dialect.leave_out):
            left_out.add(image)
    return {image: found for image, found in rows.items() if image not in left_out}


def read_split(data: Dataset, split: str, path: Path, root: Path, dialect: Dialect) -> dict[str, int]:
    """Add the images of one JSON file to `data`.

    Args:
        data: takes the records, and from the first file its classes.
        split: the split they become.
        path: the JSON file.
        root: the folder of the data set, in and below which images are looked for.
        dialect: key names and classes.
    Returns:
        How many annotations are of each category that others name as their supercategory.
    """
    content = read_json(path, ("images", "categories", dialect.annotations))
    categories = _categories(content, path)
    classes = _classes(categories, path, data, dialect)
    data.categories[split] = {i: (categories[i], label) for i, label in classes.items()}
    rows = _rows(content, path, dialect, classes)
    places = [f"{path} images[{i}]" for i in range(len(content["images"]))]
    files = [get(e, dialect.file_name, str, where) for e, where in zip(content["images"], places, strict=True)]
    found = find_pictures(files, path, root, split, data)
    records, sizes = [], []
    for entry, (image, name), where in zip(content["images"], found, places, strict=True):
        if entry["id"] not in rows:
            data.drop(split, f"image marked {dialect.leave_out}")
        elif not image.name:
            data.drop(split, name)  # the reason
        else:
            mine = rows[entry["id"]]
            areas = np.array([r[6] for r in mine if not r[5]], float)
            record = record_of(image, name, [r[:6] for r in mine], id=entry["id"])
            records.append(record if record.fault else replace(record, areas=areas))
            sizes.append(stated_size(entry, where))
    data.splits[split] = settle(data, split, records, sizes)
    over = ((e["name"], e.get("supercategory")) for e in content["categories"])
    above = {str(parent) for name, parent in over if parent != name}
    used = Counter(entry["category_id"] for entry in content[dialect.annotations])
    return {name: used[i] for i, name in categories.items() if name in above}


def _leave_out_groups(data: Dataset, groups: Mapping[str, int]) -> None:
    """Take out the classes that only group others: of `groups`, which counts annotations, those with none."""
    empty = [i for i, name in enumerate(data.names) if groups.get(name) == 0]
    left = [i for i in range(len(data.names)) if i not in empty]
    if not empty or not left:
        return
    new = {old: i for i, old in enumerate(left)}
    for i in empty:
        data.notes.append(f"category {data.names[i]!r} is left out: it groups others, and no annotation is of it")
    renumber = np.vectorize(lambda k: new.get(k, k), otypes=[int])
    data.names = [data.names[i] for i in left]
    for split, of_split in data.splits.items():
        data.splits[split] = [
            replace(r, labels=renumber(r.labels), ignore_labels=renumber(r.ignore_labels)) for r in of_split
        ]
    for split, table in data.categories.items():
        data.categories[split] = {i: (n, new.get(k, k)) for i, (n, k) in table.items() if k not in empty}


def _json_files(source: Path) -> list[Path]:
    """The annotation files of a folder: COCO's instances_*.json where there are some, else every JSON in its place."""
    for pattern in ("annotations/*.json", "*.json", "*/*.json"):
        found = sorted(p for p in source.glob(pattern) if p.is_file())
        if found:
            return [p for p in found if p.name.startswith("instances_")] or found
    raise InputError(f"no JSON file in {source}, {source / 'annotations'} or a folder in it")


def read_coco(source: str | Path, dialect: Dialect = COCO) -> Dataset:
    """Read COCO JSON files and find their images.

    Classes are taken by name in the order of their ids. A crowd (or an annotation with `ignore`) is an ignore region
    of its class. A category that others name as their `supercategory` and that no annotation is of is no class.
    Images that are listed but absent are left out and counted. An annotation counts with its own `area`, in COCO that
    of the outline, where it has one. Boxes of pictures that their camera's tag turns are turned where the JSON does not
    know of that.

    Args:
        source: a folder with `annotations/*.json` (or JSON files in it, or one beside each split's images), or one
            JSON file. Images are looked for in `train2017`, `train`, `images/train`, `images` and beside the JSON.
        dialect: key names.

    Raises:
        InputError: nothing found, malformed JSON, an annotation without its image, category or box.
    """
    source = Path(source).expanduser()
    if source.is_file():
        paths, root = [source], source.parent.parent if source.parent.name == "annotations" else source.parent
    elif source.is_dir():
        paths, root = _json_files(source), source
    else:
        raise InputError(f"COCO source not found: there is no file or folder {source}")
    data = Dataset([], {})
    names = [p.stem if split_of(p.stem) else p.parent.name for p in paths]
    groups: Counter[str] = Counter()
    for split, path in by_split(paths, names).items():
        groups.update(read_split(data, split, path, root, dialect))
    _leave_out_groups(data, groups)
    return data
