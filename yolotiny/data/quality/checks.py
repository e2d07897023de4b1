"""`yolotiny data check`: all that is wrong with a data set at once, by file and row; nothing on disk is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...image_files import labels_expected
from ...pictures.depth import Depth
from ...pictures.reader import PictureReader
from ...pictures.survey import survey
from ..class_counts import gaps
from ..writer import Progress
from .box_checks import check_boxes
from .decoding import decode_all
from .folder_checks import check_folders
from .json_check import check_json
from .leaks import Fingerprint, identical, near, sequences
from .listing import Listing, check_listing, read_listing
from .overlaps import overlaps
from .samples import Problem, Sample, read_sample
from .tile_names import Sized, copies, scenes

# What is found: with an error training stops, loses something without a word, or gives figures that mean nothing.
ERRORS = {
    "absent": "a list names a picture that does not exist",
    "no pictures": "splits without a picture; training needs train and val",
    "no objects": "train splits without a single object",
    "unreadable": "pictures that cannot be read to their end",
    "row": "label rows that are not 'class cx cy w h'",
    "class": "classes that the data.yaml does not name",
    "outside": "boxes outside the picture",
    "flat": "boxes without width or height",
    "shared": "pictures that share one label file",
    "ignore row": "rows of ignore files that are not 'cx cy w h', or with a class behind",
    "json": "annotation files that cannot be read",
    "json differs": "annotations that differ from the labels",
    "leak": "pictures that are in two splits",
}
WARNINGS = {
    "no test": "test splits that are not there, which training does not need",
    "near leak": "pictures nearly equal to one of another split",
    "overlap": "pictures that show part of one of another split",
    "scene overlap": "scenes with tiles in two splits, some of which share pixels",
    "scene": "scenes with tiles in two splits, by their names",
    "copy": "pictures with copies in two splits, by the names that Roboflow gives",
    "sequence": "videos with frames in two splits, by their names",
    "twin": "pictures that are in one split twice",
    "background": "val or test splits without a single object, of which figures say nothing",
    "class gap": "classes with objects in one of train and val only",
    "no labels": "pictures without a label file, taken as background",
    "no picture": "label and ignore files without a picture",
    "duplicate": "boxes that are there twice (IoU above 0.95)",
    "two classes": "boxes of two classes in one place (IoU above 0.95)",
    "over edge": "boxes that reach over the edge by more than 2 px, cut there in training",
    "below 2 px": "boxes with less than 2 px at imgsz",
    "json more": "annotation files with pictures that the split lacks",
}
KINDS = ERRORS | WARNINGS


@dataclass(frozen=True)
class Report:
    """What a check found; `print(report)` shows it.

    Attributes:
        data: the data.yaml.
        root: the folder that file names are shown from.
        imgsz: the training size that "2 px" is meant at.
        pictures: number of pictures by split.
        boxes: number of boxes.
        problems: all of them, in the order of KINDS.
        left_out: files that are no pictures of it in spite of their suffix, by reason.
        seen: what there is to know of the bands and the depth of the pictures, a line each.
    """

    data: Path
    root: Path
    imgsz: int
    pictures: dict[str, int]
    boxes: int
    problems: list[Problem]
    left_out: Counter[str] = field(default_factory=Counter)
    seen: list[str] = field(default_factory=list)

    @property
    def errors(self) -> int:
        """Number of problems that are errors."""
        return sum(p.kind in ERRORS for p in self.problems)

    @property
    def warnings(self) -> int:
        """Number of problems that are not."""
        return len(self.problems) - self.errors

    def __str__(self) -> str:
        """A line for each kind that was found, with the first three examples."""
        splits = ", ".join(f"{split} {n}" for split, n in self.pictures.items())
        lines = [f"{self.data}: {sum(self.pictures.values())} pictures ({splits}), {self.boxes} boxes"]
        lines += [f"{n} left out: {reason}" for reason, n in sorted(self.left_out.items())]
        lines += self.seen
        counts = Counter(p.kind for p in self.problems)
        for title, kinds in (("error", ERRORS), ("warning", WARNINGS)):
            for kind in (k for k in kinds if k in counts):
                lines.append(f"{title:<8}{counts[kind]:>7}  {KINDS[kind]}")
                lines += [f"{'':17}{self._where(p)}" for p in self._first(kind, 3)]
                if counts[kind] > 3:
                    lines.append(f"{'':17}...")
        return "\n".join([*lines, f"{self.errors} errors, {self.warnings} warnings (boxes at imgsz={self.imgsz})"])

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        rows = [asdict(p) | {"file": str(p.file), "level": self._level(p)} for p in self.problems]
        head = {"data": str(self.data), "imgsz": self.imgsz, "pictures": self.pictures, "boxes": self.boxes}
        head["left_out"] = dict(self.left_out)
        head |= {"seen": self.seen} if self.seen else {}
        return head | {"errors": self.errors, "warnings": self.warnings, "problems": rows}

    def _level(self, problem: Problem) -> str:
        return "error" if problem.kind in ERRORS else "warning"

    def _first(self, kind: str, n: int) -> list[Problem]:
        return [p for p in self.problems if p.kind == kind][:n]

    def _where(self, p: Problem) -> str:
        file = p.file.relative_to(self.root) if p.file.is_relative_to(self.root) else p.file
        note = p.note.replace(f"{self.root}/", "")
        return f"{file}" + (f" row {p.row}" if p.row else "") + (f": {note}" if note else "")


def _survey(listing: Listing, reader: PictureReader) -> list[str]:
    """What there is to know of the pictures; those that nobody can read become problems, each for itself."""
    try:
        return survey(reader, [image for images in listing.splits.values() for image in images])
    except InputError:
        return []


def check(
    data: str | Path,
    imgsz: int = 640,
    progress: Progress | None = None,
    bands: Any = None,
    stretch: Any = "auto",
) -> Report:
    """Look for everything wrong with a data set.

    Args:
        data: a data.yaml, the folder that holds it, or a name in cfg/datasets.
        imgsz: training size in pixels, for boxes that are too small at it.
        progress: called with (split, done, total) after each picture.
        bands, stretch: as training will be given them, see `depth.Depth`.

    Raises:
        InputError: the data.yaml itself cannot be used; all else is in the report.
    """
    if not isinstance(imgsz, int) or imgsz < 1:
        raise InputError(f"imgsz={imgsz}: give a whole number of pixels, from 1 up")
    listing = read_listing(data)
    reader = PictureReader(Depth.of(bands, stretch), listing.channels)
    seen = _survey(listing, reader)
    problems = list(check_listing(listing))
    counts: dict[str, Counter[str]] = {}
    prints: list[Fingerprint] = []
    sizes: dict[str, list[Sized]] = {}
    for split, images in listing.splits.items():
        samples = []
        for found in decode_all(images, split, progress, reader):
            if isinstance(found, Problem):
                problems.append(found)
                continue
            size, one = found
            prints.append(one)
            sizes.setdefault(split, []).append((one.image, size))
            sample = read_sample(one.image, split, size, len(listing.names))
            problems += [*sample.problems, *check_boxes(sample, imgsz)]
            if not sample.label_file.is_file():
                problems.append(Problem("no labels", sample.image))
            samples.append(sample)
        counts[split] = Counter(listing.names[k] for s in samples for k in s.labels)
        if samples and not counts[split]:
            kind = "no objects" if split == "train" else "background"
            problems.append(Problem(kind, listing.file, None, f"{split}: {_why_none(samples)}"))
        if split in listing.annotations:
            problems += check_json(listing.annotations[split], samples, listing.names, images)
    problems += [*check_folders(listing), *_leaks(listing, prints, sizes)]
    lines = gaps(counts, listing.names)
    lines.pop("nowhere", None)  # data may name more classes than they have: statistics count them
    problems += [Problem("class gap", listing.file, None, line) for line in lines.values()]
    order = {kind: i for i, kind in enumerate(KINDS)}
    problems.sort(key=lambda p: order[p.kind])
    pictures = {split: len(images) for split, images in listing.splits.items()}
    boxes = sum(of.total() for of in counts.values())
    return Report(listing.file, listing.root, imgsz, pictures, boxes, problems, listing.left_out, seen)


def _leaks(listing: Listing, prints: Sequence[Fingerprint], sizes: Mapping[str, Sequence[Sized]]) -> Iterator[Problem]:
    """What is in two splits: files, pictures, parts of them, and by their names scenes, copies and videos."""
    whole = [*identical(prints), *near(prints)]
    yield from (*whole, *scenes(sizes), *copies(listing.splits), *sequences(listing.splits))
    yield from overlaps(sizes, {p.file for p in whole})


def _why_none(samples: Sequence[Sample]) -> str:
    """Why pictures hold no object: they have no label file, or these have no row."""
    if not any(s.label_file.is_file() for s in samples):
        return f"no label file for any of the {len(samples)} images; {labels_expected(samples[0].image)}"
    return f"{len(samples)} pictures whose label files hold no box"
