"""From what a user has (COCO JSON files, or the arrays of a training loop) to one checked `Scene`."""

from __future__ import annotations

import gc
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..ignore import IgnoreKind, from_coco
from ..rasters.vectors import is_vector
from ..text import printable
from ..yaml_file import regular_file
from .category_ids import hint_of, known, shift_note
from .picture_ids import PictureIds
from .scene import NO_SIZE, Detections, Objects, Picture, Regions, Scene, rows_at, rows_of
from .vector_files import as_coco

Source = str | Path | Mapping[str, Any] | Sequence[Any]
NAN_BOX = (math.nan,) * 4


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

    Detections with a NaN or infinite number are dropped, as they have no place in the order of scores, and so are those
    without area, as from a file.
    """
    names = [names[k] for k in sorted(names)] if isinstance(names, Mapping) else list(names)
    parts: dict[Any, list[tuple[np.ndarray, ...]]] = {Objects: [], Detections: [], Regions: []}
    count = 0
    for count, (gt_boxes, gt_labels, ignore, det_boxes, det_scores, det_labels) in enumerate(images, 1):
        image = count - 1
        boxes, labels = _xywh(gt_boxes), _numpy(gt_labels).astype(int).ravel()
        parts[Objects].append((np.full(len(boxes), image), labels, boxes, np.zeros(len(boxes), bool)))
        regions = _numpy(ignore)
        regions = regions.reshape(-1, regions.shape[1] if regions.ndim == 2 else 4)
        boxes = _xywh(regions[:, :4])
        of = regions[:, 4].astype(int) if regions.shape[1] > 4 else np.full(len(regions), IgnoreKind.EVERY.value)
        crowd = of >= 0
        parts[Objects].append((np.full(crowd.sum(), image), of[crowd], boxes[crowd], np.ones(crowd.sum(), bool)))
        others = of[~crowd] == IgnoreKind.OTHERS
        parts[Regions].append((np.full(len(others), image), boxes[~crowd], others))
        boxes, scores, labels = _xywh(det_boxes), _numpy(det_scores).ravel(), _numpy(det_labels).astype(int).ravel()
        keep = np.isfinite(boxes).all(1) & np.isfinite(scores) & (boxes[:, 2:] > 0).all(1)
        parts[Detections].append((np.full(keep.sum(), image), labels[keep], boxes[keep], scores[keep]))
    assert not pictures or len(pictures) == count, f"{len(pictures)} files for {count} images"
    (i, k, box, crowd), (j, of_det, found, score) = (_joined(parts[kind], 4) for kind in (Objects, Detections))
    for labels, what in ((k, "ground truth"), (of_det, "detection")):
        assert ((labels >= 0) & (labels < len(names))).all(), f"{what} label outside 0..{len(names) - 1}"
    gts, dets = (
        rows_of(Objects, i, k, box, _area(box), crowd),
        rows_of(Detections, j, of_det, found, _area(found), score),
    )
    return Scene(names, count, gts, dets, rows_of(Regions, *_joined(parts[Regions], 3)), pictures)


def _joined(parts: list[tuple[np.ndarray, ...]], columns: int) -> list[np.ndarray]:
    """The columns of all images one after the other."""
    return [np.concatenate(column) for column in zip(*parts, strict=True)] or [np.zeros(0)] * columns


def _area(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) left, top, width, height, or nothing -> (N,) width times height."""
    boxes = boxes.reshape(-1, 4)
    return boxes[:, 2] * boxes[:, 3]


def _numpy(x: Any) -> np.ndarray:
    """A tensor of any device and type, an array or a list -> float64 array."""
    return np.asarray(x.detach().float().cpu() if hasattr(x, "detach") else x, dtype=np.float64)


def _xywh(x: Any) -> np.ndarray:
    """(N, 4) xyxy, or anything empty -> (N, 4) left, top, width, height."""
    x = _numpy(x).reshape(-1, 4)
    return np.concatenate((x[:, :2], x[:, 2:] - x[:, :2]), 1)


