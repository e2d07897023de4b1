"""Objects of other pictures pasted into a training picture: whole boxes, where nothing else lies."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..data.augment import Sample
from ..errors import whole
from ..ops.letterbox import GREY

LARGEST = 0.1  # of the side of the input: square root of the area of what is pasted; 32 px of 320
SMALLEST = 2.0  # pixels: there is nothing to see in a smaller box
MOST = 100  # objects for a picture
MARGIN = 0.2  # of the longer side of a box: what is feathered round it, at least 2 px
TRIES = 20  # random places that an object is offered
NEAR = 48  # of 255: how much brighter or darker the ground may be than that which the object comes from

Lent = tuple[np.ndarray, np.ndarray, np.ndarray]


def check_paste(count: Any, where: str) -> int:
    """The number of objects that a model file's `paste:` asks for; 0 for none.

    Raises:
        InputError: no whole number from 0 up to 100.
    """
    return whole(0 if count is None else count, f"paste in {where}", 0, MOST, example=6)


class Paste:
    """A step of augmentation (see `data.augment`) that pastes objects of one class of one other picture.

    An object comes with all that is in its box, and with a margin that fades into the ground and is made as bright as
    that: a seam would be learnt in place of the object. It comes alone: another object or an ignore region in the
    margin would be half there and without a label. The class is drawn by the square root of its number of objects, so
    that rare ones come more often than they are, and frequent ones still come.

    Args:
        labels: of all pictures, `bboxes` (n, 4) xywh as shares of the picture and `cls` (n, 1).
        lend: number of a picture -> (H, W, C) uint8 at the size of the input, (n, 4) xyxy pixels and (n,) classes.
        most: up to so many objects for a picture, every number from 0 on as often as any other.
        imgsz: side of the network input, pixels.
        nc: number of classes; from there on labels are ignore regions.

    Source: Kisantal et al. 2019 (Augmentation for small object detection), with boxes for masks; blended after Dwibedi
    et al. 2017 (Cut, paste and learn); the square root after Gupta et al. 2019 (LVIS).
    """

    def __init__(self, labels: list[dict[str, Any]], lend: Callable[[int], Lent], most: int, imgsz: int, nc: int):
        self.lend, self.most, self.largest, self.nc = lend, most, LARGEST * imgsz, nc
        self.pictures: dict[int, list[int]] = {}
        counts: dict[int, int] = {}
        for i, label in enumerate(labels):
            for c in label["cls"][:, 0].astype(int).tolist():
                if c < nc:
                    counts[c] = counts.get(c, 0) + 1
                    if self.pictures.setdefault(c, [])[-1:] != [i]:
                        self.pictures[c].append(i)
        self.classes, self.weights = list(counts), [n**0.5 for n in counts.values()]

    def __call__(self, sample: Sample) -> Sample:
        """Paste up to `most` objects, none on an object, an ignore region or padding.

        Args:
            sample: (H, W, C) uint8, 0..255, changed in place; boxes (n, 4) xyxy pixels, labels (n,).

        Returns:
            The same picture (H, W, C), with (n + k, 4) boxes and (n + k,) labels.
        """
        count = random.randint(0, self.most)
        if not count or not self.classes:
            return sample
        c = random.choices(self.classes, self.weights)[0]
        picture, boxes, labels = self.lend(random.choice(self.pictures[c]))
        patches = self._patches(picture, boxes, labels == c)
        image, taken = sample.image, [*sample.boxes]
        for _ in range(count if patches else 0):
            patch, alpha, box = random.choice(patches)
            if (at := _put(image, patch, alpha, np.array(taken).reshape(-1, 4))) is not None:
                taken.append(box + np.tile(at, 2))
        more = len(taken) - len(sample.boxes)
        return replace(
            sample,
            boxes=np.array(taken, np.float32).reshape(-1, 4),
            labels=np.append(sample.labels, np.full(more, c, sample.labels.dtype)),
        )

    def _patches(self, picture: np.ndarray, boxes: np.ndarray, wanted: np.ndarray) -> list[tuple]:
        """Objects that lie alone: (h, w, C) pixels, (h, w, 1) how much of them is seen, (4,) xyxy of the box there."""
        found = []
        sides = boxes[:, 2:] - boxes[:, :2]
        fits = wanted & (sides.prod(1) <= self.largest**2) & (sides >= SMALLEST).all(1)
        for i in np.flatnonzero(fits):
            margin = max(2.0, MARGIN * sides[i].max())
            low = np.floor(boxes[i, :2] - margin).astype(int)
            high = np.ceil(boxes[i, 2:] + margin).astype(int)
            inside = (low >= 0).all() and (high <= picture.shape[1::-1]).all()
            if inside and not _touching(np.array([*low, *high]), np.delete(boxes, i, 0)).any():
                box = boxes[i] - np.tile(low, 2)
                patch = picture[low[1] : high[1], low[0] : high[0]].astype(np.float32)
                found.append((patch, _feather(patch.shape, box, margin), box))
        return found


def _touching(place: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(n,) whether boxes (n, 4) reach into a place (4,), all xyxy pixels."""
    return (np.maximum(place[:2], boxes[:, :2]) < np.minimum(place[2:], boxes[:, 2:])).all(1)


def _feather(shape: tuple[int, ...], box: np.ndarray, margin: float) -> np.ndarray:
    """(h, w, 1) in 0..1: 1 in the box (4,), from there down to 0 within the margin, pixels."""
    off = [
        np.maximum(np.maximum(box[i] - at, at - box[i + 2]), 0)
        for i, at in ((0, np.arange(shape[1]) + 0.5), (1, np.arange(shape[0]) + 0.5))
    ]
    return (1 - np.maximum(off[0][None], off[1][:, None]) / margin).clip(0, 1)[..., None].astype(np.float32)


def _put(image: np.ndarray, patch: np.ndarray, alpha: np.ndarray, taken: np.ndarray) -> tuple[int, int] | None:
    """Blend a patch into a random free place of a picture.

    Args:
        image: (H, W, C) uint8, changed in place.
        patch: (h, w, C) float32, 0..255.
        alpha: (h, w, 1) how much of it is seen.
        taken: (n, 4) xyxy pixels that stay as they are.

    Returns:
        Left and top, pixels; None where no place was found, and nothing is changed.
    """
    (h, w), (height, width) = patch.shape[:2], image.shape[:2]
    margin = alpha[..., 0] < 1
    for _ in range(TRIES if h <= height and w <= width else 0):
        x, y = random.randint(0, width - w), random.randint(0, height - h)
        under = image[y : y + h, x : x + w]
        padding = (under == GREY).all(-1).mean() > 0.1  # between and round the pictures of a mosaic
        if padding or _touching(np.array([x, y, x + w, y + h]), taken).any():
            continue
        brighter = (under - patch)[margin].mean(0)
        if (np.abs(brighter) <= NEAR).all():
            image[y : y + h, x : x + w] = np.rint(under + alpha * (patch + brighter - under)).clip(0, 255)
            return x, y
    return None
