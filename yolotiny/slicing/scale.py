"""At which size tiles are shown: so that objects look as large as in training."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from ..errors import above_zero

CONFIDENT_SCORE = 0.25  # score from which a detection tells a size
ENOUGH_DETECTIONS = 5  # detections before they are believed
KEPT_SIZES = 2000  # sizes that the mean runs over: a video may come nearer to the ground
STEPS_PER_DOUBLING = 8  # sizes to a doubling, so that a network meets few input shapes


@dataclass(frozen=True)
class TileScale:
    """What a user says of the size that tiles are shown at; with neither, objects are brought to the size of training.

    Attributes:
        pixel: network pixels of a tile per pixel of the image.
        relative: the same per network pixel of the coarse pass.
        max_side: network pixels; a larger tile is shown smaller.

    Raises:
        InputError: a value that is no number above 0.
    """

    pixel: float | None = None
    relative: float | None = None
    max_side: float = math.inf

    def __post_init__(self) -> None:
        for key, value, example in (("pixel_scale", self.pixel, 1.5), ("scale", self.relative, 1.5)):
            if value is not None:
                above_zero(value, f"infer.{key}", example)
        if self.max_side != math.inf:
            above_zero(self.max_side, "infer.max_side", 1536)

    @property
    def settled(self) -> bool:
        """Whether the user has said it."""
        return bool(self.pixel or self.relative)


class ObjectScale:
    """Pixels shown per pixel of the image, from the sizes of what was found so far.

    The coarse pass shows small objects worst, so its detections say too large a size and the scale comes out too small;
    what tiles show corrects it from the second image on.

    Args:
        trained: mean size of the objects in training, pixels of the network input; None when nobody knows.
        otherwise: the scale as long as too little was found, or where the size in training is not known.
    """

    def __init__(self, trained: float | None, otherwise: float = 1.0):
        self.trained, self.otherwise = trained, otherwise
        self.sizes: deque[float] = deque(maxlen=KEPT_SIZES)
        self.refined = False

    def see(self, rows: np.ndarray, refined: bool) -> None:
        """Take note of (n, 6) detections in pixels of the image; `refined` where tiles were looked at.

        Detections of a coarse pass count only until refined ones are there.
        """
        if refined < self.refined:
            return
        sides = np.maximum(rows[:, 2:4] - rows[:, :2], 0)[rows[:, 4] >= CONFIDENT_SCORE]
        sizes = np.sqrt(sides[:, 0] * sides[:, 1]).tolist()
        if refined and not self.refined and len(sizes) >= ENOUGH_DETECTIONS:
            self.sizes.clear()
            self.refined = True
        if refined == self.refined:
            self.sizes.extend(sizes)

    @property
    def value(self) -> float:
        """Pixels shown per pixel of the image."""
        if self.trained is None or len(self.sizes) < ENOUGH_DETECTIONS:
            return self.otherwise
        mean = sum(self.sizes) / len(self.sizes)
        return float(2 ** (round(STEPS_PER_DOUBLING * math.log2(self.trained / max(mean, 1.0))) / STEPS_PER_DOUBLING))
