"""What is evaluated: ground truth and detections of a data set, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np

# An annotation with an area outside every size range is an ignore region with ordinary IoU matching in the COCO
# algorithm; its own `ignore` field is overwritten by `iscrowd` in every implementation of it.
NO_SIZE = -1.0


class Picture(NamedTuple):
    """The file of an image as the data set states it, and its size in pixels, 0 where it is not stated."""

    file: str = ""
    width: int = 0
    height: int = 0


class Objects(NamedTuple):
    """Annotations of one class each, one a place.

    Attributes:
        image: (M,) index of the picture, from 0.
        label: (M,) index of the class, from 0.
        box: (M, 4) left, top, width, height, pixels.
        area: (M,) square pixels; `NO_SIZE` for an object that may be found or missed, matched by IoU.
        crowd: (M,) True for an ignore region of the class, matched by the share of the detection inside it.
    """

    image: np.ndarray
    label: np.ndarray
    box: np.ndarray
    area: np.ndarray
    crowd: np.ndarray

    @property
    def optional(self) -> np.ndarray:
        """(M,) True where nothing has to be found: a crowd, or an object marked as ignored."""
        return self.crowd | (self.area == NO_SIZE)


class Detections(NamedTuple):
    """Detections, one a place.

    Attributes:
        image, label: (N,) index of the picture, and index of the class, from 0.
        box: (N, 4) left, top, width, height, pixels.
        area: (N,) width times height, square pixels.
        score: (N,) from 0 to 1.
    """

    image: np.ndarray
    label: np.ndarray
    box: np.ndarray
    area: np.ndarray
    score: np.ndarray


class Regions(NamedTuple):
    """Regions that every class ignores, one a place.

    Attributes:
        image: (K,) index of the picture, from 0.
        box: (K, 4) left, top, width, height, pixels.
        others: (K,) True for an object of no class (VisDrone's "others").
    """

    image: np.ndarray
    box: np.ndarray
    others: np.ndarray


Rows = TypeVar("Rows", Objects, Detections, Regions)


def rows_at(rows: Rows, which: np.ndarray) -> Rows:
    """The rows at `which`: (M,) bool, or indices of any shape."""
    return type(rows)(*(column[which] for column in rows))


def rows_of(kind: type[Rows], *columns: Any) -> Rows:
    """Columns of the right types and shapes, from lists or arrays in the order of the fields of `kind`."""
    types = {"image": np.int32, "label": np.int32, "crowd": bool, "others": bool}
    made = {
        name: np.asarray(column, types.get(name, np.float64))
        for name, column in zip(kind._fields, columns, strict=True)
    }
    return kind(**made | {"box": made["box"].reshape(-1, 4)})


@dataclass(frozen=True)
class Scene:
    """Ground truth and detections of a data set, ready to be scored.

    Attributes:
        names: class names.
        images: number of images.
        gts: annotations of one class each.
        dets: detections.
        regions: what every class ignores.
        pictures: the files of the images in their order; empty where nobody said.
        notes: what is to be known of how the files were read, a line each.
    """

    names: list[str]
    images: int
    gts: Objects
    dets: Detections
    regions: Regions
    pictures: Sequence[Picture] = ()
    notes: tuple[str, ...] = ()


def ignored_by_share(gts: Objects) -> Objects:
    """Ignored objects as crowds: they excuse every detection that lies inside, by its share."""
    return gts._replace(crowd=gts.optional)
