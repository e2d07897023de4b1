"""What was found in a picture: boxes, scores, classes, tracks, and where was looked twice."""

from __future__ import annotations

import colorsys
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..picture_names import PictureName
from .coco_rows import rows_of
from .drawing import Colour, hides, in_a_notebook, legend, outline

YELLOW = (0, 255, 255)  # of crops


@dataclass(frozen=True)
class Detections:
    """What was found in a picture or a frame.

    Attributes:
        path: where the picture came from.
        image: (H, W, C) uint8, BGR where it has three channels.
        names: of the classes, by number.
        rows: (n, 6) float32 xyxy in pixels of the picture, score, class; the best first.
        crops: (m, 4) xyxy in pixels of the picture, where was looked twice.
        ids: (n,) numbers of the tracks; None where nothing was followed.
        frame: number of the frame, from 1 up; None for a picture.
        fps: of the video.
        name: what the picture is called among the others of its source; None: by its path.
    """

    path: str
    image: np.ndarray
    names: dict[int, str]
    rows: np.ndarray
    crops: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    ids: np.ndarray | None = None
    frame: int | None = None
    fps: float = 30.0
    name: PictureName | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def boxes(self) -> np.ndarray:
        """(n, 4) xyxy, pixels of the picture."""
        return self.rows[:, :4]

    @property
    def scores(self) -> np.ndarray:
        """(n,) 0..1."""
        return self.rows[:, 4]

    @property
    def classes(self) -> np.ndarray:
        """(n,) numbers of the classes."""
        return self.rows[:, 5].astype(int)

    @property
    def called(self) -> PictureName:
        """What the picture is called."""
        return self.name or PictureName(Path(self.path).name, Path(self.path).stem)

    def to_json(self) -> list[dict[str, Any]]:
        """Rows of COCO results, as predictions.json of the full package has them: xywh pixels, classes from 1 up.

        Those of a video say the frame, those of a track its number.
        """
        return rows_of(self.rows, self.called, range(1, len(self.names) + 1), self.frame, self.ids)

    def to_txt(self, scores: bool = False) -> str:
        """Rows of a YOLO label file: class, centre and size as shares of the picture, score where asked for, track."""
        h, w = self.image.shape[:2]
        x1, y1, x2, y2 = self.boxes.T
        columns = [self.classes, (x1 + x2) / 2 / w, (y1 + y2) / 2 / h, (x2 - x1) / w, (y2 - y1) / h]
        columns += [self.scores] if scores else []
        columns += [] if self.ids is None else [self.ids]
        return "".join(" ".join(f"{v:g}" for v in row) + "\n" for row in zip(*columns, strict=True))

    def counts(self) -> dict[str, int]:
        """How many there are of each class that is there, by name."""
        return {self.names[c]: n for c, n in sorted(Counter(self.classes.tolist()).items())}

    def _repr_mimebundle_(self, **_: Any) -> Any:
        """What a notebook shows of a result at the end of a cell: its picture, with boxes."""
        counts = ", ".join(f"{n} {name}" for name, n in self.counts().items())
        return in_a_notebook(self.draw(), f"{self.called.file}: {counts or '(no detections)'}")

    def draw(self) -> np.ndarray:
        """(H, W, 3) uint8 BGR: boxes and crops on a copy of the picture.

        Tiny objects have thin boxes and a legend in place of labels; tracks have their number.
        """
        image = np.ascontiguousarray(_colour(self.image))
        for x1, y1, x2, y2 in self.crops.round().astype(int).tolist():
            cv2.rectangle(image, (x1, y1), (x2 - 1, y2 - 1), YELLOW, max(round(sum(image.shape[:2]) / 3000), 1))
        kinds = self.classes.tolist()
        numbers = kinds if self.ids is None else self.ids.tolist()
        small = hides(self.boxes, image.shape)
        words = [""] * len(kinds) if self.ids is None else [str(n) for n in numbers]
        if not small:
            words = [
                f"{word} {self.names[c]} {s:.2f}".strip()
                for word, c, s in zip(words, kinds, self.scores.tolist(), strict=True)
            ]
        outline(image, self.boxes.astype(float), [paint(n) for n in numbers], words if any(words) else None)
        if small and self.ids is None:
            found = {self.names[c]: (n, paint(c)) for c, n in sorted(Counter(kinds).items())}
            legend(image, self.boxes, found)
        return image


def _colour(image: np.ndarray) -> np.ndarray:
    """A copy in three channels: the first three of more, grey of one."""
    if image.shape[2] >= 3:
        return image[..., :3].copy()
    return cv2.cvtColor(np.ascontiguousarray(image[..., 0]), cv2.COLOR_GRAY2BGR)


@cache
def paint(number: int) -> Colour:
    """A bright colour for a class or a track, BGR; neighbours differ."""
    share = number * 0.618034 % 1  # the golden section spreads any count of hues evenly
    r, g, b = colorsys.hsv_to_rgb(share, 0.9, 1.0)
    return round(255 * b), round(255 * g), round(255 * r)
