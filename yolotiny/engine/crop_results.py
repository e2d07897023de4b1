"""Results of pictures that were looked at twice: ultralytics' own, and where the crops lay."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from ultralytics.engine.results import Results
from ultralytics.utils.plotting import colors


class CropResults(Results):
    """ultralytics' `Results` that also know where was looked twice.

    Attributes:
        crops: (n, 4) xyxy, pixels of the picture.
    """

    crops: Tensor = torch.zeros(0, 4)

    def new(self) -> CropResults:
        """The same picture without detections."""
        made = type(self)(orig_img=self.orig_img, path=self.path, names=self.names, speed=self.speed)
        made.save_dir, made.crops = self.save_dir, self.crops
        return made

    def plot(self, *args: Any, **kwargs: Any) -> Any:
        """ultralytics' drawing, with the crops on the picture below it."""
        import cv2

        img = kwargs.pop("img", None)
        img = (self.orig_img if img is None else img).copy()
        if isinstance(img, np.ndarray) and img.ndim == 3 and img.shape[2] == 3:
            for x1, y1, x2, y2 in self.crops.round().int().tolist():
                cv2.rectangle(img, (x1, y1), (x2, y2), colors(9, True), max(2, round(sum(img.shape[:2]) / 800)))
        return super().plot(*args, img=img, **kwargs)
