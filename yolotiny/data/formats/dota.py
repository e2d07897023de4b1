"""DOTA-v2.0: satellite pictures of up to 29,000 px with oriented polygons; and its layout with other classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from ...errors import InputError
from ...image_files import read_lines
from ..records import Dataset, existing_folder, record_of
from .reading import annotated, numbered, upright

# In the order of the public code; the web page lists another one.
NAMES = ["plane", "baseball-diamond", "bridge", "ground-track-field", "small-vehicle", "large-vehicle", "ship"]
NAMES += ["tennis-court", "basketball-court", "storage-tank", "soccer-ball-field", "roundabout", "harbor"]
NAMES += ["swimming-pool", "helicopter", "container-crane", "airport", "helipad"]


CLASSES = "classes.txt"  # in the source: classes of one's own, a line each


def read_annotation(path: Path, names: Sequence[str] = NAMES) -> list[tuple]:
    """Read one annotation file: `x1 y1 x2 y2 x3 y3 x4 y4 category difficult`.

    Header lines (`imagesource:...`, `gsd:...`) are skipped. A polygon becomes the upright box round it; a difficult
    object, an ignore region of its class; one called `ignore` of every class.

    Returns:
        (x1, y1, x2, y2, label, ignored) of each row, in pixels.
    Raises:
        InputError: a row without four points, an unknown class, a flag that is no number.
    """
    rows = []
    for i, line in enumerate(read_lines(path), 1):
        words = line.split()
        if not words or (len(words) < 9 and ":" in line):
            continue
        where = f"{path} row {i}"
        if not 9 <= len(words) <= 10:
            raise InputError(f"{where}: expected four points x y, a class and a difficult flag, found {line.strip()!r}")
        try:
            points = [float(v) for v in words[:8]]
            difficult = int(words[9]) if len(words) > 9 else 0
        except ValueError:
            points, difficult = [math.nan], 0
        if not all(map(math.isfinite, points)):
            raise InputError(f"{where}: expected eight numbers, a class and a difficult flag, found {line.strip()!r}")
        rows += numbered([(*upright(points), words[8], difficult > 0)], names, where)
    return rows


def _names(source: Path) -> list[str]:
    """The classes of the data set: those of `classes.txt` where there is one."""
    file = source / CLASSES
    if not file.is_file():
        return list(NAMES)
    names = [line.strip() for line in read_lines(file) if line.strip()]
    if not names or len(set(names)) < len(names):
        raise InputError(f"{file} must list the classes, a line each, none of them twice")
    return names


def _rows(path: Path, names: Sequence[str], source: Path) -> list[tuple]:
    """The rows of a file; what an unknown class means is said too."""
    try:
        return read_annotation(path, names)
    except InputError as error:
        own = "; classes of your own are listed in" if "unknown class" in str(error) else ""
        raise InputError(f"{error}{own and f'{own} {source / CLASSES}, a line each'}") from None


def _label_folder(place: Path) -> Path:
    """The folder of a split that holds the polygons; a second one with `hbb` in its name repeats them as boxes."""
    found = sorted({p.parent for p in place.glob("labelTxt*/**/*.txt")})
    oriented = [p for p in found if "hbb" not in p.name.lower()] or found
    if len(oriented) != 1:
        listed = "; keep one of " + ", ".join(map(str, oriented)) if oriented else ""
        raise InputError(f"expected one label folder {place / 'labelTxt*'}, found {len(oriented)}{listed}")
    return oriented[0]


def read_dota(source: str | Path) -> Dataset:
    """Read DOTA: v2.0, or v1.0 and v1.5, whose classes are among its 18; or its layout with classes of your own.

    Args:
        source: the folder that holds `{train,val}/images/P0000.png` and `{train,val}/labelTxt*/P0000.txt`, and
            `classes.txt` where the classes are others. DOTA's test pictures have no public labels and are not read;
            a test split with labels is.

    Raises:
        InputError: no split, an image without annotations, a malformed row, an unknown class.
    """
    source = existing_folder(source, "DOTA source")
    said = "oriented polygons became upright boxes (min/max of their points)"
    data = Dataset(_names(source), {}, notes=[said])
    for split in ("train", "val", "test"):
        labels = any((source / split).glob("labelTxt*"))
        if not (source / split / "images").is_dir() or (split == "test" and not labels):
            continue
        folder = _label_folder(source / split)
        data.splits[split] = [
            record_of(image, image.name, _rows(path, data.names, source))
            for image, path in annotated(source / split / "images", folder, ".txt", data, split)
        ]
    if not data.splits:
        raise InputError(f"no DOTA split in {source}: expected train/images, train/labelTxt and the like for val")
    return data
