"""Results of pictures that were looked at twice: ultralytics' own, and where the crops lay."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from .drawing import TinyResults

YELLOW = (0, 255, 255)  # no class has it


class SlicedResults(TinyResults):
    """ultralytics' `Results` that also know where was looked twice.

    Attributes:
        crops: (n, 4) xyxy, pixels of the picture.
    """

    crops: Tensor = torch.zeros(0, 4)

    def new(self) -> SlicedResults:
        """The same picture without detections."""
        made = type(self)(orig_img=self.orig_img, path=self.path, names=self.names, speed=self.speed)
        made.save_dir, made.crops = self.save_dir, self.crops
        return made

    def plot(self, *args: Any, **kwargs: Any) -> Any:
        """The drawing of `TinyResults`, with the crops in thin yellow lines on the picture below it."""
        img = kwargs.pop("img", None)
        img = (self.orig_img if img is None else img).copy()
        if isinstance(img, np.ndarray) and img.ndim == 3 and img.shape[2] == 3:
            for x1, y1, x2, y2 in self.crops.round().int().tolist():
                cv2.rectangle(img, (x1, y1), (x2 - 1, y2 - 1), YELLOW, max(round(sum(img.shape[:2]) / 3000), 1))
        return super().plot(*args, img=img, **kwargs)
