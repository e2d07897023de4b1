"""The ground truth of a data set as its report names it: from the label files, before any scaling of pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from ..metrics import Picture, data_hash
from .dataset import TinyDataset


def folder_of(dataset: TinyDataset) -> Path:
    """The deepest folder that holds all pictures."""
    return Path(os.path.commonpath([os.path.dirname(f) for f in dataset.im_files]))


def truth_hash(dataset: TinyDataset, names: Mapping[int, str]) -> str:
    """The `data_hash` of the labels: that of the COCO JSON with the same boxes.

    The labels are float32 shares of the picture, so boxes that the JSON states with more than two decimals may round
    to the other side; whole, half and quarter pixels and hundredths never do (up to 20,000 pixels a side).
    """
    return data_hash([names[k] for k in sorted(names)], _truth(dataset))


def _truth(dataset: TinyDataset) -> Iterator[tuple[Picture, np.ndarray]]:
    """Per picture its file and rows (kind, label, x, y, w, h)."""
    for label in dataset.labels:
        height, width = label["shape"]
        cls, box = label["cls"].reshape(-1).astype(int), label["bboxes"].astype(float)
        corner = (box[:, :2] - box[:, 2:] / 2) * (width, height)
        region = cls >= dataset.nc
        rows = np.column_stack(
            (np.where(region, 2, 0), np.where(region, -1, cls), corner, box[:, 2:] * (width, height))
        )
        yield Picture(label["im_file"], width, height), rows
