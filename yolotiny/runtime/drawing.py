"""Tiny objects drawn so that they stay visible: thin lines round them, a legend in place of labels."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

# Objects whose median side is less than so many of ultralytics' line widths are hidden by labels, which are ten high.
LABELS = 20
DENSE, LARGE = 8.0, 32.0  # pixels, median side of objects: lines have 1 px up to the first, 2 px from the second on
WIDE = 2000  # pixels, mean side of a picture from which lines have 2 px between the two: it is seen scaled down
MOST = 0.1  # of a picture: a legend that would take more is left out
SHOWN, READABLE = 1024, 640  # pixels, longer side in a notebook: at most, and what small pictures are enlarged to
FONT, SMALL = cv2.FONT_HERSHEY_SIMPLEX, 0.35
Colour = tuple[int, int, int]


def hides(boxes: np.ndarray, shape: Sequence[int]) -> bool:
    """Whether ultralytics' labels, which grow with the picture, would hide objects like these.

    Args:
        boxes: (n, 4) xyxy, pixels of the picture.
        shape: (height, width, ...) of the picture.
    """
    line = max(round((shape[0] + shape[1] + 3) / 2 * 0.003), 2)
    return len(boxes) > 0 and _side(boxes) < LABELS * line


def outline(img: np.ndarray, boxes: np.ndarray, paints: Sequence[Colour], texts: Sequence[str] | None = None) -> None:
    """Draw boxes round what they hold, not over it, and small texts above them; the first of the list on top.

    Args:
        img: (H, W, 3) BGR, drawn on.
        boxes: (n, 4) xyxy, pixels of the picture.
        paints: a colour for each.
        texts: one for each, or None.
    """
    if not len(boxes):
        return
    width = 2 if _side(boxes) > (DENSE if sum(img.shape[:2]) / 2 >= WIDE else LARGE) else 1
    for (x1, y1, x2, y2), paint in reversed(list(zip(boxes.tolist(), paints, strict=True))):
        for i in range(1, width + 1):
            corner = math.floor(x1) - i, math.floor(y1) - i
            cv2.rectangle(img, corner, (math.ceil(x2) + i - 1, math.ceil(y2) + i - 1), paint, 1)
    for (x1, y1, _, _), paint, text in zip(boxes.tolist(), paints, texts or (), strict=texts is not None):
        for colour, thick in (((0, 0, 0), 2), (paint, 1)):
            cv2.putText(img, text, (int(x1), max(int(y1) - 3, 8)), FONT, SMALL, colour, thick, cv2.LINE_AA)


def legend(img: np.ndarray, boxes: np.ndarray, counts: Mapping[str, tuple[int, Colour]]) -> None:
    """Write each class, its colour and its number into the corner that holds the fewest boxes.

    Args:
        img: (H, W, 3) BGR, drawn on.
        boxes: (n, 4) xyxy, pixels of the picture.
        counts: by name how many there are and their colour.
    """
    h, w = img.shape[:2]
    scale = max(0.4, (h + w) / 4000)
    lines = [f"{name} {count}" for name, (count, _) in counts.items()]
    step, thick = round(32 * scale), max(round(scale), 1)
    wide = max((cv2.getTextSize(line, FONT, scale, thick)[0][0] for line in lines), default=0) + 2 * step
    high = step * len(lines) + step // 2
    if not lines or wide * high > MOST * w * h or wide > w or high > h:
        return
    corners = [(0, 0), (w - wide, 0), (0, h - high), (w - wide, h - high)]
    covered = [int(((boxes[:, :2] < (x + wide, y + high)) & (boxes[:, 2:] > (x, y))).all(1).sum()) for x, y in corners]
    x, y = corners[int(np.argmin(covered))]
    img[y : y + high, x : x + wide] = img[y : y + high, x : x + wide] // 3
    for i, (line, (_, paint)) in enumerate(zip(lines, counts.values(), strict=True)):
        base = y + round((i + 1) * step)
        cv2.rectangle(img, (x + step // 3, base - step // 2), (x + step, base), paint, -1)
        cv2.putText(img, line, (x + step + step // 3, base), FONT, scale, (255, 255, 255), thick, cv2.LINE_AA)


def in_a_notebook(img: np.ndarray, words: str) -> tuple[dict[str, str], dict[str, Any]]:
    """A drawing as the output of a notebook's cell, for `_repr_mimebundle_`.

    Large pictures are shrunk, so that a notebook stays a small file; small ones are shown a whole number of times
    enlarged.

    Args:
        img: (H, W, 3) uint8 BGR.
        words: what is shown where there are no pictures.

    Returns:
        The output by MIME type, and how wide it is shown.
    """
    longer = max(img.shape[:2])
    if longer > SHOWN:
        size = [max(round(side * SHOWN / longer), 1) for side in img.shape[1::-1]]
        img = cv2.resize(img, size, interpolation=cv2.INTER_AREA)
    code = cv2.imencode(".jpg", img, [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
    shown = {"text/plain": words, "image/jpeg": base64.b64encode(code.tobytes()).decode()}
    return shown, {"image/jpeg": {"width": img.shape[1] * max(READABLE // longer, 1)}}


def _side(boxes: np.ndarray) -> float:
    """The median side of (n, 4) boxes, the geometric mean of width and height."""
    return float(np.median(np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], 1))))