def read(gt: Source, pred: Source, class_field: str | None = None) -> Scene:
    """Read ground truth and predictions in COCO form, from files or already loaded, or from two vector files.

    Args:
        gt, pred: COCO JSON, or GeoPackage and GeoJSON, see `vector_files.as_coco`.
        class_field: of a vector file of ground truth, the field of the class.

    Raises:
        InputError: what is wrong, in which file and row (rows count from 1).
    """
    gt_name = str(gt) if isinstance(gt, str | Path) else "ground truth"
    pred_name = str(pred) if isinstance(pred, str | Path) else "predictions"
    if is_vector(gt) or is_vector(pred):
        gt, pred = as_coco(gt, pred, class_field)
    elif class_field is not None:
        raise InputError(
            f"class_field={class_field} is of vector files; {gt_name} is COCO JSON, which names its classes"
        )
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
    labels = {c["id"]: k for k, c in enumerate(categories)}
    ids = {im["id"]: i for i, im in enumerate(ordered)}
    gts, regions = _annotations(ground_truth["annotations"], ids, labels, gt_name)
    finder = PictureIds(ordered, pred_name)
    dets, empty = _predictions(rows, finder.of_rows(rows), labels, pred_name)
    notes = (*finder.notes, *empty, *shift_note(gts, dets, labels, pred_name))
    return Scene(names, len(ids), gts, dets, regions, [_picture(im) for im in ordered], notes)


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
        with _no_collection():
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


@contextmanager
def _no_collection() -> Iterator[None]:
    """Hold the garbage collector: hundreds of thousands of new rows set it off again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _mappings(rows: Sequence[Any]) -> Sequence[Any]:
    """The rows, an empty one for what is none; the check of its columns will refuse that."""
    return rows if {type(row) for row in rows} <= {dict} else [r if isinstance(r, Mapping) else {} for r in rows]


def _box(row: Mapping[str, Any]) -> list[float] | None:
    """The row's bbox as four finite floats, or None."""
    try:
        box = [float(v) for v in row["bbox"]]
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return box if len(box) == 4 and all(map(math.isfinite, box)) else None


def _boxes(rows: Sequence[Any]) -> np.ndarray:
    """(N, 4) the boxes of rows, NaN where there is none."""
    try:
        boxes = list(map(itemgetter("bbox"), rows))
        if set(map(len, boxes)) <= {4}:
            table = np.fromiter(chain.from_iterable(boxes), float, 4 * len(boxes)).reshape(-1, 4)
            return np.where(np.isfinite(table).all(1)[:, None], table, np.nan)
    except (KeyError, TypeError, ValueError, OverflowError):
        pass
    return np.array([_box(row) or NAN_BOX for row in rows], float).reshape(-1, 4)


