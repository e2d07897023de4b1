"""Data sets and detections in the formats of other tools: one writer a file, each the inverse of a reader of `data`.

`export(Asked("datasets/cars", "cvat"), "to-cvat")` writes pictures and annotations; with `pred` the detections of a
file instead of the labels. `suggest` finds labels that a model doubts.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..data.writer import Progress
from ..errors import InputError
from ..files import whole
from ..ignore import REGION_NAMES
from ..registry import Registry
from .coco import write_coco
from .cvat import write_cvat
from .dota import write_dota
from .label_studio import write_label_studio
from .page import Page, pages_of
from .source import Asked, read
from .voc import write_voc
from .yolo import write_yolo

__all__ = ["TARGETS", "Asked", "Exported", "Target", "export", "write_pages"]


@dataclass(frozen=True)
class Target:
    """A row of the table of formats that are written.

    Attributes:
        write: writes the annotations of pages into a folder; it is given the names of all labels.
        pictures: where the picture of a page lies, with `{split}` and `{name}`.
        together: the pictures of all splits lie in one folder.
        scores: it holds the scores of detections.
        back: what reads it again.
    """

    write: Callable[[Sequence[str], Sequence[Page], Path], None]
    pictures: str
    together: bool = False
    scores: bool = True
    back: str = ""


TARGETS = Registry(
    "format",
    {
        "cvat": Target(write_cvat, "images/{split}/{name}"),
        "label-studio": Target(write_label_studio, "images/{split}/{name}"),
        "voc": Target(write_voc, "JPEGImages/{name}", together=True),
        "dota": Target(write_dota, "{split}/images/{name}", scores=False, back=" tile=0"),
        "yolo": Target(write_yolo, "images/{split}/{name}", scores=False),
        "coco": Target(write_coco, "images/{split}/{name}"),
    },
)


@dataclass
class Exported:
    """What an export wrote; `print` shows it.

    Attributes:
        to: the folder.
        format: its format.
        pictures: how many by split.
        boxes: how many of each label.
        dropped: how many boxes were left out, by reason.
        notes: what else there is to know, a line each.
    """

    to: Path
    format: str
    pictures: Counter[str] = field(default_factory=Counter)
    boxes: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [", ".join(f"{split}: {n} images" for split, n in self.pictures.items())]
        lines.append(f"{self.boxes.total()} boxes: " + ", ".join(f"{name} {n}" for name, n in self.boxes.items()))
        lines += [f"  dropped {n}: {reason}" for reason, n in self.dropped.items()]
        lines += [f"note: {line}" for line in self.notes]
        back = f"yolotiny data convert format={self.format} source={self.to} to=DIR{TARGETS[self.format].back}"
        return "\n".join([*lines, f"written: {self.to}; back again: {back}"])


def export(asked: Asked, to: str | Path, progress: Progress | None = None) -> Exported:
    """Write a data set, or the detections of a file on its pictures, in the format of another tool.

    Args:
        asked: what, and in which format.
        to: a folder, new or empty; it is there when all of it is written, and not before.
        progress: called with ("pictures", done, total) after each picture.

    Returns:
        Counts; print it.
    Raises:
        InputError: no such data, a file of detections that does not fit them, a class name that the format cannot hold,
            `to` is not empty.
    """
    target, to = TARGETS.find(asked.format), Path(to).expanduser()
    check_empty(to)
    data = read(asked)
    pages, dropped = pages_of(data, target.together)
    made = Exported(to, asked.format, dropped=dropped, notes=list(data.notes))
    made.dropped.update({reason: n for counts in data.dropped.values() for reason, n in counts.items()})
    if asked.pred is not None and not target.scores:
        made.notes.append(f"{asked.format} has no place for scores: they are left out")
    write_pages(pages, data.names, made, asked.link, progress)
    return made


def check_empty(to: Path) -> None:
    """Raise InputError where a folder to write is a file or holds anything."""
    if to.exists() and not to.is_dir():
        raise InputError(f"{to} is a file; name a folder to write to")
    if to.is_dir() and any(to.iterdir()):
        raise InputError(f"folder {to} is not empty; name another one")


def write_pages(
    pages: Sequence[Page], names: Sequence[str], made: Exported, link: bool, progress: Progress | None = None
) -> None:
    """Write pages and their pictures to `made.to`, and count them there.

    Args:
        pages: the pictures.
        names: of the classes.
        made: takes the counts.
        link: link the pictures; False copies them.
        progress: see `export`.

    Raises:
        KeyboardInterrupt: passed on, with what became of the folder; nothing is left half.
    """
    target = TARGETS[made.format]
    made.pictures = Counter(page.split for page in pages)
    used = Counter(shape.label for page in pages for shape in page.shapes)
    labels = [*names, *(name for name in REGION_NAMES if used[name])]
    made.boxes = Counter({name: used[name] for name in labels})
    try:
        with whole(made.to.absolute()) as part:
            part.mkdir()
            target.write(labels, pages, part)
            for done, page in enumerate(pages, 1):
                _place(page.image, part / target.pictures.format(split=page.split, name=page.name), link)
                if progress:
                    progress("pictures", done, len(pages))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"nothing is written to {made.to}; the same command begins anew") from None


def _place(source: Path, target: Path, link: bool) -> None:
    """Link a picture; copy it where links cannot be made, or are not wanted."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if link:
        try:
            os.symlink(source.resolve(), target)
            return
        except OSError:  # no right or no support for links here
            pass
    shutil.copyfile(source, target)
