"""predictions.json, the file that `yolotiny eval` scores: its rows, and writing them as they come."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..files import cannot_write
from ..picture_names import PictureName


def rows_of(
    rows: np.ndarray,
    picture: PictureName,
    categories: Sequence[int],
    frame: int | None = None,
    ids: np.ndarray | None = None,
) -> list[dict[str, Any]]:
    """Detections of a picture or of a frame of a video, by its name.

    Args:
        rows: (n, 6) xyxy in pixels of the picture, score, class.
        picture: among all that were looked at.
        categories: the `category_id` of each class.
        frame: its number, where the file is a video.
        ids: (n,) numbers of the tracks, where objects were followed.
    """
    stem = picture.stem if frame is None else f"{picture.stem}_{frame}"
    sides = rows[:, 2:4] - rows[:, :2]
    corners = (rows[:, :2] + rows[:, 2:4]) / 2 - sides / 2
    found = zip(np.concatenate((corners, sides), 1).tolist(), rows[:, 4].tolist(), rows[:, 5].tolist(), strict=True)
    made = [
        {
            "image_id": int(stem) if stem.isdecimal() else stem,
            "file_name": picture.file,
            "category_id": categories[int(c)],
            "bbox": [round(x, 3) for x in b],
            "score": round(s, 5),
        }
        | ({} if frame is None else {"frame": frame})
        for b, s, c in found
    ]
    return made if ids is None else [row | {"track_id": int(n)} for row, n in zip(made, ids, strict=True)]


class RowFile:
    """A JSON list that grows picture by picture, so that a folder of any size fits into memory.

    The file stands under its name once it is whole; until then, and if the run is cut off, it ends in `.part`.

    Args:
        path: the file.

    Raises:
        InputError: in all methods, where the system cannot write it.
    """

    def __init__(self, path: Path):
        self.path, self.part, self.rows, self.pictures = path, path.with_name(path.name + ".part"), 0, 0
        with self._told():
            path.parent.mkdir(parents=True, exist_ok=True)
            self.file = self.part.open("wb", buffering=0)  # a disk that is full says so at once

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Append the rows of a picture."""
        lines = [("[" if not self.rows + i else ",\n") + json.dumps(row) for i, row in enumerate(rows)]
        with self._told():
            self._put("".join(lines))
        self.rows += len(rows)
        self.pictures += 1

    def close(self) -> None:
        """Finish the file."""
        with self._told():
            self._put("]\n" if self.rows else "[]\n")
            self.file.close()
            os.replace(self.part, self.path)

    def cut(self) -> None:
        """End the file early: a list that can be read, which keeps its `.part` as it is not whole."""
        with self._told():
            self._put("]\n" if self.rows else "[]\n")
            self.file.close()

    def _put(self, text: str) -> None:
        left = memoryview(text.encode())
        while left:
            left = left[self.file.write(left) :]

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise cannot_write(self.path, error, f"{self.part} has {self.pictures} pictures") from error
