"""A short name for a ground truth, so that two reports can be seen to stand on the same one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

import numpy as np

from ..ignore import IgnoreKind
from .scene import Picture, Scene

DIGITS = 16
ANY: dict[int, str] = {IgnoreKind.EVERY: "*", IgnoreKind.OTHERS: "-"}  # in place of a class, of a region without one
GRID = 100  # steps per pixel; finer than annotations are drawn, coarser than what float32 labels lose


def data_hash(
    names: Sequence[str], ground_truth: Iterable[tuple[Picture, Sequence[Sequence[float]] | np.ndarray]]
) -> str:
    """Hash a ground truth: the first 16 hexadecimal digits of a SHA-256.

    Args:
        names: class names; a class counts by its name, so another order of the classes changes nothing.
        ground_truth: per image its `Picture` and (M, 6) rows of kind, label, x, y, w, h: kind 0 is an object to be
            found, 1 an object that may be found or missed, 2 a region to be ignored; label is an index of `names`, of
            a region its label (`ignore.IgnoreKind`); the box in pixels.

    Of a file the name without folders counts, and the size; boxes count in hundredths of a pixel; the order of images
    and of rows does not count. An `area` that differs from w * h does not either.
    """
    pictures = []
    for picture, rows in ground_truth:
        table = np.asarray(rows, float).reshape(-1, 6)
        cells = np.rint(table[:, 2:] * GRID).astype(int).tolist()
        lines = [
            f"{int(kind)} {names[int(label)] if label >= 0 else ANY[int(label)]} {x} {y} {w} {h}"
            for (kind, label), (x, y, w, h) in zip(table[:, :2].tolist(), cells, strict=True)
        ]
        file = PurePosixPath(picture.file.replace("\\", "/")).name
        pictures.append("\n".join([f"{file} {picture.width} {picture.height}", *sorted(lines)]))
    return hashlib.sha256("\n\n".join(sorted(pictures)).encode()).hexdigest()[:DIGITS]


def scene_hash(scene: Scene) -> str:
    """The `data_hash` of a scene's ground truth; a picture nobody named counts by its number."""
    gts, regions = scene.gts, scene.regions
    kind = np.where(gts.crowd, 2, gts.optional)
    label = np.where(regions.others, IgnoreKind.OTHERS, IgnoreKind.EVERY)
    rows = np.concatenate(
        (np.column_stack((kind, gts.label, gts.box)), np.column_stack((np.full(len(label), 2), label, regions.box)))
    )
    image = np.concatenate((gts.image, regions.image))
    order = np.argsort(image, kind="stable")
    ends = np.searchsorted(image[order], np.arange(1, scene.images))
    pictures = scene.pictures or [Picture(str(i)) for i in range(1, scene.images + 1)]
    return data_hash(scene.names, zip(pictures, np.split(rows[order], ends), strict=False))
