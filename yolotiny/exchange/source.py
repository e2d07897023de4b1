"""What is to be written: a data set, its pictures with detections instead of labels, or pictures without either."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import metrics
from ..data.classes import choose_classes
from ..data.formats.reading import read_json
from ..data.formats.yolo import read_yolo
from ..data.records import Dataset, Record, existing_folder, leave_out, record_of
from ..data_file import class_names, find_file, read_data_file
from ..errors import InputError, did_you_mean
from ..image_files import list_images
from ..metrics.scene import rows_at

CONF = 0.25  # as in prediction


@dataclass(frozen=True)
class Asked:
    """What to export.

    Attributes:
        data: a data.yaml, the folder that holds it, or a name in cfg/datasets.
        format: a name in TARGETS.
        split: one of its splits; None for all.
        classes: see `data.classes.choose_classes`.
        pred: a predictions.json (COCO results) whose boxes are written instead of the labels.
        images: a folder of pictures instead of those of the data, which names the classes alone; with `pred`.
        conf: least score of a detection that is written.
        link: link the pictures; False copies them.
    """

    data: str | Path
    format: str
    split: str | None = None
    classes: Any = None
    pred: str | Path | None = None
    images: str | Path | None = None
    conf: float | None = None
    link: bool = True


def read(asked: Asked) -> Dataset:
    """The data set that is to be written.

    Raises:
        InputError: see `export`; an option that has no meaning with the others.
    """
    for name, value in (("images", asked.images), ("conf", asked.conf)):
        if value is not None and asked.pred is None:
            raise InputError(f"{name}={value} is for detections: give pred=predictions.json too")
    if asked.images is not None and asked.split is not None:
        raise InputError(f"split={asked.split} is one of the data, images={asked.images} are others; leave one out")
    data = _pictures(asked) if asked.images is not None else read_splits(asked.data, asked.split)
    if asked.pred is not None:
        data = with_detections(data, asked, CONF if asked.conf is None else asked.conf)
    return choose_classes(data, asked.classes)


def read_splits(source: str | Path, split: str | None = None) -> Dataset:
    """The pictures and labels of a data YAML, of one split or of all; those that cannot be read are left out."""
    data = read_yolo(find_file(source))
    if split is not None and split not in data.splits:
        raise InputError(f"{source} has no split {split!r}{did_you_mean(split, data.splits)}")
    data.splits = {s: records for s, records in data.splits.items() if split in (None, s)}
    data.dropped = {s: counts for s, counts in data.dropped.items() if s in data.splits}
    leave_out(data)
    return data


def _pictures(asked: Asked) -> Dataset:
    """The pictures of a folder, without labels; the data YAML names the classes."""
    folder = existing_folder(asked.images or "", "images")
    images = list_images(folder)
    if not images:
        raise InputError(f"images={asked.images}: no picture in it")
    names = list(class_names(find_file(asked.data)).values())
    records = [record_of(image, image.relative_to(folder).as_posix(), []) for image in images]
    data = Dataset(names, {"train": records})
    leave_out(data)
    return data


def with_detections(data: Dataset, asked: Asked, conf: float) -> Dataset:
    """The same pictures with the boxes of a file of detections; ignore regions are no detections, and go.

    Raises:
        InputError: a row that is none, or whose picture or class is not there.
    """
    ids, categories = _numbers(asked, data)
    records = [(split, record) for split, records in data.splits.items() for record in records]
    entries = [{"id": ids.get(r.image, f"picture {i}"), "file_name": str(r.image)} for i, (_, r) in enumerate(records)]
    gt = {"images": entries, "annotations": [], "categories": categories}
    scene = metrics.read(gt, str(asked.pred))
    of = np.array([data.names.index(name) for name in scene.names])
    place = {picture.file: i for i, picture in enumerate(scene.pictures)}
    dets = rows_at(scene.dets, np.flatnonzero(scene.dets.score >= conf))
    order = np.argsort(dets.image, kind="stable")
    ends = np.searchsorted(dets.image[order], np.arange(scene.images + 1))
    made = replace(data, splits={split: [] for split in data.splits}, notes=[*data.notes, *scene.notes])
    for split, record in records:
        i = place[str(record.image)]
        mine = order[ends[i] : ends[i + 1]]
        boxes = np.concatenate((dets.box[mine, :2], dets.box[mine, :2] + dets.box[mine, 2:]), 1)
        found = Record(record.image, record.name, record.width, record.height, boxes, of[dets.label[mine]])
        made.splits[split].append(replace(found, scores=dets.score[mine]))
    made.drop(next(iter(made.splits)), f"detection with a score below {conf:g}", len(scene.dets.score) - len(order))
    return made


def _numbers(asked: Asked, data: Dataset) -> tuple[dict[Path, int], Sequence[Mapping[str, Any]]]:
    """The ids that the JSON of the data has for its pictures, and its categories; else classes count from 1."""
    counted = [{"id": i, "name": name} for i, name in enumerate(data.names, 1)]
    if asked.images is not None:
        return {}, counted
    file = read_data_file(find_file(asked.data))
    named = file.content.get("annotations")
    ids: dict[Path, int] = {}
    categories: Sequence[Mapping[str, Any]] = counted
    for split, records in data.splits.items():
        path = file.root / str(named.get(split)) if isinstance(named, dict) and named.get(split) else None
        if path is None or not path.is_file():
            continue
        content = read_json(path, ("images", "categories"))
        by_name = {im["file_name"]: im["id"] for im in content["images"] if {"file_name", "id"} <= im.keys()}
        ids |= {r.image: by_name[r.name] for r in records if r.name in by_name}
        if sorted(str(c.get("name")) for c in content["categories"]) == sorted(data.names):
            categories = content["categories"]
    return (ids if len(set(ids.values())) == len(ids) else {}), categories
