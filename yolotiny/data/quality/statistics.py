"""`yolotiny data stats`: what a data set is made of, as far as it decides on imgsz, levels, crops and max_det."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...data_file import find_file, read_data_file
from ...errors import InputError
from ...pictures.depth import Depth
from ...pictures.files import image_size
from ...pictures.reader import PictureReader
from ...pictures.survey import survey
from ..writer import Progress
from .clustering import FEWEST, area_if_even, area_of_most, tiles
from .samples import Sample, read_sample

SIZES = {"very tiny": (0, 8), "tiny": (8, 16), "small": (16, 32), "medium": (32, 64), "large": (64, np.inf)}  # pixels


@dataclass(frozen=True)
class Stats:
    """What a split is made of. Sides are square roots of areas, boxes are cut to their picture.

    Attributes:
        data, split, imgsz: what was asked for; imgsz is the longer side of a picture at the network's input, pixels.
        names: class names.
        samples: the pictures with their boxes.
        left_out: what could not be used, by reason.
        seen: what there is to know of the bands and the depth of the pictures, a line each.
    """

    data: Path
    split: str
    imgsz: int
    names: list[str]
    samples: Sequence[Sample]
    left_out: Counter
    seen: Sequence[str] = ()

    def __str__(self) -> str:
        from .stats_report import as_dict, as_text  # which looks at figures of this file

        return as_text(as_dict(self))

    @cached_property
    def shapes(self) -> np.ndarray:
        """(P, 2) width and height of the pictures, pixels."""
        return np.array([(s.width, s.height) for s in self.samples], float).reshape(-1, 2)

    @cached_property
    def counts(self) -> np.ndarray:
        """(P,) objects in each picture."""
        return np.array([len(s.boxes) for s in self.samples], int)

    @cached_property
    def labels(self) -> np.ndarray:
        """(N,) class of every object."""
        return np.concatenate([s.labels for s in self.samples] or [np.zeros(0, int)])

    @cached_property
    def wh(self) -> np.ndarray:
        """(N, 2) width and height of every object, pixels of the picture, without the rounding of label files."""
        boxes = np.concatenate([s.boxes for s in self.samples] or [np.zeros((0, 4))])
        return (boxes[:, 2:] - boxes[:, :2]).round(3)

    @cached_property
    def sides(self) -> np.ndarray:
        """(N,) square root of the area of every object, pixels of the picture."""
        return np.sqrt(self.wh.prod(1))

    @cached_property
    def longest(self) -> np.ndarray:
        """(N,) the longer side of the picture that each object is in."""
        return np.repeat(self.shapes.max(1, initial=0), self.counts)

    @property
    def scale(self) -> np.ndarray:
        """(N,) factor from pixels of the picture to pixels at imgsz, for each object."""
        return self.imgsz / self.longest

    @cached_property
    def centres(self) -> list[np.ndarray]:
        """For each picture, (n, 2) centres of its objects as shares of it."""
        return [(s.boxes[:, :2] + s.boxes[:, 2:]) / 2 / [s.width, s.height] for s in self.samples]

    @cached_property
    def per_class(self) -> dict[str, tuple[int, int, int]]:
        """By class: objects, pictures that have some, and most objects in one picture."""
        table = np.array([np.bincount(s.labels, minlength=len(self.names)) for s in self.samples])
        table = table.reshape(-1, len(self.names))
        columns = (table.sum(0), (table > 0).sum(0), table.max(0, initial=0))
        return {name: (int(a), int(b), int(c)) for name, a, b, c in zip(self.names, *columns, strict=True)}

    @cached_property
    def clustering(self) -> tuple[int, float, float]:
        """Pictures with ten objects or more; over these, the mean area share of 90 % of the objects, and if even."""
        crowded = [c for c in self.centres if len(c) >= FEWEST]
        if not crowded:
            return 0, float("nan"), float("nan")
        found, even = (np.mean([f(c) for c in crowded]) for f in (area_of_most, lambda c: area_if_even(len(c))))
        return len(crowded), float(found), float(even)

    @cached_property
    def tiling(self) -> tuple[float, float]:
        """Tiles of imgsz pixels, at full size: mean number a picture, share of all that hold no object's centre."""
        pairs = zip(self.samples, self.centres, strict=True)
        found = np.array([tiles(s.width, s.height, c, self.imgsz) for s, c in pairs])
        return float(found[:, 0].mean()), float(found[:, 1].sum() / found[:, 0].sum())

    @cached_property
    def crowding(self) -> float:
        """Share of the objects whose centre lies in the same 8 px cell at imgsz as that of another one."""
        together = 0
        for s, c in zip(self.samples, self.centres, strict=True):
            scale = self.imgsz / max(s.width, s.height)
            _, n = np.unique((c * [s.width, s.height] * scale // 8).astype(int), axis=0, return_counts=True)
            together += int(n[n > 1].sum())
        return together / max(1, len(self.labels))

    @cached_property
    def regions(self) -> tuple[int, int, float]:
        """Ignore regions, pictures that have some, and their share of the area of all pictures (overlaps twice)."""
        wh = [np.clip(s.ignore, 0, [s.width, s.height] * 2) for s in self.samples]
        area = sum(float((b[:, 2:] - b[:, :2]).prod(1).sum()) for b in wh)
        total = float(self.shapes.prod(1).sum())
        return sum(map(len, wh)), sum(len(b) > 0 for b in wh), area / total

    def by_size(self, sides: np.ndarray) -> dict[str, int]:
        """Count objects by their (n,) sides, pixels; a side on a bound belongs to the larger size: each counts once."""
        return {name: int(((sides >= lo) & (sides < hi)).sum()) for name, (lo, hi) in SIZES.items()}


def stats(
    data: str | Path,
    imgsz: int = 640,
    split: str = "train",
    bands: Any = None,
    stretch: Any = "auto",
    progress: Progress | None = None,
) -> Stats:
    """Measure one split of a data set; bad rows and pictures are left out and counted.

    Args:
        data: a data.yaml, the folder that holds it, or a name in cfg/datasets.
        imgsz: training size, pixels of the longer side.
        split: train, val or test.
        bands, stretch: as training will be given them, see `depth.Depth`.
        progress: called with (split, done, total) after each picture.

    Raises:
        InputError: the data.yaml cannot be used, it has no such split, or nothing is in it.
    """
    if not isinstance(imgsz, int) or imgsz < 1:
        raise InputError(f"imgsz={imgsz}: give a whole number of pixels, from 1 up")
    file = read_data_file(find_file(data))
    listed = file.usable(str(split))[str(split)]
    seen = survey(PictureReader(Depth.of(bands, stretch), file.channels), listed.images)
    left_out, samples = Counter(listed.left_out), []
    for done, image in enumerate(listed.images, 1):
        if progress:
            progress(split, done, len(listed.images))
        try:
            size = image_size(image)
        except InputError:
            left_out["pictures that cannot be read"] += 1
            continue
        sample = read_sample(image, split, size, len(file.names))
        left_out["rows that are no boxes"] += len(sample.problems)
        samples.append(sample)
    found = Stats(file.file, split, imgsz, file.names, samples, +left_out, seen)
    if not len(found.labels):
        raise InputError(f"{file.file}: no object in the {len(listed.images)} pictures of {split}")
    return found
