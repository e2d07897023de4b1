"""The training and validation data: ultralytics' YOLO dataset with ignore regions and without its traps for tiny boxes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from ultralytics.data.augment import RandomPerspective
from ultralytics.data.dataset import YOLODataset
from ultralytics.data.utils import img2label_paths, verify_image_label
from ultralytics.utils import LOGGER

from ..errors import InputError

SMALLEST = 0.5  # pixels: a box thinner than this after augmentation has left the picture
MISSING_AREA = 0.1  # share of a box that must stay inside the picture


def keep_tiny(box1: np.ndarray, box2: np.ndarray, area_thr: float = MISSING_AREA, **_: Any) -> np.ndarray:
    """Which boxes survive mosaic and affine augmentation.

    Unlike ultralytics' own rule, which drops every box of 2 px or less, a box goes only when most of it lies outside.

    Args:
        box1, box2: (4, n) xyxy pixels before and after.
        area_thr: least share of the area that is left.
    Returns:
        (n,) bool.
    """
    w1, h1 = box1[2] - box1[0], box1[3] - box1[1]
    w2, h2 = box2[2] - box2[0], box2[3] - box2[1]
    return (w2 > SMALLEST) & (h2 > SMALLEST) & (w2 * h2 > area_thr * w1 * h1)


def check_label(file: str, nc: int) -> None:
    """Read a label file and raise InputError naming file and row when a row cannot be a box of this data set."""
    path = Path(file)
    if not path.is_file():
        return
    for i, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        words = line.split()
        if not words:
            continue
        where = f"{file}, row {i}"
        try:
            row = [float(x) for x in words]
        except ValueError:
            raise InputError(f"{where}: {line.strip()[:60]!r} is not numbers; expected 'class cx cy w h'") from None
        if not all(math.isfinite(x) for x in row):
            raise InputError(f"{where}: NaN or infinite value in {line.strip()[:60]!r}")
        if len(row) != 5 and not (len(row) > 6 and len(row) % 2):  # polygons are allowed: class and pairs
            raise InputError(f"{where}: {len(row)} values; expected 5, 'class cx cy w h' as shares of the picture")
        if row[0] != int(row[0]) or row[0] < 0:
            raise InputError(f"{where}: class {words[0]} is no whole number from 0 up")
        if row[0] >= nc:
            raise InputError(f"{where}: class {int(row[0])} but the data YAML names {nc} classes, 0..{nc - 1}")
        if max(row[1:]) > 1.01 or min(row[1:]) < -0.01:
            raise InputError(f"{where}: box outside the picture ({' '.join(words[1:5])}); values are shares, 0..1")
        if len(row) == 5 and min(row[3:5]) <= 0:
            raise InputError(f"{where}: width or height is not above 0 ({words[3]} {words[4]})")


def verify(args: tuple) -> list:
    """ultralytics' check of one image and its label, after ours: a bad label is an error, a bad image is left out."""
    _, label, _, _, nc, _, _, single = args
    check_label(label, 10**9 if single else nc)
    return verify_image_label(args)


def ignore_file(label: str) -> Path:
    """The ignore-region file beside a label file: `.../labels/a/b.txt` -> `.../ignore/a/b.txt`."""
    head, _, tail = label.replace("\\", "/").rpartition("/labels/")
    return Path(f"{head}/ignore/{tail}") if tail else Path("")


def read_ignore(file: Path) -> np.ndarray:
    """(K, 4) normalised xywh of an ignore file; empty when there is none."""
    if not file.is_file():
        return np.zeros((0, 4), np.float32)
    rows = []
    for i, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = [float(x) for x in line.split()]
        except ValueError:
            row = [math.nan]
        if row and (len(row) != 4 or not all(math.isfinite(x) for x in row)):
            raise InputError(
                f"{file}, row {i}: {line.strip()[:60]!r} is no ignore region; expected 'cx cy w h' as shares"
            )
        rows += [row] if row else []
    return np.array(rows, np.float32).reshape(-1, 4)


class TinyDataset(YOLODataset):
    """YOLO labels and, from a sibling folder `ignore/`, regions in which nothing counts.

    The regions travel through augmentation as boxes of the extra class `nc`, so mosaic and flips move them with the
    picture; `split_ignore` takes them out of the batch again.
    """

    def verify_args(self) -> tuple:
        """Our check in place of ultralytics'."""
        _, rows = super().verify_args()
        return verify, rows

    def get_labels(self) -> list[dict[str, Any]]:
        """Labels of all images, ignore regions appended; logs what was left out."""
        wanted = len(self.im_files)
        names = set(self.im_files)
        labels = super().get_labels()
        lost = sorted(names - set(self.im_files))
        if lost:
            shown = ", ".join(Path(f).name for f in lost[:5]) + (", ..." if len(lost) > 5 else "")
            LOGGER.warning(f"{self.prefix}{len(lost)} of {wanted} images cannot be read and are left out: {shown}")
        if self.augment and not sum(len(x["cls"]) for x in labels):
            raise InputError(f"no box in any of the {len(labels)} training images of {self.img_path}; check the labels")
        regions = 0
        for label, file in zip(labels, img2label_paths(self.im_files), strict=True):
            extra = read_ignore(ignore_file(file))
            if len(extra):
                regions += len(extra)
                label["bboxes"] = np.concatenate((label["bboxes"], extra)).astype(np.float32)
                label["cls"] = np.concatenate((label["cls"], np.full((len(extra), 1), self.nc, np.float32)))
                label["segments"] = []
        if regions:
            LOGGER.info(f"{self.prefix}{regions} ignore regions: no loss and no false alarm inside")
        return labels

    @property
    def nc(self) -> int:
        """Number of classes, which is also the class index of ignore regions."""
        return len(self.data["names"])

    def update_labels(self, include_class: list[int] | None) -> None:
        """Filter by class; ignore regions stay whatever is filtered."""
        if self.single_cls:
            for label in self.labels:
                objects = label["cls"] < self.nc
                label["cls"][objects] = 0
        if include_class is not None:
            single, self.single_cls = self.single_cls, False
            super().update_labels([*include_class, self.nc])
            self.single_cls = single

    def build_transforms(self, hyp: Any) -> Any:
        """ultralytics' augmentations with our rule for which boxes survive."""
        transforms = super().build_transforms(hyp)
        _spare_tiny(transforms)
        return transforms


def _spare_tiny(transform: Any) -> None:
    """Put `keep_tiny` into every affine step of a tree of transforms."""
    if isinstance(transform, RandomPerspective):
        transform.box_candidates = keep_tiny
    for child in (*getattr(transform, "transforms", ()), getattr(transform, "pre_transform", None)):
        if hasattr(child, "__call__") and child is not None:
            _spare_tiny(child)


def split_ignore(batch: dict[str, Any], nc: int) -> dict[str, Any]:
    """Take the ignore regions (class `nc`) out of a batch's objects.

    Adds `ignore_bboxes` (K, 4) normalised xywh and `ignore_idx` (K,) to the batch.
    """
    cls: Tensor = batch["cls"].view(-1)
    region = cls >= nc
    batch["ignore_bboxes"], batch["ignore_idx"] = batch["bboxes"][region], batch["batch_idx"][region]
    if torch.any(region):
        for k in ("cls", "bboxes", "batch_idx"):
            batch[k] = batch[k][~region]
    return batch
