"""What every way to choose tiles says of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from ...training_stats import TrainingStats

Box = tuple[float, float, float, float]


class Slicer(ABC):
    """Chooses where an image is looked at again.

    Attributes:
        needs_heatmap: whether the choice depends on a coarse pass.
        packs: whether tiles share canvases; None: on files of a fixed input size alone.
        must_enlarge: whether tiles pay only where they are shown larger than the whole image was.
        border_margin: network pixels along the border of a tile, inside, where its detections do not count.
        zoom: objects are shown so much larger than in training, where the scale is found by their size.
        threshold: score of the coarse pass up to which nothing counts.
        tile: side of a tile, pixels of the image, where that is settled.
        prior: weight of the coarse pass's score in that of what tiles find, see `rescore`, where the user gives none.
    """

    needs_heatmap = True
    packs: bool | None = False
    must_enlarge = False
    border_margin = 0.0
    zoom = 1.0
    threshold = 0.0
    tile: int | None = None
    prior = 0.0

    def adapt(self, training: TrainingStats) -> None:
        """Be told of a detector's training, before the first image; here nothing of it matters."""
        return

    @abstractmethod
    def find(
        self, heatmap: np.ndarray | None, size: tuple[int, int], scale: float, input_size: tuple[int, int]
    ) -> list[Box]:
        """Tiles of an image.

        Args:
            heatmap: (h, w) scores of the coarse pass that cover the image; None where the slicer needs none.
            size: (height, width) of the image, pixels.
            scale: network pixels of a tile per pixel of the image.
            input_size: (height, width) of the network input, pixels.

        Returns:
            xyxy in pixels of the image.
        """
