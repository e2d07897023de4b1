"""A picture with its labels, read as training reads them, where a bad row becomes a problem instead of an error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...image_files import side_file
from ..labels import RowProblem, ignore_file, parse_regions, read_rows


@dataclass(frozen=True)
class Problem:
    """Something wrong with a data set.

    Attributes:
        kind: a key of `checks.KINDS`.
        file: where it is.
        row: line of the file, or number of the entry, from 1; None where the whole file is meant.
        note: what stands there.
    """

    kind: str
    file: Path
    row: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Sample:
    """One picture with its objects.

    Attributes:
        image: the file.
        split: the split it is in.
        width, height: pixels, as a viewer shows it.
        boxes: (N, 4) xyxy, pixels of the picture, cut to it.
        labels: (N,) class index.
        rows: (N,) line of the label file each box stands in.
        ignore: (K, 4) xyxy, pixels, cut to the picture.
        problems: the rows that are no boxes of this data set.
        reach: (N,) how far each box was written over the edge, pixels; None where that is not known.
    """

    image: Path
    split: str
    width: int
    height: int
    boxes: np.ndarray
    labels: np.ndarray
    rows: np.ndarray
    ignore: np.ndarray
    problems: tuple[Problem, ...] = ()
    reach: np.ndarray | None = None

    @property
    def label_file(self) -> Path:
        """Where its labels are, or would be."""
        return side_file(self.image, "labels")

    @property
    def ignore_file(self) -> Path:
        """Where its ignore regions are, or would be."""
        return ignore_file(self.label_file)


def read_sample(image: Path, split: str, size: tuple[int, int], nc: int) -> Sample:
    """Read the labels and ignore regions of a picture; a missing file is an empty one.

    Args:
        image: the picture.
        split: its split.
        size: (width, height), pixels.
        nc: number of classes.
    """
    label = side_file(image, "labels")
    objects, regions = read_rows(label, nc), read_rows(ignore_file(label), nc, parse_regions)
    return Sample(
        image,
        split,
        *size,
        objects.corners * np.tile(size, 2),
        objects.labels,
        objects.lines,
        regions.corners * np.tile(size, 2),
        (*_named(objects.problems, label), *_named(regions.problems, ignore_file(label), "ignore row")),
        objects.reach(*size),
    )


def _named(problems: Iterable[RowProblem], file: Path, kind: str | None = None) -> list[Problem]:
    """What is wrong with the rows of a file, all of it of one kind where that is given."""
    return [Problem(kind or p.kind, file, p.row, p.text) for p in problems]
