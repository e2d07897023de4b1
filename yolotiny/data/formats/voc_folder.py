"""The layout of PASCAL VOC with classes of one's own, as labelling tools write it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import InputError
from ...image_files import list_images, read_lines
from ..records import Dataset, record_of, split_of
from .reading import Named, images_by_stem, names_among, numbered, read_xml, unused_files

LABELS = ("labelmap.txt", "labels.txt", "classes.txt")  # lists of the classes, a line each, more behind a colon


def read_rows(path: Path) -> list[Named]:
    """Read one XML file.

    Pixels count from 1 there and both ends belong to the box, so 1 is taken from xmin and ymin. A difficult object is
    an ignore region of its class.

    Returns:
        (x1, y1, x2, y2, name, ignored) of each object, in pixels.
    Raises:
        InputError: no such file, not XML, an object without name or box.
    """
    rows: list[Named] = []
    for i, item in enumerate(read_xml(path).findall("object"), 1):
        where = f"{path} object {i}"
        try:
            x1, y1, x2, y2 = (float(item.findtext(f"bndbox/{k}", "")) for k in ("xmin", "ymin", "xmax", "ymax"))
        except ValueError:
            x1 = y1 = x2 = y2 = math.nan
        if not all(map(math.isfinite, (x1, y1, x2, y2))):
            raise InputError(f"{where}: bndbox needs numbers xmin, ymin, xmax, ymax")
        if x2 < x1 or y2 < y1:
            raise InputError(f"{where}: bndbox ends before it begins ({x1:g},{y1:g} to {x2:g},{y2:g})")
        name = item.findtext("name", "").strip()
        rows.append((x1 - 1, y1 - 1, x2, y2, name, item.findtext("difficult", "0").strip() == "1"))
    return rows


def _folders(root: Path) -> dict[str, tuple[Path, Path]]:
    """Folder of the pictures and folder of the XML files by split; the split "" where lists tell it."""
    for pictures in ("JPEGImages", "images"):
        if (root / "Annotations").is_dir() and (root / pictures).is_dir():
            return {"": (root / pictures, root / "Annotations")}
    found: dict[str, tuple[Path, Path]] = {}
    for folder in sorted(p for p in root.iterdir() if p.is_dir() and split_of(p.name)):
        if not any(folder.glob("*.xml")):
            continue
        split = split_of(folder.name) or ""
        if split in found:
            raise InputError(f"two sources for split {split!r}: {found[split][0]} and {folder}; keep one of them")
        found[split] = folder, folder
    if not found and any(root.glob("*.xml")) and list_images(root):
        return {"train": (root, root)}
    return found


def _lists(root: Path, stems: Sequence[str]) -> dict[str, list[str]]:
    """The stems of each split: as `ImageSets/Main` has it, else all of them train."""
    files = {p.stem: p for p in sorted((root / "ImageSets" / "Main").glob("*.txt")) if "_" not in p.stem}
    if "train" in files:
        files.pop("trainval", None)  # it repeats train and val
    found: dict[str, list[str]] = {}
    for name, path in files.items():
        lines = [line.strip() for line in read_lines(path) if line.strip()]
        rows = [line if line in stems else line.split()[0] for line in lines]  # a flag may follow
        found.setdefault(split_of(name) or "train", []).extend(rows)
    return {split: list(dict.fromkeys(rows)) for split, rows in found.items()} or {"train": list(stems)}


def _pictures(root: Path) -> Iterator[tuple[str, Path, Path]]:
    """(split, picture, XML file) of all; where there are lists, of those that are listed."""
    for split, (folder, of_xml) in _folders(root).items():
        images = images_by_stem(folder)
        for name, stems in ({split: list(images)} if split else _lists(root, list(images))).items():
            for stem in stems:
                if stem not in images:
                    raise InputError(f"{root / 'ImageSets' / 'Main'} lists {stem!r}, but there is no picture {stem}.*")
                path = of_xml / f"{stem}.xml"
                if not path.is_file():
                    raise InputError(f"image {images[stem]} has no annotation file {path}")
                yield name, images[stem], path


def read_voc_folder(root: Path) -> Dataset | None:
    """Read a folder in the layout of VOC.

    Classes are those of `labelmap.txt` (or `labels.txt`, `classes.txt`) in its order, where there is one, else those
    found, by name. A difficult object is an ignore region of its class, one called `ignore` of every class.

    Args:
        root: holds `JPEGImages` (or `images`), `Annotations` and perhaps `ImageSets/Main/{train,val,test}.txt`; or
            `train`, `val`, `test` with pictures and XML files side by side, or these themselves.

    Returns:
        None where it is no such folder.
    Raises:
        InputError: a picture without an XML file, a malformed one, a class that the list has not.
    """
    data = Dataset([], {})
    read = [(split, image, path, read_rows(path)) for split, image, path in _pictures(root)]
    if not read:
        return None
    file = next((root / name for name in LABELS if (root / name).is_file()), None)
    if file:
        lines = [line.split(":")[0].strip() for line in read_lines(file) if not line.startswith("#")]
        data.names = names_among([name for name in lines if name not in ("", "background")], data)
    else:
        data.names = names_among(sorted({row[4] for *_, rows in read for row in rows}), data)
    for split, image, path, rows in read:
        data.splits.setdefault(split, []).append(record_of(image, image.name, numbered(rows, data.names, str(path))))
    for split, (_, of_xml) in _folders(root).items():
        count = unused_files(of_xml, ".xml", [path.stem for _, _, path, _ in read if path.parent == of_xml])
        data.drop(split or next(iter(data.splits)), "annotation file without an image, or on no list", count)
    return data
