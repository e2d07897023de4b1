"""What is written of a picture in the format of another tool: its boxes with the names of their labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from ..data.records import MIN_SIDE, Dataset, Record, box_areas, clip
from ..data.writer import flat_names
from ..errors import InputError
from ..ignore import REGION_NAME, REGION_NAMES
from ..text import printable


@dataclass(frozen=True)
class Shape:
    """A box.

    Attributes:
        box: x1, y1, x2, y2, pixels, inside the picture.
        label: name of its class, or of a region of every class, see `ignore.REGION_NAMES`.
        ignored: it is an ignore region.
        area: square pixels by which protocols sort objects into sizes.
        score: how sure a detector is of it; None where a person drew it.
        remark: what a person is to look at; "" for nothing.
    """

    box: tuple[float, float, float, float]
    label: str
    ignored: bool
    area: float
    score: float | None = None
    remark: str = ""


@dataclass(frozen=True)
class Page:
    """A picture.

    Attributes:
        split: the split it is of.
        name: its name inside the split, with `/` between folders.
        image: the file.
        width, height: pixels.
        shapes: objects, then ignore regions.
        drawn: a person has labelled it, with nothing in it perhaps.
        doubt: how doubtful its labels are, 0 to 1, where it is to be reviewed.
    """

    split: str
    name: str
    image: Path
    width: int
    height: int
    shapes: tuple[Shape, ...]
    drawn: bool = True
    doubt: float | None = None


def pages_of(data: Dataset, together: bool = False) -> tuple[list[Page], Counter[str]]:
    """The pictures of a data set in its order, and how many boxes were dropped, by reason.

    Args:
        data: records by split.
        together: the pictures of all splits lie in one folder, so that no two may have one name.

    Raises:
        InputError: a class has the name of an ignore region, two pictures share a name, or one has a name that no file
            of annotations can hold.
    """
    if taken := [name for name in data.names if name in REGION_NAMES]:
        raise InputError(
            f"class {taken[0]!r} has the name of ignore regions; give it another one: "
            f"classes={{{taken[0]}: {taken[0]}-class}}"
        )
    dropped: Counter[str] = Counter()
    pages = []
    for split, records in data.splits.items():
        for record, name in zip(records, flat_names(records), strict=True):
            if printable(name) != name:
                raise InputError(f"picture {printable(record.image)}: rename it; no other tool knows such letters")
            shapes = _shapes(record, data.names, dropped)
            drawn = record.scores is None
            pages.append(Page(split, name, record.image, record.width, record.height, shapes, drawn))
    stems = Counter(PurePosixPath(page.name).stem for page in pages)
    if together and len(stems) < len(pages):
        pages = [replace(page, name=f"{page.split}_{page.name}") for page in pages]
    return pages, dropped


def _shapes(record: Record, names: Sequence[str], dropped: Counter[str]) -> tuple[Shape, ...]:
    """The boxes of a picture, cut to it."""
    areas = box_areas(record.boxes) if record.areas is None else record.areas
    scores: Sequence[float | None] = [None] * len(areas) if record.scores is None else record.scores.tolist()
    made = []
    boxes, kept = clip(record.boxes, record.width, record.height)
    for i in np.flatnonzero(kept).tolist():
        made.append(Shape(_rounded(boxes[i]), names[record.labels[i]], False, float(areas[i]), scores[i]))
    regions, inside = clip(record.ignore, record.width, record.height)
    for i in np.flatnonzero(inside).tolist():
        label = int(record.ignore_labels[i])
        name = REGION_NAME[label] if label < 0 else names[label]
        made.append(Shape(_rounded(regions[i]), name, True, float(box_areas(regions[i : i + 1])[0])))
    if count := int((~kept).sum() + (~inside).sum()):
        dropped[f"box below {MIN_SIDE:g} px inside the image"] += count
    return tuple(made)


def _rounded(box: np.ndarray) -> tuple[float, float, float, float]:
    """A box to a ten-thousandth of a pixel, which hides the rounding of shares."""
    x1, y1, x2, y2 = (round(float(v), 4) for v in box)
    return x1, y1, x2, y2
