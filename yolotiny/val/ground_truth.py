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
from ..metrics import GroundTruth, Picture, data_hash

BOX_DECIMALS = 2  # of a box in pixels; label files and float32 lose less, annotations seldom say more


def folder_of(dataset: TinyDataset) -> Path:
    """The deepest folder that holds all pictures."""
    return Path(os.path.commonpath([os.path.dirname(f) for f in dataset.im_files]))


def ground_truth(dataset: TinyDataset, i: int) -> GroundTruth:
    """Objects and ignore regions of picture number `i`, which has its whole path.

    Boxes are rounded to hundredths of a pixel, which restores what labels were made from where that has no more than
    two decimals (in pictures of up to 20,000 px a side).
    """
    label = dataset.labels[i]
    height, width = dataset.sizes[label["im_file"]]
    cls, box = label["cls"].reshape(-1).astype(int), label["bboxes"].astype(float)
    corner, side = (box[:, :2] - box[:, 2:] / 2) * (width, height), box[:, 2:] * (width, height)
    corner, side = np.round(corner, BOX_DECIMALS), np.round(side, BOX_DECIMALS)
    boxes, region = np.concatenate((corner, corner + side), 1), is_region(cls, dataset.nc)
    classes = from_index(cls[region], dataset.nc)
    return GroundTruth(boxes[~region], cls[~region], boxes[region], classes, Picture(label["im_file"], width, height))


def ground_truth_hash(dataset: TinyDataset, names: Mapping[int, str]) -> str:
    """The `data_hash` of the labels: that of COCO JSON with the same boxes, if they have no more than two decimals."""
    images = (ground_truth(dataset, i).hashed() for i in range(len(dataset.labels)))
    return data_hash([names[k] for k in sorted(names)], images)