def _number(value: Any) -> float:
    """A value as a float, NaN where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _numbers(values: list[Any]) -> np.ndarray:
    """(N,) values as floats, NaN for what is no number."""
    try:
        return np.fromiter(values, float, len(values))
    except (TypeError, ValueError, OverflowError):
        return np.array([_number(v) for v in values])


def _places(rows: Sequence[Any], key: str, known: Mapping[Any, int]) -> np.ndarray:
    """(N,) the place that a value of each row stands for, -1 where that is not known."""
    try:
        return np.fromiter(map(known.__getitem__, map(itemgetter(key), rows)), int, len(rows))
    except (KeyError, TypeError):  # none, unknown, or a list as id
        found = (row.get(key) for row in rows)
        return np.array([known.get(v, -1) if isinstance(v, int | float | str) else -1 for v in found], int)


def _annotations(rows: Sequence[Any], ids: dict, labels: dict, name: str) -> tuple[Objects, Regions]:
    """Check the annotations; return those of a class, and the regions ignored by every class."""
    rows = _mappings(rows)
    boxes, image, label = _boxes(rows), _places(rows, "image_id", ids), _places(rows, "category_id", labels)
    everywhere = np.zeros(len(rows), bool)
    if 0 not in labels:
        everywhere[[i for i in np.flatnonzero(label < 0).tolist() if rows[i].get("category_id") == 0]] = True
    crowd = np.array([bool(row.get("iscrowd")) for row in rows], bool)
    ignored = np.array(
        [bool(row.get("ignore") or row.get("uncertain")) for row in rows], bool
    )  # the last: TinyPerson's
    areas = [row.get("area", a) for row, a in zip(rows, _area(boxes).tolist(), strict=True)]
    if not set(map(type, areas)) <= {int, float}:
        areas = [a if isinstance(a, int | float) else math.nan for a in areas]
    area = _numbers(areas)
    area[ignored & ~crowd] = NO_SIZE
    bad = ~(boxes[:, 2:] >= 0).all(1) | (image < 0) | ((label < 0) & ~(everywhere & (crowd | ignored)))
    bad |= np.isnan(area) & ~everywhere
    for i in np.flatnonzero(bad).tolist():
        raise InputError(f"{name} annotation {i + 1}: {_wrong_annotation(rows[i], ids, labels)}")
    gts = rows_of(Objects, image, label, boxes, area, crowd)
    others = [from_coco(rows[i]) == IgnoreKind.OTHERS for i in np.flatnonzero(everywhere).tolist()]
    return rows_at(gts, ~everywhere), rows_of(Regions, image[everywhere], boxes[everywhere], others)


def _wrong_annotation(row: Mapping[str, Any], ids: dict, labels: dict) -> str:
    """What is wrong with an annotation."""
    box, label = _box(row), row.get("category_id")
    if box is None or box[2] < 0 or box[3] < 0:
        return "bbox must be [x, y, w, h] with w and h not negative"
    if _places([row], "image_id", ids)[0] < 0:
        return f"image_id {row.get('image_id')!r} is not among its images"
    if _places([row], "category_id", labels)[0] >= 0:
        return f"area {row.get('area')!r} is not a number"
    if label == 0:
        return "category_id 0 is for ignore regions; add iscrowd: 1"
    return f"unknown category_id {label!r}; {known(labels)}"


def _predictions(
    rows: Sequence[Any], images: Sequence[int], labels: dict, name: str
) -> tuple[Detections, tuple[str, ...]]:
    """Check the predictions, whose pictures are known, and rename their classes to those of the scene.

    Returns:
        Those with an area, and what to say of the others: a box cut to the picture, as ultralytics' validator cuts
        them, may be nothing.
    """
    rows, image = _mappings(rows), np.array(images, int)
    boxes, label = _boxes(rows), _places(rows, "category_id", labels)
    score = _numbers([row.get("score") for row in rows])
    bad = ~(np.isfinite(boxes).all(1) & (image >= 0) & (label >= 0) & (score >= 0) & (score <= 1))
    for i in np.flatnonzero(bad).tolist():
        hint = hint_of([row.get("category_id") for row in rows], labels) if label[i] < 0 else ""
        raise InputError(f"{name} row {i + 1}: {_wrong_prediction(rows[i], bool(image[i] >= 0), labels, hint)}")
    dets = rows_of(Detections, image, label, boxes, _area(boxes), score)
    empty = np.flatnonzero((boxes[:, 2:] <= 0).any(1))
    if not len(empty):
        return dets, ()
    note = f"{name}: {len(empty):,} of {len(rows):,} boxes have no width or no height and are left out, the first in "
    return rows_at(dets, np.flatnonzero((boxes[:, 2:] > 0).all(1))), (f"{note}row {empty[0] + 1}",)


def _wrong_prediction(row: Mapping[str, Any], placed: bool, labels: dict, hint: str) -> str:
    """What is wrong with a prediction; `placed` says whether its picture is known."""
    box, score = _box(row), _number(row.get("score"))
    complete = {"category_id", "bbox", "score"} <= row.keys() and placed
    if (
        not complete
        or isinstance(row["category_id"], list | dict)
        or (math.isnan(score) and not isinstance(row["score"], float))
    ):
        return "not {image_id, category_id, bbox, score}"
    if box is None:
        return f"bbox {row.get('bbox')} must be [x, y, w, h]"
    if not 0 <= score <= 1:
        return f"score {score:g} is outside 0..1"
    return f"unknown category_id {row['category_id']!r}; {known(labels)}{hint}"
