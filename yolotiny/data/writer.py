"""One writer for every format: images, YOLO labels, ignore regions, COCO JSON and data.yaml."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import yaml

from ..errors import InputError
from .records import IMAGES, SPLITS, Dataset, Record, split_of

FOLDERS = ("images", "labels", "ignore", "annotations")
MIN_SIDE = 1.0  # pixels; a thinner box holds no pixel to learn from
Progress = Callable[[str, int, int], None]


@dataclass
class SplitSummary:
    """What was written for one split; `boxes` counts by class name, `dropped` by reason."""

    images: int = 0
    empty: int = 0
    boxes: Counter = field(default_factory=Counter)
    ignore: int = 0
    dropped: Counter = field(default_factory=Counter)


@dataclass
class Summary:
    """The outcome of a conversion; `print(summary)` shows it.

    Attributes:
        data: the data.yaml to train with.
        splits: counts by split.
        lists: image lists written beside data.yaml, each with its length and the number of names without an image.
    """

    data: Path
    splits: dict[str, SplitSummary] = field(default_factory=dict)
    lists: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = []
        for split, s in self.splits.items():
            total = f"{s.boxes.total()} boxes, {s.ignore} ignore regions"
            lines.append(f"{split}: {s.images} images ({s.empty} without objects), {total}")
            lines.append("  " + ", ".join(f"{name} {n}" for name, n in s.boxes.items()))
            lines += [f"  dropped {n}: {reason}" for reason, n in s.dropped.items()]
        lines += [f"list {path}: {n} images, {missing} names without one" for path, (n, missing) in self.lists.items()]
        return "\n".join([*lines, f"data: {self.data}"])


def check_free(to: Path, force: bool) -> None:
    """Raise InputError when `to` is a file, or a folder that holds something and `force` is False."""
    if to.exists() and not to.is_dir():
        raise InputError(f"{to} is a file; name a folder to write to")
    if to.is_dir() and any(to.iterdir()) and not force:
        raise InputError(
            f"folder {to} is not empty; name another one, or pass force=True to replace the data set in it"
        )


def prepare(to: Path, force: bool) -> None:
    """Make `to` ready to be written: new or empty, unless `force`, which removes what an earlier run wrote."""
    check_free(to, force)
    for folder in FOLDERS:
        for split in (*SPLITS, *(f"{s}.json" for s in SPLITS)):
            old = to / folder / split
            if old.is_symlink() or old.is_file():
                old.unlink()
            elif old.is_dir():
                shutil.rmtree(old)
    for stale in (to / "data.yaml", *to.glob("labels/*.cache")):  # the trainer's label cache would outlive the labels
        stale.unlink(missing_ok=True)
    to.mkdir(parents=True, exist_ok=True)


def clip(boxes: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Clip (N, 4) xyxy pixel boxes to the image; also return (N,) whether at least one pixel is left each way."""
    inside = np.clip(boxes, 0, [width, height, width, height])
    return inside, ((inside[:, 2:] - inside[:, :2]) >= MIN_SIDE).all(1)


def yolo_rows(boxes: np.ndarray, width: int, height: int) -> list[str]:
    """Write (N, 4) xyxy pixel boxes as "cx cy w h" in shares of the image."""
    centre, side = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    shares = np.concatenate((centre, side), 1) / [width, height, width, height]
    return [" ".join(f"{v:.8f}" for v in row) for row in shares]


def flat_names(records: list[Record]) -> list[str]:
    """Return one file name per record, without sub-folders: they join the name only where names repeat otherwise.

    Raises:
        InputError: two images share a name, so that their labels would share a file.
    """
    paths = [PurePosixPath(r.name) for r in records]
    if len({p.stem for p in paths}) < len(paths):
        paths = [PurePosixPath("_".join(p.parts)) for p in paths]
    seen: dict[str, Record] = {}
    for path, record in zip(paths, records, strict=True):
        if path.stem in seen:
            raise InputError(f"images {seen[path.stem].image} and {record.image} share one label file; rename one")
        seen[path.stem] = record
    return [p.name for p in paths]


def _place(source: Path, target: Path, link: bool) -> None:
    if link:
        try:
            os.symlink(source.resolve(), target)
            return
        except OSError:  # no right or no support for links here: copy instead
            pass
    shutil.copyfile(source, target)


def _entries(record: Record, image_id: int, first_id: int, dropped: Counter) -> list[dict]:
    """Return the COCO annotations of a record, clipped: objects first, then ignore regions; count what is dropped."""
    entries: list[dict] = []
    groups = ((record.boxes, record.labels, 0, "box"), (record.ignore, record.ignore_labels, 1, "ignore region"))
    for boxes, labels, ignore, kind in groups:
        clipped, keep = clip(boxes, record.width, record.height)
        if not keep.all():
            dropped[f"{kind} below {MIN_SIDE:g} px inside the image"] += int((~keep).sum())
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)  # of the original box: the protocols bin by it
        for (x1, y1, x2, y2), label, area in zip(clipped[keep], labels[keep], areas[keep], strict=True):
            # label -1, every class, becomes category 0
            entry: dict[str, Any] = {"id": first_id + len(entries), "image_id": image_id, "category_id": int(label) + 1}
            entry |= {"bbox": [round(float(v), 4) for v in (x1, y1, x2 - x1, y2 - y1)], "area": round(float(area), 4)}
            entries.append(entry | {"iscrowd": ignore, "ignore": ignore})
    return entries


