"""What is to be found in one image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .scene import Picture


@dataclass(frozen=True)
class GroundTruth:
    """Objects and ignore regions of one image, as its labels have them.

    Attributes:
        boxes: (M, 4) xyxy of the objects, pixels of the image.
        labels: (M,) their classes, from 0.
        ignore: (K, 4) xyxy of the regions where detections are not judged, pixels of the image.
        ignore_labels: (K,) classes that this holds for: one from 0, -1 for every class, -2 for an object of no class.
        picture: the image's file, and its size in pixels.
    """

    boxes: np.ndarray
    labels: np.ndarray
    ignore: np.ndarray
    ignore_labels: np.ndarray
    picture: Picture = Picture()

    def of_one_class(self) -> GroundTruth:
        """The same with class 0 for all classes; regions of every class and of none stay so."""
        return replace(self, labels=self.labels.clip(max=0), ignore_labels=self.ignore_labels.clip(max=0))

    def beside(self, boxes: Any, scores: Any, labels: Any) -> tuple[Any, ...]:
        """An image as `evaluate_arrays` and `from_arrays` take it: this, and what was detected there.

        Args:
            boxes: (N, 4) xyxy, pixels of the image.
            scores: (N,) from 0 to 1.
            labels: (N,) classes, from 0.
        """
        regions = np.concatenate((self.ignore, self.ignore_labels[:, None]), 1)
        return self.boxes, self.labels, regions, boxes, scores, labels

    def hashed(self) -> tuple[Picture, np.ndarray]:
        """The image as `data_hash` takes it: its `Picture`, and (M + K, 6) rows of kind, label, x, y, w, h, pixels."""
        boxes = np.concatenate((self.boxes, self.ignore))
        kinds = np.repeat((0, 2), (len(self.boxes), len(self.ignore)))
        labels = np.concatenate((self.labels, self.ignore_labels))
        return self.picture, np.column_stack((kinds, labels, boxes[:, :2], boxes[:, 2:] - boxes[:, :2]))
