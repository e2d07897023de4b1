"""COCO-like JSON files: the plain format, and HIT-UAV with its own key names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, did_you_mean
from .records import Dataset, Record, by_split, image_size, split_of


@dataclass(frozen=True)
class Dialect:
    """How a COCO-like JSON names its parts.

    Attributes:
        annotations, file_name: the keys of the annotation list and of an image's file.
        ignore: categories that are ignore regions for every class, not classes.
    """

    annotations: str = "annotations"
    file_name: str = "file_name"
    ignore: tuple[str, ...] = ()


COCO = Dialect()
HIT_UAV = Dialect("annotation", "filename", ("DontCare",))


def _load(path: Path, dialect: Dialect) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as e:
        raise InputError(f"{path} is not a JSON file: {e}") from None
    for key in ("images", "categories", dialect.annotations):
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            keys = content if isinstance(content, dict) else ()
            raise InputError(f"{path} has no list {key!r}{did_you_mean(key, keys)}")
    return content


def _get(entry: Any, key: str, kind: type | tuple[type, ...], where: str) -> Any:
    """Return entry[key] and insist on its type; `where` names file and row."""
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InputError(f"{where}: {key!r} is missing or not of the right kind ({value!r})")
    return value


def _categories(content: dict[str, Any], path: Path) -> dict[int, str]:
    """Category names by id, in id order; a name may stand only once."""
    found: dict[int, str] = {}
    for i, entry in enumerate(content["categories"]):
        where = f"{path} categories[{i}]"
        found[_get(entry, "id", int, where)] = _get(entry, "name", str, where)
    if len(set(found.values())) < len(content["categories"]):
        raise InputError(f"{path}: two categories share an id or a name")
    return dict(sorted(found.items()))


def _boxes(content: dict[str, Any], path: Path, dialect: Dialect, classes: dict[int, int]) -> dict[int, list[tuple]]:
    """Collect (x1, y1, x2, y2, label, ignored) by image id; label -1 stands for every class."""
    rows: dict[int, list[tuple]] = {}
    for i, entry in enumerate(content["images"]):
        rows[_get(entry, "id", int, f"{path} images[{i}]")] = []
    for i, entry in enumerate(content[dialect.annotations]):
        where = f"{path} {dialect.annotations}[{i}]"
        image, category = _get(entry, "image_id", int, where), _get(entry, "category_id", int, where)
        box = _get(entry, "bbox", list, where)
        if image not in rows:
            raise InputError(f"{where}: there is no image with id {image}")
        if category not in classes:
            raise InputError(f"{where}: there is no category with id {category}")
        numbers = len(box) == 4 and all(isinstance(v, int | float) and np.isfinite(v) for v in box)
        if not numbers or box[2] < 0 or box[3] < 0:
            raise InputError(f"{where}: bbox must be left, top, width, height in pixels, found {box}")
        label = classes[category]
        ignored = label < 0 or bool(entry.get("iscrowd")) or bool(entry.get("ignore"))
        x, y, w, h = box
        rows[image].append((x, y, x + w, y + h, label, ignored))
    return rows


def _image_folder(files: list[str], path: Path, root: Path, split: str) -> Path:
    """Find the folder that holds the files a JSON lists."""
    stem = path.stem.removeprefix("instances_")
    other = {"val": ["valid", "validation"], "test": ["test-dev"]}.get(split, [])
    names = [stem, split, *other]
    folders = [root / n for n in names] + [root / "images" / n for n in names] + [root / "images", path.parent, root]
    for folder in folders:
        if any((folder / f).is_file() for f in files):
            return folder
    raise InputError(f"none of the {len(files)} images of {path} found; looked in {', '.join(map(str, folders))}")


def _read_split(data: Dataset, split: str, path: Path, root: Path, dialect: Dialect) -> None:
    """Add the records of one JSON file to `data`."""
    content = _load(path, dialect)
    categories = _categories(content, path)
    names = [n for n in categories.values() if n not in dialect.ignore]
    if not data.names:
        data.names = names
    unknown = [n for n in names if n not in data.names]
    if unknown:
        others = did_you_mean(unknown[0], data.names)
        raise InputError(f"{path}: category {unknown[0]!r} is not in the first split's JSON{others}")
    classes = {i: data.names.index(n) if n in data.names else -1 for i, n in categories.items()}
    rows = _boxes(content, path, dialect, classes)
    files = [_get(e, dialect.file_name, str, f"{path} images[{i}]") for i, e in enumerate(content["images"])]
    folder = _image_folder(files, path, root, split)
    data.splits[split] = []
    for entry, file in zip(content["images"], files, strict=True):
        image = folder / file
        if not image.is_file():
            data.drop(split, "image file missing")
            continue
        size = image_size(image)
        if size != (entry.get("width", size[0]), entry.get("height", size[1])):
            data.drop(split, "image size differs from the JSON")
            continue
        table = np.array(rows[entry["id"]], dtype=float).reshape(-1, 6)
        boxes, labels, ignored = table[:, :4], table[:, 4].astype(int), table[:, 5] > 0
        data.splits[split].append(
            Record(
                image, file, *size, boxes[~ignored], labels[~ignored], boxes[ignored], labels[ignored], id=entry["id"]
            )
        )


def _json_files(source: Path) -> list[Path]:
    """The annotation files of a folder: COCO's instances_*.json where there are some, else every JSON in its place."""
    for pattern in ("annotations/*.json", "*.json", "*/*.json"):
        found = sorted(p for p in source.glob(pattern) if p.is_file())
        if found:
            return [p for p in found if p.name.startswith("instances_")] or found
    raise InputError(f"no JSON file in {source}, {source / 'annotations'} or a folder in it")


def read_coco(source: str | Path, dialect: Dialect = COCO) -> Dataset:
    """Read COCO JSON files and find their images.

    Classes are taken by name in the order of their ids. A crowd (or an annotation with `ignore`) is an ignore region.
    Images that are listed but absent are left out and counted.

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
    for split, path in by_split(paths, names).items():
        _read_split(data, split, path, root, dialect)
    return data


def read_hit_uav(source: str | Path) -> Dataset:
    """Read HIT-UAV: `annotations/{train,val,test}.json` and image folders of the same names.

    Its JSON says `annotation` and `filename`; boxes are left, top, width, height in pixels (its own README says
    centre, which the pictures contradict). DontCare is an ignore region for every class.
    """
    return read_coco(source, HIT_UAV)
