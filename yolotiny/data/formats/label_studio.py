"""Label Studio: its JSON export, a list of tasks, one a picture."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ...errors import InputError
from ...image_files import IMAGES, list_images
from ...pictures.files import Unreadable, image_size
from ..records import Dataset, record_of, split_of
from .json_pictures import find_pictures
from .json_sizes import Size, settle, stated_size
from .reading import Named, all_numbers, load_json, names_among, numbered, read_xml, turned, upright

IGNORE = "ignore"  # the choice of a region that makes it an ignore region of its class
SPLIT = "split"  # the field of a task's data that names its split
UPLOAD = re.compile(r"^[0-9a-f]{8}-")  # what an upload puts before the name of a file
SHAPES = ("rectanglelabels", "polygonlabels", "ellipselabels")
OTHERS = ("brushlabels", "keypointlabels", "rectangle", "polygon", "ellipse", "brush", "keypoint")


def _box(value: Mapping[str, Any], size: Size, where: str) -> tuple[float, float, float, float]:
    """The upright box in pixels round a shape in percent of the picture."""
    points = value.get("points")
    if isinstance(points, list):
        flat = [v for point in points if isinstance(point, list) for v in point]
        if len(flat) < 6 or len(flat) != 2 * len(points) or not all_numbers(flat):
            raise InputError(f"{where}: points must be three or more pairs of numbers")
        return upright([v * size[i % 2] / 100 for i, v in enumerate(flat)])
    round_one = "radiusX" in value
    numbers: list[Any] = [
        value.get(k) for k in ("x", "y", *(("radiusX", "radiusY") if round_one else ("width", "height")))
    ]
    if not all_numbers(numbers) or min(numbers[2:]) < 0:
        raise InputError(f"{where}: x, y, width and height must be numbers in percent of the picture, found {numbers}")
    x, y, w, h = (v * size[i % 2] / 100 for i, v in enumerate(numbers))
    box, pivot = ((x - w, y - h, x + w, y + h) if round_one else (x, y, x + w, y + h)), (x, y)
    degrees = value.get("rotation") or 0
    if not all_numbers([degrees]):
        raise InputError(f"{where}: rotation must be a number of degrees, found {degrees!r}")
    return turned(box, degrees, pivot)


def _result(task: Mapping[str, Any], where: str, data: Dataset, split: str) -> list[Any] | None:
    """The regions of the first annotation of a task that was not cancelled; None where nobody annotated it."""
    made = task.get("annotations", task.get("completions"))
    if not isinstance(made, list) or not all(isinstance(one, Mapping) for one in made):
        raise InputError(f"{where}: it has no list 'annotations'; export from Label Studio as JSON")
    kept = [one for one in made if not (one.get("was_cancelled") or one.get("skipped"))]
    if not kept:
        data.drop(split, "task without an annotation")
        return None
    data.drop(split, "another annotation of the same task", len(kept) - 1)
    result = kept[0].get("result")
    if not isinstance(result, list) or not all(isinstance(one, Mapping) for one in result):
        raise InputError(f"{where}: its annotation has no list 'result'")
    return result


def _size(task: Mapping[str, Any], result: Sequence[Mapping[str, Any]], image: Path, where: str) -> Size | None:
    """The size in pixels that a task states; without one that of the file, None where it cannot be read."""
    for one in (task.get("data"), *result):
        if isinstance(one, Mapping) and "original_width" in one:
            entry = {"width": one.get("original_width"), "height": one.get("original_height")}
            if size := stated_size(entry, where):
                return size
    try:
        return image_size(image)
    except Unreadable:
        return None


def _rows(result: Sequence[Mapping[str, Any]], size: Size, where: str, data: Dataset, split: str) -> list[Named]:
    """The shapes among the regions of an annotation; other shapes are counted."""
    of = lambda one, kind: one["value"].get(kind) if isinstance(one.get("value"), Mapping) else None  # noqa: E731
    ignored = {one.get("id") for one in result if IGNORE in (of(one, "choices") or ())}
    rows: list[Named] = []
    for i, one in enumerate(result, 1):
        kind = one.get("type")
        if kind in OTHERS:
            data.drop(split, f"shape without a box or a label: {kind}")
        if kind not in SHAPES:
            continue
        labels = of(one, kind)
        if not isinstance(labels, list) or not labels or not isinstance(labels[0], str):
            raise InputError(f"{where} region {i}: it has no label")
        rows.append((*_box(one["value"], size, f"{where} region {i}"), labels[0], one.get("id") in ignored))
    return rows


def _picture(task: Any, where: str) -> str:
    """The file that a task names: of an address the path, of local files that behind `d=`."""
    inside = task.get("data") if isinstance(task, Mapping) else None
    if not isinstance(inside, Mapping):
        hint = "; it looks like JSON-MIN: export as JSON" if isinstance(task, Mapping) and "annotator" in task else ""
        raise InputError(f"{where}: it has no 'data'{hint}")
    texts = [inside.get("image"), *inside.values()]
    name = next((v for v in texts if isinstance(v, str) and any(kind in v.lower() for kind in IMAGES)), None)
    if name is None:
        raise InputError(f"{where}: its 'data' names no picture")
    parts = urlsplit(name)
    return parse_qs(parts.query).get("d", [unquote(parts.path)])[0] if parts.scheme or parts.query else name


def _files(source: Path) -> list[Path]:
    """The JSON files of a source."""
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise InputError(f"Label Studio source not found: there is no file or folder {source}")
    for pattern in ("tasks.json", "*.json", "*/*.json"):
        if found := sorted(source.glob(pattern)):
            return found
    raise InputError(f"no JSON file in {source}; export from Label Studio as JSON")


def _tasks(path: Path) -> list[Mapping[str, Any]]:
    """The tasks of a file; each names a picture."""
    tasks = load_json(path)
    if not isinstance(tasks, list) or not tasks:
        raise InputError(f"{path} is no list of tasks; export from Label Studio as JSON")
    for i, task in enumerate(tasks, 1):
        _picture(task, f"{path} task {i}")
    return tasks


def _split(task: Mapping[str, Any], path: Path, folder: Path) -> str:
    """Of its data, else of the file or its folder below the source, else train."""
    words = (str(task["data"].get(SPLIT) or ""), path.stem, "" if path.parent == folder else path.parent.name)
    return next((split for word in words if (split := split_of(word))), "train")


def _names(folder: Path, results: Sequence[Sequence[Mapping[str, Any]]], data: Dataset) -> list[str]:
    """The classes: those of the labelling configuration in its order, where it lies there, else those found."""
    config = folder / "config.xml"
    if config.is_file():
        return names_among([e.get("value", "") for e in read_xml(config).iter("Label") if e.get("value")], data)
    values = [(one.get("type"), one.get("value")) for result in results for one in result]
    lists = [value.get(kind) for kind, value in values if kind in SHAPES and isinstance(value, Mapping)]
    return names_among(sorted({n for names in lists for n in names or () if isinstance(n, str)}), data)


def read_label_studio(source: str | Path) -> Dataset:
    """Read the JSON export of Label Studio.

    Rectangles, turned ones too, polygons and ellipses count with the upright box round them; other shapes are counted
    and left out. Of several annotations of a task the first counts; a task that nobody annotated is left out, and so
    are predictions. A region with the choice `ignore` is an ignore region of its class, and one with the label `ignore`
    of every class. `split` in a task's data is its split; without one the name of the file or of its folder below
    the source says it, else it is train. Classes are those of `config.xml` beside the JSON, in its order, else those
    found, by name.

    Args:
        source: a folder with `tasks.json` (or other JSON files), or a JSON file. Pictures are found by the end of the
            names that tasks have for them, in `images`, below the folder, or beside the file.

    Raises:
        InputError: nothing found, not JSON, another format, a region without a label or with numbers that are none.
    """
    source = Path(source).expanduser()
    paths, folder = _files(source), source if source.is_dir() else source.parent
    data = Dataset([], {})
    kept: dict[tuple[Path, str], list[tuple[str, Mapping, str, list]]] = {}
    for path in paths:
        for i, task in enumerate(_tasks(path), 1):
            where, split = f"{path} task {i}", _split(task, path, folder)
            result = _result(task, where, data, split)
            if result is not None:
                kept.setdefault((path, split), []).append((where, task, _picture(task, where), result))
    if not kept:
        raise InputError(f"{paths[0]}: no task has an annotation")
    data.names = _names(folder, [result for rows in kept.values() for *_, result in rows], data)
    for (path, split), rows in kept.items():
        _read_split(data, split, path, folder, rows)
    return data


def _read_split(data: Dataset, split: str, path: Path, folder: Path, tasks: list[tuple]) -> None:
    """Add the pictures of a file that are of one split."""
    there = {image.name for image in list_images(folder)}
    names = [name if PurePosixPath(name).name in there else _without_upload(name) for _, _, name, _ in tasks]
    found = find_pictures(names, path, folder, split, data)
    records, sizes = [], []
    for (where, task, _, result), (image, name) in zip(tasks, found, strict=True):
        if not image.name:
            data.drop(split, name)  # the reason
            continue
        size = _size(task, result, image, where)
        rows = _rows(result, size, where, data, split) if size else []
        records.append(record_of(image, name, numbered(rows, data.names, where)))
        sizes.append(size)
    data.splits.setdefault(split, []).extend(settle(data, split, records, sizes))


def _without_upload(name: str) -> str:
    """The name that a file had before it was uploaded."""
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{UPLOAD.sub('', last)}"
