"""predictions.json, the file that `yolotiny eval` scores: its rows, and writing them as they come."""

from __future__ import annotations

import json
import os
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


class RowFile:
    """A JSON list that grows picture by picture, so that a folder of any size fits into memory.

    The file stands under its name once it is whole; until then, and if the run is cut off, it ends in `.part`.

    Args:
        path: the file.
    """

    def __init__(self, path: Path):
        self.path, self.part = path, path.with_name(path.name + ".part")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file, self.rows = self.part.open("w", encoding="utf-8"), 0

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Append rows."""
        for row in rows:
            self.file.write(("[" if not self.rows else ",\n") + json.dumps(row))
            self.rows += 1

    def close(self) -> None:
        """Finish the file."""
        self.file.write("]\n" if self.rows else "[]\n")
        self.file.close()
        os.replace(self.part, self.path)
