"""SODA-A: satellite pictures of about 4,700x2,700 px, 872,069 oriented objects in nine classes."""

from __future__ import annotations

from pathlib import Path

from ...data_file import SPLITS
from ...errors import InputError
from ..records import EVERY, Dataset, existing_folder, record_of
from .reading import all_numbers, annotated, class_index, get, read_json, upright

NAMES = ["airplane", "helicopter", "small-vehicle", "large-vehicle", "ship", "container", "storage-tank"]
NAMES += ["swimming-pool", "windmill"]
CATEGORIES = [*NAMES, "ignore"]  # by id 0..9, where a file has no table of its own


def _categories(content: dict, path: Path) -> dict[int, int]:
    """Class index by category id, `EVERY` for ignore; by name where the file has a table of names."""
    table = content.get("categories") or [{"id": i, "name": name} for i, name in enumerate(CATEGORIES)]
    found = {}
    for i, entry in enumerate(table):
        where = f"{path} categories[{i}]"
        name = get(entry, "name", str, where).replace("_", "-").lower()
        number = get(entry, "id", int, where)
        found[number] = EVERY if name.startswith("ignore") else class_index(name, NAMES, where)
    return found


def read_annotation(path: Path, data: Dataset, split: str) -> list[tuple]:
    """Read the JSON of one picture: `annotations[]` with `poly`, four points, and `category_id`.

    Polygons of more than four points are left out and counted in `data`, as in the data set's own code; category 9 is
    an ignore region for every class.

    Returns:
        (x1, y1, x2, y2, label, ignored) of each annotation, in pixels.
    Raises:
        InputError: not JSON, a polygon of fewer than four points, an unknown category.
    """
    content = read_json(path, ("annotations",))
    classes = _categories(content, path)
    names = [*NAMES, "ignore"]
    data.categories.setdefault(split, {}).update({i: (names[k], k) for i, k in classes.items()})
    rows = []
    for i, entry in enumerate(content["annotations"]):
        where = f"{path} annotations[{i}]"
        poly, category = get(entry, "poly", list, where), get(entry, "category_id", int, where)
        if len(poly) < 8 or not all_numbers(poly):
            raise InputError(f"{where}: poly must be four points x, y, found {poly}")
        if category not in classes and category != len(NAMES):
            raise InputError(f"{where}: unknown class {category}; there are 0 to 8, and 9 for what is ignored")
        label = classes.get(category, EVERY)
        if len(poly) > 8:
            data.drop(split, "polygon of more than four points")
        else:
            rows.append((*upright(poly), label, label < 0))
    return rows


def read_soda_a(source: str | Path) -> Dataset:
    """Read SODA-A.

    Args:
        source: the folder that holds `rawData/{train,val,test}/Images` and `Annotations`, or `rawData` itself. Where
            there is `AnnsWithIgnore`, the annotations before the ignored ones were filtered out, it is read instead.

    Raises:
        InputError: no split, an image without annotations, a malformed file.
    """
    root = existing_folder(source, "SODA-A source")
    root = root / "rawData" if (root / "rawData").is_dir() else root
    data = Dataset(list(NAMES), {}, notes=["oriented polygons became upright boxes (min/max of their points)"])
    for split in SPLITS:
        if not (root / split / "Images").is_dir():
            continue
        whole = root / split / "AnnsWithIgnore"
        folder = whole if whole.is_dir() else root / split / "Annotations"
        data.splits[split] = [
            record_of(image, image.name, read_annotation(path, data, split))
            for image, path in annotated(root / split / "Images", folder, ".json", data, split)
        ]
    if not data.splits:
        raise InputError(f"no SODA-A split in {root}: expected rawData/train/Images and rawData/train/Annotations")
    return data
