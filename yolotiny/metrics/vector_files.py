"""Vector files of polygons as ground truth and detections: one raster, scored by cells of ground."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..ops.nms import close_pairs
from ..rasters import vectors
from ..rasters.place import Place, between, of_metadata

CELL_PX = 1024  # a side; a cell is what a picture is elsewhere: caps of protocols and intervals count by it
FIELD, SCORE = "class", "score"  # in the files that `predict` writes


def as_coco(gt: Any, pred: Any, class_field: str | None = None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Two vector files as COCO ground truth and rows of detections, in pixels of the raster.

    Boxes that overlap lie in one cell, so that what is counted is the same as in a picture of the whole raster.

    Args:
        gt: the file of the objects, in any coordinate system.
        pred: that of the detections; what `predict` writes says the raster's pixels.
        class_field: the field of the objects' class; `class` where nobody says. Detections have it in `class`.

    Raises:
        InputError: a file that is none, a field that is not there, coordinate systems of which one is missing.
    """
    if not (vectors.is_vector(gt) and vectors.is_vector(pred)):
        other = pred if vectors.is_vector(gt) else gt
        raise InputError(
            f"{other if isinstance(other, (str, Path)) else 'the other'} is no vector file, as its pair is"
        )
    truth, found = vectors.read(gt), vectors.read(pred)
    if bool(truth.crs) != bool(found.crs):
        raise InputError(f"{gt if found.crs else pred} has no coordinate system, and its pair has one")
    place = of_metadata(found.metadata) or of_metadata(truth.metadata) or Place(crs=found.crs)
    scores = found.column(SCORE, pred) if len(found.geometries) else np.zeros(0)
    kinds = [_classes(truth, class_field or FIELD, gt), _classes(found, FIELD, pred)]
    names = sorted({*kinds[0], *kinds[1]})
    boxes = [place.boxes(between(f.geometries, f.crs, place.crs)) for f in (truth, found)]
    cells = _cells(np.concatenate(boxes))
    rows = [
        {"image_id": int(cell) + 1, "category_id": names.index(kind) + 1, "bbox": [x1, y1, x2 - x1, y2 - y1]}
        for cell, kind, (x1, y1, x2, y2) in zip(
            cells, [*kinds[0], *kinds[1]], np.concatenate(boxes).tolist(), strict=True
        )
    ]
    n = len(truth.geometries)
    objects = [row | {"id": i, "area": row["bbox"][2] * row["bbox"][3]} for i, row in enumerate(rows[:n], 1)]  # type: ignore[index]
    images = [{"id": i + 1, "file_name": ""} for i in range(max(cells, default=0) + 1)]
    categories = [{"id": i, "name": name} for i, name in enumerate(names, 1)]
    detections = [row | {"score": float(score)} for row, score in zip(rows[n:], scores, strict=True)]
    return {"images": images, "annotations": objects, "categories": categories}, detections


def _classes(found: vectors.Features, name: str, where: Any) -> list[str]:
    """The class of each polygon.

    Raises:
        InputError: no such field, or what is no polygon.
    """
    if not len(found.geometries):
        return []
    if not found.polygons.all():
        raise InputError(f"{where} holds features that are no polygons: {int((~found.polygons).sum())} of them")
    return [str(value) for value in found.column(name, where)]


def _cells(boxes: np.ndarray) -> list[int]:
    """(n, 4) xyxy, pixels -> the number of the cell of each; those that overlap, also through others, have one."""
    home = np.arange(len(boxes))
    for i, j in _overlapping(boxes):
        home[_root(home, i)] = _root(home, j)
    first = boxes[[_root(home, i) for i in range(len(boxes))]]
    places = ((first[:, :2] + first[:, 2:]) / 2 // CELL_PX).astype(int)
    return np.unique(places, axis=0, return_inverse=True)[1].ravel().tolist() if len(boxes) else []


def _root(home: np.ndarray, i: int) -> int:
    """The number that stands for all boxes that hang together with one."""
    while home[i] != i:
        home[i] = home[home[i]]
        i = int(home[i])
    return i


def _overlapping(boxes: np.ndarray) -> Sequence[tuple[int, int]]:
    """Pairs of (n, 4) boxes that share a pixel."""
    pairs: list[tuple[int, int]] = []
    for i, j in close_pairs(boxes[:, 0], boxes[:, 2] - boxes[:, 0]):
        meet = (boxes[i, 1] < boxes[j, 3]) & (boxes[j, 1] < boxes[i, 3])
        pairs += zip(i[meet].tolist(), j[meet].tolist(), strict=True)
    return pairs
