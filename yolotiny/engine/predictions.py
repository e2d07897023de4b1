"""Rows of predictions.json, the file that `yolotiny eval` scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor
from ultralytics.utils import ops


def rows_of(found: dict[str, Tensor], file: str, categories: Sequence[int]) -> list[dict[str, Any]]:
    """Detections of a picture, by its file stem.

    Args:
        found: `bboxes` (n, 4) xyxy in pixels of the picture, `conf` (n,), `cls` (n,).
        file: the picture.
        categories: the `category_id` of each class.
    """
    stem = Path(file).stem
    box = ops.xyxy2xywh(found["bboxes"])
    box[:, :2] -= box[:, 2:] / 2
    rows = zip(box.tolist(), found["conf"].tolist(), found["cls"].tolist(), strict=True)
    return [
        {
            "image_id": int(stem) if stem.isnumeric() else stem,
            "file_name": Path(file).name,
            "category_id": categories[int(c)],
            "bbox": [round(x, 3) for x in b],
            "score": round(s, 5),
        }
        for b, s, c in rows
    ]
