"""At which size crops are shown: so that objects look as large as in training."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Any

from torch import Tensor

from ..boxes import area

CONFIDENT = 0.25  # score from which a detection tells a size
ENOUGH = 5  # detections before they are believed
KEPT = 2000  # sizes that the mean runs over: a video may come nearer to the ground
STEPS = 8  # sizes to a doubling, so that a network meets few input shapes


def trained_size(says: Callable[[str], Any]) -> float | None:
    """Mean size of the objects of training, as crops are to show them: in windows where there were any.

    Args:
        says: what a checkpoint or a file has under a name of its `measured` section.
    """
    size = says("crop_object_size") or says("object_size")
    return None if size is None else float(size)


class ObjectScale:
    """Pixels shown per pixel of the picture, from the sizes of what was found so far.

    The whole picture shows small objects worst, so its detections say too large a size and the scale comes out too
    small; what crops show corrects it from the second picture on.

    Args:
        trained: mean size of the objects in training, pixels of the network input; None when nobody knows.
        otherwise: the scale as long as too little was found, or where the size in training is not known.
    """

    def __init__(self, trained: float | None, otherwise: float = 1.0):
        self.trained, self.otherwise = trained, otherwise
        self.sizes: deque[float] = deque(maxlen=KEPT)
        self.refined = False

    def see(self, rows: Tensor, refined: bool) -> None:
        """Take note of (n, 6) detections in pixels of the picture; `refined` where crops were looked at.

        Detections of a first look count only until refined ones are there.
        """
        if refined < self.refined:
            return
        sizes = area(rows[rows[:, 4] >= CONFIDENT, :4].float()).sqrt().tolist()
        if refined and not self.refined and len(sizes) >= ENOUGH:
            self.sizes.clear()
            self.refined = True
        if refined == self.refined:
            self.sizes.extend(sizes)

    @property
    def value(self) -> float:
        """Pixels shown per pixel of the picture."""
        if self.trained is None or len(self.sizes) < ENOUGH:
            return self.otherwise
        mean = sum(self.sizes) / len(self.sizes)
        return float(2 ** (round(STEPS * math.log2(self.trained / max(mean, 1.0))) / STEPS))
