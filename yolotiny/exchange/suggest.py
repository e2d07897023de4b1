"""What of a data set should be looked at again: pictures with doubtful labels, as a file for a labelling tool."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..data.records import Dataset, Record, clip
from ..data.writer import Progress
from ..errors import InputError
from ..files import write_text
from . import Exported, check_empty, write_pages
from .doubts import NO_FIND, NO_LABEL, OTHER_CLASS, Doubt, doubts
from .page import Page, Shape, pages_of
from .source import read_splits

Look = Callable[[Sequence[Path]], Iterator[tuple[Path, np.ndarray]]]  # pictures -> each that can be read, (n, 6) finds
FORMATS = ("cvat", "label-studio")  # of tools in which people look at pictures
LEAST = 0.05  # score of the finds that support a label
FILE = "review.csv"


@dataclass(frozen=True)
class Wanted:
    """What is to be looked at.

    Attributes:
        data: see `source.Asked`.
        format: one of `FORMATS`.
        split: one of its splits; None for all.
        conf: score from which on a find should have a label.
        iou: overlap from which on a find and a label are on one object.
        limit: pictures at most, the most doubtful.
        link: link the pictures; False copies them.
    """

    data: str | Path
    format: str = "cvat"
    split: str | None = None
    conf: float = 0.5
    iou: float = 0.3
    limit: int | None = None
    link: bool = True


@dataclass
class Suggested:
    """What was found; `print` shows it.

    Attributes:
        exported: what was written; None where nothing is doubtful.
        seen: how many pictures were looked at.
        kinds: how many doubts there are of each kind, those of pictures beyond `limit` included.
        pictures: how many pictures have any.
    """

    exported: Exported | None
    seen: int
    kinds: Counter[str]
    pictures: int

    def __str__(self) -> str:
        counted = f"{self.kinds[NO_LABEL]} finds without a label, {self.kinds[NO_FIND]} labels that nothing supports"
        line = f"{self.seen} pictures: {counted}, {self.kinds[OTHER_CLASS]} finds of another class than their label"
        if self.exported is None:
            return f"{line}; nothing to review, nothing written"
        to = self.exported.to
        review = f"{self.exported.pictures.total()} of {self.pictures} pictures to review, the most doubtful first"
        return f"{line}\n{review}: {to}, list: {to / FILE}"


def suggest(wanted: Wanted, look: Look, to: str | Path, progress: Progress | None = None) -> Suggested:
    """Look at the pictures of a data set, and write those whose labels a model doubts.

    Each lies in a folder named by its rank, so that tools that sort by name show the most doubtful first; its own name
    stays. A picture has its labels and, with their scores, the finds in doubt. `review.csv` lists every doubt.

    Args:
        wanted: which pictures, and what counts as a doubt.
        look: finds objects in pictures, in the classes of the data, down to a score of `LEAST`.
        to: a folder, new or empty.
        progress: called with ("pictures", done, total) after each picture.

    Raises:
        InputError: no such data or format, `to` is not empty.
        KeyboardInterrupt: passed on, after what is doubtful among the pictures looked at is written.
    """
    if wanted.format not in FORMATS:
        raise InputError(f"format={wanted.format}: reviews are written for {' or '.join(FORMATS)}")
    to = Path(to).expanduser()
    check_empty(to)
    data = read_splits(wanted.data, wanted.split)
    pages, _ = pages_of(data)
    pairs = list(zip(pages, [r for records in data.splits.values() for r in records], strict=True))
    finds: dict[Path, np.ndarray] = {}
    try:
        for path, found in look([page.image for page in pages]):
            finds[path] = found
            if progress:
                progress("pictures", len(finds), len(pages))
    except KeyboardInterrupt:
        seen = f"{len(finds)} of {len(pages)} pictures were looked at"
        if not finds:
            raise KeyboardInterrupt(f"{seen}; nothing is written") from None
        made = _write(pairs, finds, data, wanted, to)
        there = f"what is doubtful in them is in {to}" if made.exported else "nothing is doubtful in them"
        raise KeyboardInterrupt(f"{seen}; {there}") from None
    return _write(pairs, finds, data, wanted, to)


def _write(
    pairs: Sequence[tuple[Page, Record]], finds: dict[Path, np.ndarray], data: Dataset, wanted: Wanted, to: Path
) -> Suggested:
    """Compare labels and finds, and write what is to be reviewed."""
    seen = [(page, record) for page, record in pairs if page.image in finds]
    found = [finds[page.image] for page, _ in seen]
    all_doubts = doubts([record for _, record in seen], found, wanted.conf, wanted.iou)
    doubtful = [i for i, of in enumerate(all_doubts) if of]
    kinds = Counter(doubt.kind for of in all_doubts for doubt in of)
    order = sorted(doubtful, key=lambda i: ([-d.doubt for d in all_doubts[i]], i))[: wanted.limit]
    if not order:
        return Suggested(None, len(seen), kinds, 0)
    made = Exported(to, wanted.format)
    pages, rows = [], []
    digits = max(4, len(str(len(order))))
    for rank, i in enumerate(order, 1):
        (page, record), of = seen[i], all_doubts[i]
        name = f"{rank:0{digits}d}/{page.name}"
        pages.append(replace(page, name=name, shapes=_shapes(page, record, of, data.names), doubt=of[0].doubt))
        rows += [[rank, page.split, page.name, *_row(doubt, data.names)] for doubt in of]
    write_pages(pages, data.names, made, wanted.link)
    write_text(to / FILE, _csv(rows))
    return Suggested(made, len(seen), kinds, len(doubtful))


def _shapes(page: Page, record: Record, of: Sequence[Doubt], names: Sequence[str]) -> tuple[Shape, ...]:
    """The labels of a picture, and the finds in doubt behind them; each doubt with a remark."""
    shapes = list(page.shapes)
    kept = clip(record.boxes, record.width, record.height)[1]  # of which the page has shapes
    for d in of:
        if d.kind == NO_FIND and kept[d.index]:
            i = int(kept[: d.index].sum())
            shapes[i] = replace(shapes[i], remark=said(d, names))
        elif d.kind != NO_FIND:
            x1, y1, x2, y2 = (round(float(v), 2) for v in d.box)
            area = (x2 - x1) * (y2 - y1)
            shapes.append(Shape((x1, y1, x2, y2), names[d.label], False, area, d.doubt, said(d, names)))
    return tuple(shapes)


def said(doubt: Doubt, names: Sequence[str]) -> str:
    """A doubt in words."""
    if doubt.kind == NO_LABEL:
        return f"found {doubt.doubt:.2f}, no label"
    if doubt.kind == NO_FIND:
        return f"nothing found here; {doubt.doubt:.0%} of this size are found"
    return f"found {doubt.doubt:.2f} as {names[doubt.label]}, labelled {names[doubt.instead or 0]}"


HEAD = ("rank", "split", "picture", "doubt", "kind", "class", "x1", "y1", "x2", "y2", "remark")


def _row(doubt: Doubt, names: Sequence[str]) -> list[object]:
    box = [round(float(v), 2) for v in doubt.box]
    return [round(doubt.doubt, 4), doubt.kind, names[doubt.label], *box, said(doubt, names)]


def _csv(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([HEAD, *rows])
    return text.getvalue()
