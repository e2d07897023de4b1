"""What can be wrong with the boxes of one picture although training accepts each of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pycocotools import mask

from ..records import TOLERANCE
from .samples import Problem, Sample

SAME = 0.95  # IoU from which two boxes are one
LEAST = 2.0  # pixels: with less on one side, an object is hardly more than noise after resizing


def check_boxes(sample: Sample, imgsz: int) -> Iterator[Problem]:
    """Yield the boxes over the edge, too small at `imgsz`, or there twice, each by its row.

    Args:
        sample: a picture with its boxes.
        imgsz: pixels to which the longer side of the picture is resized.
    """
    boxes, file = sample.boxes, sample.label_file
    if not len(boxes):
        return
    reach = np.zeros(len(boxes)) if sample.reach is None else sample.reach
    for i in np.flatnonzero(reach > TOLERANCE).tolist():
        yield Problem("over edge", file, int(sample.rows[i]), f"by {reach[i]:.1f} px")
    longest = max(sample.width, sample.height)
    side = (boxes[:, 2:] - boxes[:, :2]).round(3).min(1) * imgsz / longest  # shares of a label file are rounded
    for i in np.flatnonzero(side < LEAST).tolist():
        yield Problem("below 2 px", file, int(sample.rows[i]), f"{side[i]:.1f} px on its shorter side")
    for i, j, overlap in _pairs(boxes):
        same = sample.labels[i] == sample.labels[j]
        first = f"row {sample.rows[i]}" + ("" if same else f", class {sample.labels[i]} and {sample.labels[j]}")
        kind = "duplicate" if same else "two classes"
        yield Problem(kind, file, int(sample.rows[j]), f"IoU {overlap:.2f} with {first}")


def _pairs(boxes: np.ndarray) -> list[tuple[int, int, float]]:
    """(first, second, IoU) of every box that is there before, once for each second."""
    xywh = np.concatenate((boxes[:, :2], boxes[:, 2:] - boxes[:, :2]), 1)
    table = np.triu(np.asarray(mask.iou(xywh, xywh, [0] * len(xywh))), 1)
    again = np.flatnonzero(table.max(0) > SAME)
    return [(int(table[:, j].argmax()), int(j), float(table[:, j].max())) for j in again]