def _write_split(
    to: Path, split: str, records: list[Record], files: list[str], names: list[str], progress: Progress | None
) -> SplitSummary:
    found = SplitSummary(images=len(records), boxes=Counter(dict.fromkeys(names, 0)))
    for folder in (f"labels/{split}", f"ignore/{split}", "annotations"):
        (to / folder).mkdir(parents=True, exist_ok=True)
    ids = [r.id for r in records if r.id is not None]
    if len(set(ids)) < len(records):
        ids = list(range(1, len(records) + 1))
    images: list[dict] = []
    annotations: list[dict] = []
    for done, (record, file, image_id) in enumerate(zip(records, files, ids, strict=True), 1):
        entries = _entries(record, image_id, len(annotations) + 1, found.dropped)
        boxes = np.array([e["bbox"] for e in entries]).reshape(-1, 4)
        rows = yolo_rows(np.concatenate((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), 1), record.width, record.height)
        n = sum(not e["ignore"] for e in entries)
        label = f"{PurePosixPath(file).stem}.txt"
        text = "".join(f"{e['category_id'] - 1} {row}\n" for e, row in zip(entries[:n], rows[:n], strict=True))
        (to / "labels" / split / label).write_text(text)
        if rows[n:]:
            (to / "ignore" / split / label).write_text("".join(f"{row}\n" for row in rows[n:]))
        images.append({"id": image_id, "file_name": file, "width": record.width, "height": record.height})
        annotations += entries
        found.boxes.update(names[e["category_id"] - 1] for e in entries[:n])
        found.empty += n == 0
        found.ignore += len(rows) - n
        if progress:
            progress(split, done, len(records))
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(names)]
    content = {"images": images, "categories": categories, "annotations": annotations}
    (to / "annotations" / f"{split}.json").write_text(json.dumps(content))
    return found


def write_labels(data: Dataset, to: Path, progress: Progress | None = None) -> Summary:
    """Write everything but the images: labels, ignore regions, COCO JSON, data.yaml.

    Args:
        data: records by split.
        to: the folder, made ready by `prepare`.
        progress: called with (split, done, total) after each image.
    """
    splits = [s for s in SPLITS if data.splits.get(s)]
    summary = Summary(to / "data.yaml")
    for split in splits:
        records = data.splits[split]
        found = _write_split(to, split, records, flat_names(records), data.names, progress)
        found.dropped.update(data.dropped.get(split, {}))
        summary.splits[split] = found
    content: dict[str, Any] = {"path": str(to.resolve())} | {s: f"images/{s}" for s in splits}
    content |= {"names": dict(enumerate(data.names)), "annotations": {s: f"annotations/{s}.json" for s in splits}}
    summary.data.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return summary


def write(data: Dataset, to: Path, force: bool, link: bool, progress: Progress | None = None) -> Summary:
    """Write a data set in the layout that training and evaluation read.

    Args:
        data: records by split.
        to: the folder, new or empty.
        force: replace what an earlier run wrote in `to`.
        link: link images to their source; where links cannot be made, or with False, copy them.
        progress: called with (split, done, total) after each image.

    Raises:
        InputError: `to` is not empty, holds the source itself, or two images share a name.
    """
    files = {split: flat_names(records) for split, records in data.splits.items()}
    written = [(to / f).resolve() for f in FOLDERS]
    for record in (r for records in data.splits.values() for r in records):
        if not {*record.image.absolute().parents, *record.image.resolve().parents}.isdisjoint(written):
            raise InputError(f"source image {record.image} lies in the folder to be written, {to}; write elsewhere")
    prepare(to, force)
    for split, records in data.splits.items():
        (to / "images" / split).mkdir(parents=True, exist_ok=True)
        for record, file in zip(records, files[split], strict=True):
            _place(record.image, to / "images" / split / file, link)
    return write_labels(data, to, progress)


def write_lists(source: Path, data: Dataset, summary: Summary) -> None:
    """Turn every list of image names in `source/*.txt` into a list of the written images beside data.yaml.

    Training reads such a list instead of a folder: `train: train600.txt` in a data yaml. Text files that hold other
    things than image names are left alone; names without an image are counted.
    """
    to = summary.data.parent
    places: dict[str, dict[str, str]] = {}
    for split, records in data.splits.items():
        files = [f"./images/{split}/{file}" for file in flat_names(records)]
        places[split] = {r.image.name: f for r, f in zip(records, files, strict=True)}
        places[split] |= {r.name: f for r, f in zip(records, files, strict=True)}
    for path in sorted(source.glob("*.txt")):
        text = path.read_text(encoding="utf-8", errors="replace")
        names = [line.strip() for line in text.splitlines() if line.strip()]
        if not names or any(PurePosixPath(n).suffix.lower() not in IMAGES for n in names):
            continue
        known: dict[str, str] = {}  # splits may share names: the list's own split, told by its name, has the last word
        for split in sorted(places, key=lambda s: s == split_of(path.stem)):
            known |= places[split]
        found = [known.get(n) or known.get(PurePosixPath(n).name) for n in names]
        lines = [place for place in found if place]
        if lines:
            (to / path.name).write_text("".join(f"{line}\n" for line in lines))
            summary.lists[to / path.name] = (len(lines), len(found) - len(lines))
