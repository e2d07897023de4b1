"""What every way to choose crops says of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

Box = tuple[float, float, float, float]


class Cropper(ABC):
    """Chooses where a picture is looked at again.

    Attributes:
        looks: whether the choice depends on a first look.
        packs: whether crops share canvases; None: on files of a fixed input size alone.
        larger: whether crops pay only where they are shown larger than the whole picture was.
        rim: network pixels along the border of a crop, inside, where its detections do not count.
        zoom: objects are shown so much larger than in training, where the scale is found by their size.
        threshold: score of the first look up to which nothing counts.
        tile: side of a crop, pixels of the picture, where that is settled.
        prior: weight of the first look's score in that of what crops find, see `pooled`, where the user gives none.
    """

    looks = True
    packs: bool | None = False
    larger = False
    rim = 0.0
    zoom = 1.0
    threshold = 0.0
    tile: int | None = None
    prior = 0.0

    def know(self, says: Callable[[str], Any]) -> None:
        """Be told of a detector's training, before the first picture; here nothing of it matters.

        Args:
            says: what its checkpoint or file has under a name of its `measured` section, or None.
        """
        return

    @abstractmethod
    def find(self, heat: Any, size: tuple[int, int], scale: float, canvas: tuple[int, int]) -> list[Box]:
        """Crops of a picture.

        Args:
            heat: (h, w) scores of the first look that cover the picture; None where the cropper does not look.
            size: (height, width) of the picture, pixels.
            scale: network pixels of a crop per pixel of the picture.
            canvas: (height, width) of the network input.

        Returns:
            xyxy in pixels of the picture.
        """
