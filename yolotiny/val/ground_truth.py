"""The ground truth of a data set as its figures and its report see it: from the label files, in pixels of the picture.

The boxes of a batch have been scaled to the network's input and back; an object of 8x8 px may come out of it with 63.99
square pixels, and leave the size range whose bound it stands on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..ignore import from_index, is_region
from ..loaders.dataset import TinyDataset
from ..metrics import Picture, data_hash

DIGITS = 2  # of a box in pixels; label files and float32 lose less, annotations seldom say more


def folder_of(dataset: TinyDataset) -> Path:
    """The deepest folder that holds all pictures."""
    return Path(os.path.commonpath([os.path.dirname(f) for f in dataset.im_files]))


def ground_truth(dataset: TinyDataset, i: int) -> tuple[Picture, np.ndarray]:
    """Picture number `i` by its whole path, and its (N, 6) rows as `data_hash` takes them.

    These are kind, label, left, top, width and height, pixels. Boxes are rounded to hundredths of a pixel, which
    restores what the labels were made from where that has no more than two decimals (in pictures of up to 20,000 px a
    side).
    """
    label = dataset.labels[i]
    height, width = dataset.sizes[label["im_file"]]
    cls, box = label["cls"].reshape(-1).astype(int), label["bboxes"].astype(float)
    corner, side = (box[:, :2] - box[:, 2:] / 2) * (width, height), box[:, 2:] * (width, height)
    region = is_region(cls, dataset.nc)
    of = np.where(region, from_index(cls, dataset.nc), cls)
    rows = np.column_stack((np.where(region, 2, 0), of, np.round(np.c_[corner, side], DIGITS)))
    return Picture(label["im_file"], width, height), rows


def ground_truth_hash(dataset: TinyDataset, names: Mapping[int, str]) -> str:
    """The `data_hash` of the labels: that of COCO JSON with the same boxes, if they have no more than two decimals."""
    return data_hash([names[k] for k in sorted(names)], (ground_truth(dataset, i) for i in range(len(dataset.labels))))
