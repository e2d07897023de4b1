"""Augmentations of plugins in ultralytics' chain of transforms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ultralytics.utils.instance import Instances

from ..data.augment import Sample, Step, augment
from ..ignore import below_zero, is_region


class OwnAugmentations:
    """Hands a picture and its labels to each step as a `Sample`, and takes them back.

    Args:
        steps: (name, step), in the order they are applied.
        nc: number of classes; labels from there on are ignore regions, which a step sees as -1, -2, ...
    """

    def __init__(self, steps: Sequence[tuple[str, Step]], nc: int):
        self.steps, self.nc = list(steps), nc

    def __call__(self, labels: dict[str, Any]) -> dict[str, Any]:
        """One picture of ultralytics' data set: `img`, `instances`, `cls` (n, 1)."""
        image, instances = labels["img"], labels["instances"]
        instances.convert_bbox("xyxy")
        instances.denormalize(image.shape[1], image.shape[0])
        codes = labels["cls"].reshape(-1).astype(int)
        sample = Sample(image, instances.bboxes, np.where(is_region(codes, self.nc), below_zero(codes, self.nc), codes))
        for name, step in self.steps:
            sample = augment(sample, name, step, self.nc)
        codes = np.where(sample.labels < 0, below_zero(sample.labels, self.nc), sample.labels)
        labels["img"], labels["cls"] = sample.image, codes.astype(np.float32)[:, None]
        labels["instances"] = Instances(sample.boxes, bbox_format="xyxy", normalized=False)
        return labels
