"""DOTA-v2.0: satellite pictures of up to 29,000 px with oriented polygons."""

from __future__ import annotations

import math
from pathlib import Path

from ...errors import InputError
from ...image_files import read_lines
from ..records import Dataset, existing_folder, record_of
from .reading import annotated, class_index, upright

# In the order of the public code; the web page lists another one.
NAMES = ["plane", "baseball-diamond", "bridge", "ground-track-field", "small-vehicle", "large-vehicle", "ship"]
NAMES += ["tennis-court", "basketball-court", "storage-tank", "soccer-ball-field", "roundabout", "harbor"]
NAMES += ["swimming-pool", "helicopter", "container-crane", "airport", "helipad"]


def read_annotation(path: Path) -> list[tuple]:
    """Read one annotation file: `x1 y1 x2 y2 x3 y3 x4 y4 category difficult`.

    Header lines (`imagesource:...`, `gsd:...`) are skipped. A polygon becomes the upright box round it; a difficult
    object, an ignore region of its class.

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
        rows.append((*upright(points), class_index(words[8], NAMES, where), difficult > 0))
    return rows


def _label_folder(place: Path) -> Path:
    """The folder of a split that holds the polygons; a second one with `hbb` in its name repeats them as boxes."""
    found = sorted({p.parent for p in place.glob("labelTxt*/**/*.txt")})
    oriented = [p for p in found if "hbb" not in p.name.lower()] or found
    if len(oriented) != 1:
        listed = "; keep one of " + ", ".join(map(str, oriented)) if oriented else ""
        raise InputError(f"expected one label folder {place / 'labelTxt*'}, found {len(oriented)}{listed}")
    return oriented[0]


def read_dota(source: str | Path) -> Dataset:
    """Read DOTA: v2.0, or v1.0 and v1.5, whose classes are among its 18.

    Args:
        source: the folder that holds `{train,val}/images/P0000.png` and `{train,val}/labelTxt*/P0000.txt`. The test
            pictures have no public labels and are not read.

    Raises:
        InputError: no split, an image without annotations, a malformed row, an unknown class.
    """
    source = existing_folder(source, "DOTA source")
    data = Dataset(list(NAMES), {}, notes=["oriented polygons became upright boxes (min/max of their points)"])
    for split in ("train", "val"):
        if not (source / split / "images").is_dir():
            continue
        folder = _label_folder(source / split)
        data.splits[split] = [
            record_of(image, image.name, read_annotation(path))
            for image, path in annotated(source / split / "images", folder, ".txt", data, split)
        ]
    if not data.splits:
        raise InputError(f"no DOTA split in {source}: expected train/images, train/labelTxt and the like for val")
    return data
