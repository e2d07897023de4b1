"""From what a user has (COCO JSON files, or the arrays of a training loop) to one checked `Scene`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from ..ignore import IgnoreKind, from_coco
from ..text import printable
from ..yaml_file import regular_file
from .category_ids import hint_of, known, shift_note
from .picture_ids import PictureIds

Source = str | Path | Mapping[str, Any] | Sequence[Any]

# An annotation with an area outside every size range is an ignore region with ordinary IoU matching in the COCO
# algorithm; its own `ignore` field is overwritten by `iscrowd` in every implementation of it.
NO_SIZE = -1.0


class Picture(NamedTuple):
    """The file of an image as the data set states it, and its size in pixels, 0 where it is not stated."""

    file: str = ""
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class Scene:
    """Ground truth and detections of a data set, ready to be scored. Boxes are [x, y, w, h] in pixels.

    Attributes:
        names: class names; the class of id k is names[k - 1].
        images: number of images; their ids are 1..images.
        gts: rows with id, image_id, category_id, bbox, area, iscrowd. Ignore regions are crowd rows (matched by the
            share of the detection inside them), or rows of area `NO_SIZE` (matched by IoU).
        dets: rows with id, image_id, category_id, bbox, area, score.
        regions: (image id, box) of regions ignored by every class.
        pictures: the files of the images in order of their ids; empty where nobody said.
        others: indices of those regions that are objects of no class (VisDrone's "others").
        notes: what is to be known of how the files were read, a line each.
    """

    names: list[str]
    images: int
    gts: list[dict[str, Any]]
    dets: list[dict[str, Any]]
    regions: list[tuple[int, list[float]]]
    pictures: Sequence[Picture] = ()
    others: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()


def may_be_missed(gt: Mapping[str, Any]) -> bool:
    """True for a row of `Scene.gts` that need not be found: a crowd, or an object marked as ignored."""
    return bool(gt["iscrowd"]) or gt["area"] == NO_SIZE


def ignored_by_share(gts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows in which ignored objects are crowds: they excuse every detection that lies inside, by its share."""
    return [g | {"iscrowd": int(may_be_missed(g))} for g in gts]


def _numbered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with ids, from 1: the COCO algorithm reads id 0 as "unmatched"."""
    for number, row in enumerate(rows, 1):
        row["id"] = number
    return rows


def from_arrays(
    images: Iterable[Sequence[Any]], names: Sequence[str] | Mapping[int, str], pictures: Sequence[Picture] = ()
) -> Scene:
    """Build a scene from per-image arrays or tensors, on any device.

    Args:
        images: per image (gt_boxes (M, 4), gt_labels (M,), ignore_boxes (K, 4), det_boxes (N, 4), det_scores (N,),
            det_labels (N,)); boxes xyxy in the pixels in which sizes are to be counted, labels from 0. A fifth column
            of ignore_boxes is the label of the region: its class, -1 every class, -2 an object of no class.
        names: class names, a list or {label: name} with labels 0..C-1.
        pictures: the files of the images, in the same order.

    Detections with a NaN or infinite number are dropped: they have no place in the order of scores.
    """
    names = [names[k] for k in sorted(names)] if isinstance(names, Mapping) else list(names)
    gts, dets, count = [], [], 0
    everywhere: list[tuple[int, list]] = []
    others: set[int] = set()
    for count, (gt_boxes, gt_labels, ignore, det_boxes, det_scores, det_labels) in enumerate(images, 1):
        boxes, labels = _xywh(gt_boxes), (_numpy(gt_labels).astype(int).ravel() + 1).tolist()
        assert all(0 < k <= len(names) for k in labels), f"ground truth label outside 0..{len(names) - 1}"
        gts += [
            {"image_id": count, "category_id": k, "bbox": b, "area": b[2] * b[3], "iscrowd": 0}
            for b, k in zip(boxes.tolist(), labels, strict=True)
        ]
        regions = _numpy(ignore)
        regions = regions.reshape(-1, regions.shape[1] if regions.ndim == 2 else 4)
        of = (regions[:, 4] if regions.shape[1] > 4 else np.full(len(regions), IgnoreKind.EVERY)).astype(int).tolist()
        for box, k in zip(_xywh(regions[:, :4]).tolist(), of, strict=True):
            if IgnoreKind.of(k) is IgnoreKind.CLASS:
                crowd = {"image_id": count, "category_id": k + 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 1}
                gts.append(crowd)
                continue
            if k == IgnoreKind.OTHERS:
                others.add(len(everywhere))
            everywhere.append((count, box))
        boxes, scores = _xywh(det_boxes), _numpy(det_scores).ravel()
        found = _numpy(det_labels).astype(int).ravel() + 1
        keep = np.isfinite(boxes).all(1) & np.isfinite(scores)
        labels = found[keep].tolist()
        assert all(0 < k <= len(names) for k in labels), f"detection label outside 0..{len(names) - 1}"
        dets += [
            {"image_id": count, "category_id": k, "bbox": b, "area": b[2] * b[3], "score": s}
            for b, s, k in zip(boxes[keep].tolist(), scores[keep].tolist(), labels, strict=True)
        ]
    assert not pictures or len(pictures) == count, f"{len(pictures)} files for {count} images"
    return Scene(names, count, _numbered(gts), _numbered(dets), everywhere, pictures, frozenset(others))


def _numpy(x: Any) -> np.ndarray:
    """A tensor of any device and type, an array or a list -> float64 array."""
    return np.asarray(x.detach().float().cpu() if hasattr(x, "detach") else x, dtype=np.float64)


def _xywh(x: Any) -> np.ndarray:
    """(N, 4) xyxy, or anything empty -> (N, 4) left, top, width, height."""
    x = _numpy(x).reshape(-1, 4)
    return np.concatenate((x[:, :2], x[:, 2:] - x[:, :2]), 1)


def read(gt: Source, pred: Source) -> Scene:
    """Read ground truth and predictions in COCO form, from files or already loaded.

    Raises:
        InputError: what is wrong, in which file and row (rows count from 1).
    """
    gt_name = str(gt) if isinstance(gt, str | Path) else "ground truth"
    pred_name = str(pred) if isinstance(pred, str | Path) else "predictions"
    ground_truth, rows = _load(gt, gt_name), _load(pred, pred_name)
    for key in ("images", "annotations", "categories"):
        if not isinstance(ground_truth, Mapping) or not isinstance(ground_truth.get(key), list | tuple):
            raise InputError(f"{gt_name} has no list {key!r}; COCO ground truth has images, annotations, categories")
    if not isinstance(rows, list | tuple):
        raise InputError(f"{pred_name} is not a list of {{image_id, category_id, bbox, score}}")
    categories, ordered = _by_id(ground_truth, "categories", gt_name), _by_id(ground_truth, "images", gt_name)
    names = [printable(c.get("name", c["id"])) for c in categories]
    if len(set(names)) < len(names):
        raise InputError(f"{gt_name} has two categories named {max(names, key=names.count)!r}")
    labels = {c["id"]: k for k, c in enumerate(categories, 1)}
    ids = {im["id"]: i for i, im in enumerate(ordered, 1)}
    gts, everywhere, others = _annotations(ground_truth["annotations"], ids, labels, gt_name)
    finder = PictureIds(ordered, pred_name)
    dets = _predictions(rows, finder.of_rows(rows), labels, pred_name)
    pictures = [_picture(im) for im in ordered]
    notes = (*finder.notes, *shift_note(gts, dets, labels, pred_name))
    return Scene(names, len(ids), _numbered(gts), _numbered(dets), everywhere, pictures, frozenset(others), notes)


def _by_id(ground_truth: Mapping[str, Any], key: str, name: str) -> list[dict]:
    """The images or categories in order of their ids, numbers before strings."""
    rows = ground_truth[key]
    if not rows:
        raise InputError(f"{name} has no {key}: there is nothing to evaluate")
    for i, row in enumerate(rows, 1):
        if not isinstance(row, Mapping) or not isinstance(row.get("id"), int | str):
            raise InputError(f"{name}: row {i} of {key!r} has no id")
    if len({row["id"] for row in rows}) < len(rows):
        ids = [row["id"] for row in rows]
        raise InputError(f"{name} has two {key} with id {max(ids, key=ids.count)!r}")
    return sorted(rows, key=lambda row: (isinstance(row["id"], str), row["id"]))


def _picture(row: Mapping[str, Any]) -> Picture:
    """The file and size of a row of `images`, as far as they are stated."""
    sides = (row.get("width"), row.get("height"))
    width, height = (int(v) if isinstance(v, int | float) and math.isfinite(v) else 0 for v in sides)
    return Picture(str(row.get("file_name") or ""), width, height)


def _load(source: Source, name: str) -> Any:
    """Parse a JSON file; hand on what is loaded already."""
    if not isinstance(source, str | Path):
        return source
    if not Path(source).exists():
        raise InputError(f"there is no file {name}")
    regular_file(Path(source))
    try:
        return json.loads(Path(source).read_text(encoding="utf-8"))
    except json.JSONDecodeError as e:
        text = e.doc.rstrip()
        early = e.pos >= len(text) or not text.endswith(("]", "}"))
        what = "ends early, so it was not written to its end" if early else f"is not JSON: {e.msg}"
        raise InputError(f"{name} {what} (line {e.lineno}, column {e.colno})") from None
    except (OSError, UnicodeDecodeError) as e:
        raise InputError(f"{name} cannot be read as a text file: {e}") from None
    except (ValueError, RecursionError) as e:  # a number of 5,000 digits, lists in lists
        raise InputError(f"{name} cannot be read as JSON: {e}") from None


def _box(row: Mapping[str, Any]) -> list[float] | None:
    """The row's bbox as four finite floats, or None."""
    try:
        box = [float(v) for v in row["bbox"]]
    except (KeyError, TypeError, ValueError):
        return None
    return box if len(box) == 4 and all(map(math.isfinite, box)) else None


def _annotations(
    rows: Sequence[Any], ids: dict, labels: dict, name: str
) -> tuple[list[dict], list[tuple[int, list]], set[int]]:
    """Check the annotations; return those of a class, the boxes ignored by every class, and which are others."""
    gts: list[dict] = []
    everywhere: list[tuple[int, list]] = []
    others: set[int] = set()
    for i, row in enumerate(rows, 1):
        box = _box(row)
        if box is None or box[2] < 0 or box[3] < 0:
            raise InputError(f"{name} annotation {i}: bbox must be [x, y, w, h] with w and h not negative")
        image, label = ids.get(row.get("image_id")), row.get("category_id")
        if image is None:
            raise InputError(f"{name} annotation {i}: image_id {row.get('image_id')!r} is not among its images")
        crowd = int(bool(row.get("iscrowd", 0)))
        if label == 0 and 0 not in labels:
            if not (crowd or row.get("ignore", 0)):
                raise InputError(f"{name} annotation {i}: category_id 0 is for ignore regions; add iscrowd: 1")
            if from_coco(row) == IgnoreKind.OTHERS:
                others.add(len(everywhere))
            everywhere.append((image, box))
            continue
        if label not in labels:
            raise InputError(f"{name} annotation {i}: unknown category_id {label!r}; {known(labels)}")
        ignored = row.get("ignore", 0) or row.get("uncertain", 0)  # the second is TinyPerson's
        area = NO_SIZE if ignored and not crowd else row.get("area", box[2] * box[3])
        if not isinstance(area, int | float) or math.isnan(area):
            raise InputError(f"{name} annotation {i}: area {area!r} is not a number")
        gts.append({"image_id": image, "category_id": labels[label], "bbox": box, "area": area, "iscrowd": crowd})
    return gts, everywhere, others


def _predictions(rows: Sequence[Any], images: Sequence[int], labels: dict, name: str) -> list[dict]:
    """Check the predictions row by row and rename their images and classes to those of the scene."""
    dets = []
    for i, (row, image) in enumerate(zip(rows, images, strict=True), 1):
        try:
            label, score, box = row["category_id"], float(row["score"]), _box(row)
            unknown = label not in labels
            if image < 0:
                raise KeyError("image_id")
        except (KeyError, TypeError, ValueError):
            raise InputError(f"{name} row {i}: not {{image_id, category_id, bbox, score}}") from None
        if box is None or box[2] <= 0 or box[3] <= 0:
            raise InputError(f"{name} row {i}: bbox {row.get('bbox')} must be [x, y, w, h] with w > 0 and h > 0")
        if not 0 <= score <= 1:
            raise InputError(f"{name} row {i}: score {score:g} is outside 0..1")
        if unknown:
            hint = hint_of([r.get("category_id") for r in rows if isinstance(r, Mapping)], labels)
            raise InputError(f"{name} row {i}: unknown category_id {label!r}; {known(labels)}{hint}")
        dets.append(
            {"image_id": image + 1, "category_id": labels[label], "bbox": box, "area": box[2] * box[3], "score": score}
        )
    return dets
