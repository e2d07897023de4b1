"""One writer for every format: images, YOLO labels, ignore regions, COCO JSON and data.yaml."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import yaml

from ..data_file import SPLITS
from ..errors import InputError
from ..files import whole, write_text
from ..ignore import from_coco, to_coco
from ..image_files import IMAGES
from ..pictures.files import Unreadable, save_picture
from ..pictures.reader import PictureReader
from .class_counts import empty_splits, gaps
from .labels import label_row, region_row
from .numbering import as_comment, as_note
from .records import MIN_SIDE, Dataset, Record, box_areas, clip, count_cut, leave_out, split_of
from .staging import FOLDERS, check_free, fingerprint, open_stage, take_over
from .summary import SplitSummary, Summary
from .tiling import cut

Progress = Callable[[str, int, int], None]


def shares_of(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    """(N, 4) xyxy pixel boxes -> (N, 4) cx, cy, w, h as shares of the image."""
    centre, side = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    return np.concatenate((centre, side), 1) / [width, height, width, height]


@dataclass(frozen=True)
class Making:
    """How the pictures of a data set get to their place, and what is kept of where it is from.

    Attributes:
        link: link the images; False copies them.
        lists: a folder with lists of image names, see `write_lists`.
        about: what the data set is made from, kept beside it in conversion.json.
        reader: decodes the pictures that are cut; with bands or a stretch, all of them are written anew.
    """

    link: bool = True
    lists: Path | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    reader: PictureReader = field(default_factory=PictureReader)


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
    """Link or copy a picture; one that is there already is complete."""
    if os.path.lexists(target):
        return
    if link:
        try:
            os.symlink(source.resolve(), target)
            return
        except OSError:  # no right or no support for links here: copy instead
            pass
    with whole(target) as part:
        shutil.copyfile(source, part)


def _decode(source: Path, target: Path, reader: PictureReader) -> None:
    """Write a picture anew in eight bits; one that is there already is complete."""
    if not target.exists():
        save_picture(target, reader.read(source))


def _write_images(data: Dataset, to: Path, making: Making, progress: Progress | None) -> dict[Path, str]:
    """Link, copy, cut or decode the pictures of every split; returns the reasons of those that cannot be read."""
    faults: dict[Path, str] = {}
    reader = making.reader
    for split, records in data.splits.items():
        folder = to / "images" / split
        folder.mkdir(parents=True, exist_ok=True)
        done = 0
        pairs = zip(records, flat_names(records), strict=True)
        for image, group in groupby(pairs, key=lambda pair: pair[0].image):
            places = [(record, folder / file) for record, file in group]
            try:
                cut(image, [(r.window, file) for r, file in places if r.window is not None], places[0][0].width, reader)
                for record, file in places:
                    if record.window is None and reader.depth.asked:
                        _decode(image, file, reader)
                    elif record.window is None:
                        _place(image, file, making.link)
            except Unreadable as error:
                faults[image] = str(error)
            for _ in places:
                done += 1
                if progress:
                    progress(split, done, len(records))
    return faults


def _drop_faulty(data: Dataset, faults: dict[Path, str], to: Path) -> None:
    """Leave out the pictures that turned out to be unreadable; the others may have shorter names without them."""
    if not faults:
        return
    before = {}
    for split, records in data.splits.items():
        before[split] = dict(zip(map(id, records), flat_names(records), strict=True))
        data.splits[split] = [replace(r, fault=faults[r.image]) if r.image in faults else r for r in records]
    leave_out(data)
    for split, records in data.splits.items():
        for record, name in zip(records, flat_names(records), strict=True):
            os.replace(to / "images" / split / before[split][id(record)], to / "images" / split / name)


def _entries(record: Record, image_id: int, first_id: int, dropped: Counter) -> list[dict]:
    """Return the COCO annotations of a record, clipped: objects first, then ignore regions; count what is dropped.

    Ids count from 1, and category k is class k - 1; for regions see `ignore.IgnoreKind`.
    """
    entries: list[dict] = []
    areas = box_areas(record.boxes) if record.areas is None else record.areas  # of the whole box: protocols bin by it
    groups = (
        (record.boxes, record.labels, areas, False, "box"),
        (record.ignore, record.ignore_labels, box_areas(record.ignore), True, "ignore region"),
    )
    for boxes, labels, areas, ignore, kind in groups:
        clipped, keep = clip(boxes, record.width, record.height)
        if not keep.all():
            dropped[f"{kind} below {MIN_SIDE:g} px inside the image"] += int((~keep).sum())
        for (x1, y1, x2, y2), label, area in zip(clipped[keep], labels[keep], areas[keep], strict=True):
            of = to_coco(label) if ignore else {"category_id": int(label) + 1, "iscrowd": 0, "ignore": 0}
            entry: dict[str, Any] = {"id": first_id + len(entries), "image_id": image_id}
            entry["category_id"] = of["category_id"]
            entry |= {"bbox": [round(float(v), 4) for v in (x1, y1, x2 - x1, y2 - y1)], "area": round(float(area), 4)}
            entries.append(entry | of)
    return entries


def _write_split(to: Path, split: str, records: list[Record], names: list[str]) -> SplitSummary:
    found = SplitSummary(images=len(records), boxes=Counter(dict.fromkeys(names, 0)))
    for folder in (f"labels/{split}", f"ignore/{split}", "annotations"):
        (to / folder).mkdir(parents=True, exist_ok=True)
    ids = [r.id for r in records if r.id is not None]
    if len(set(ids)) < len(records):
        ids = list(range(1, len(records) + 1))
    images: list[dict] = []
    annotations: list[dict] = []
    for record, file, image_id in zip(records, flat_names(records), ids, strict=True):
        entries = _entries(record, image_id, len(annotations) + 1, found.dropped)
        boxes = np.array([e["bbox"] for e in entries]).reshape(-1, 4)
        boxes = np.concatenate((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), 1)
        pairs = list(zip(entries, shares_of(boxes, record.width, record.height).tolist(), strict=True))
        n = sum(not e["ignore"] for e in entries)
        label = f"{PurePosixPath(file).stem}.txt"
        text = "".join(label_row(e["category_id"] - 1, shares) for e, shares in pairs[:n])
        write_text(to / "labels" / split / label, text)
        if pairs[n:]:
            text = "".join(region_row(from_coco(e), shares) for e, shares in pairs[n:])
            write_text(to / "ignore" / split / label, text)
        images.append({"id": image_id, "file_name": file, "width": record.width, "height": record.height})
        annotations += entries
        found.boxes.update(names[e["category_id"] - 1] for e in entries[:n])
        found.empty += n == 0
        found.ignore += len(pairs) - n
        found.cut += count_cut(record.boxes, record.width, record.height)
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(names)]
    content = {"images": images, "categories": categories, "annotations": annotations}
    write_text(to / "annotations" / f"{split}.json", json.dumps(content))
    return found


def write_labels(data: Dataset, folder: Path) -> dict[str, SplitSummary]:
    """Write labels, ignore regions and COCO JSON of every split below `folder`; return the counts."""
    found = {}
    for split in (s for s in SPLITS if data.splits.get(s)):
        found[split] = _write_split(folder, split, data.splits[split], data.names)
        found[split].dropped.update(data.dropped.get(split, {}))
    return found


def write_yaml(data: Dataset, splits: list[str], to: Path, file: Path) -> None:
    """Write the data.yaml of a data set at `to`; where it has test but no val, val is test."""
    place = {s: s for s in splits}
    if "test" in place and "train" in place:
        place.setdefault("val", "test")
    place = {s: place[s] for s in SPLITS if s in place}
    content: dict[str, Any] = {"path": str(to.resolve())} | {s: f"images/{p}" for s, p in place.items()}
    content["names"] = dict(enumerate(data.names))
    content["annotations"] = {s: f"annotations/{p}.json" for s, p in place.items()}
    if data.protocol:
        content["protocol"] = data.protocol
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    write_text(file, as_comment(data.categories) + text)


def write(
    data: Dataset, to: Path, force: bool = False, progress: Progress | None = None, making: Making | None = None
) -> Summary:
    """Write a data set in the layout that training and evaluation read.

    It grows in `to/.part` and moves to its place when it is whole. After an interruption the same call goes on:
    pictures that are complete are not written again.

    Args:
        data: the records; image names become the file names, and must be unique within a split.
        to: the folder to write, new or empty.
        force: replace what an earlier run wrote there.
        progress: called with (split, done, total) after each image.
        making: how, and from what.

    Raises:
        InputError: `to` is not empty, holds the source itself, two images share a name, or another
            conversion was interrupted there.
    """
    check_free(to, force)
    written = [(to / f).resolve() for f in FOLDERS]
    for records in data.splits.values():
        flat_names(records)  # two of one name are an error before anything is written
        for image in dict.fromkeys(r.image for r in records):
            if not {*image.absolute().parents, *image.resolve().parents}.isdisjoint(written):
                raise InputError(f"source image {image} lies in the folder to be written, {to}; write elsewhere")
    data = replace(data, splits={s: data.splits[s] for s in SPLITS if data.splits.get(s)})
    making = making or Making()
    stage = open_stage(to, {**making.about, "link": making.link, "pictures": fingerprint(data)}, force)
    try:
        faults = _write_images(data, stage, making, progress)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"the pictures that are done are in {stage}; the same command goes on") from None
    _drop_faulty(data, faults, stage)
    summary = Summary(to / "data.yaml", write_labels(data, stage), notes=list(data.notes), protocol=data.protocol)
    if making.lists is not None:
        write_lists(making.lists, data, stage, summary)
    if "val" not in summary.splits and {"train", "test"} <= summary.splits.keys():
        summary.notes.append("there is no val split: in data.yaml val is test, as the papers have it")
    summary.notes += as_note(data.categories) + _without_objects(summary, data.names)
    write_yaml(data, list(summary.splits), to, stage / "data.yaml")
    take_over(stage, to)
    return summary


def _without_objects(summary: Summary, names: list[str]) -> list[str]:
    """What a user has to know of splits and classes that hold no object."""
    counts = {split: one.boxes for split, one in summary.splits.items()}
    lines = [f"{s} holds no object, {summary.splits[s].ignore} ignore regions" for s in empty_splits(counts)]
    return lines + list(gaps(counts, names).values())


def write_lists(source: Path, data: Dataset, folder: Path, summary: Summary) -> None:
    """Turn every list of image names in `source/*.txt` into a list of the written images in `folder`.

    Training reads such a list instead of a folder: `train: train600.txt` in a data yaml. Text files that hold other
    things than image names are left alone; names without an image are counted. A picture in tiles brings all of them.
    """
    places: dict[str, dict[str, list[str]]] = {}
    for split, records in data.splits.items():
        places[split] = {}
        for record, file in zip(records, flat_names(records), strict=True):
            for name in {record.image.name, record.name}:
                places[split].setdefault(name, []).append(f"./images/{split}/{file}")
    for path in sorted(source.glob("*.txt")):
        text = path.read_text(encoding="utf-8", errors="replace")
        names = [line.strip() for line in text.splitlines() if line.strip()]
        if not names or any(PurePosixPath(n).suffix.lower() not in IMAGES for n in names):
            continue
        known: dict[str, list[str]] = {}  # splits may share names: the list's own split, told by its name, wins
        for split in sorted(places, key=lambda s: s == split_of(path.stem)):
            known |= places[split]
        found = [known.get(n) or known.get(PurePosixPath(n).name) for n in names]
        lines = [place for group in found for place in group or ()]
        if lines:
            write_text(folder / path.name, "".join(f"{line}\n" for line in lines))
            summary.lists[summary.data.parent / path.name] = (len(lines), sum(not group for group in found))
