"""What the worker process of a service does: pictures as bytes in, plain values out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ..errors import InputError
from ..slicing import SLICERS
from .detector import Detector
from .inputs import as_picture
from .reader import Frame, decode_content
from .results import Detections

UNIT = "pixels of the picture, from its upper left corner; boxes are x1, y1, x2, y2"


@dataclass(frozen=True)
class Loader:
    """Loads a detector in the process that calls it.

    Attributes:
        model: the exported file.
        options: the other arguments of `Detector`.
    """

    model: str
    options: Mapping[str, Any]

    def __call__(self) -> PictureLook:
        """Load it; InputError where it cannot be."""
        return PictureLook(Detector(self.model, **self.options))


class PictureLook:
    """Finds what is in a picture file.

    Args:
        detector: finds it.
    """

    def __init__(self, detector: Detector):
        self.detector, self.names = detector, detector.names

    def __call__(self, content: bytes, options: Mapping[str, Any]) -> dict[str, Any]:
        """Decode a picture file and look at it.

        Args:
            content: the file.
            options: as `Detector.stream` takes them.

        Returns:
            plain values; boxes in pixels of the picture.

        Raises:
            InputError: an impossible option, or it cannot be decoded.
        """
        if options.get("crops") not in (None, "none"):
            SLICERS.find(options["crops"])  # before anybody says in which file it stands
        run = self.detector.prepare(**options)
        image = as_picture(_decoded(content, self.detector.network.channels), self.detector.network.channels, "picture")
        (found,) = run.detect([Frame("picture", image)])
        return answer(found)


def answer(found: Detections) -> dict[str, Any]:
    """What was found in a picture as plain values, boxes xyxy in its pixels."""
    h, w = found.image.shape[:2]
    rows = zip(found.boxes.tolist(), found.scores.tolist(), found.classes.tolist(), strict=True)
    detections = [
        {"box": [round(x, 3) for x in box], "score": round(score, 5), "class": number, "name": found.names[number]}
        for box, score, number in rows
    ]
    crops = [[round(x, 3) for x in crop] for crop in found.crops.tolist()]
    return {"width": w, "height": h, "unit": UNIT, "detections": detections, "crops": crops}


def _decoded(content: bytes, channels: int) -> np.ndarray:
    tiff = content[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
    try:
        image = decode_content(np.frombuffer(content, np.uint8), channels, tiff)
    except (ValueError, MemoryError, cv2.error):
        image = None
    if image is None or not image.size:
        raise InputError("the picture cannot be decoded: it is broken, cut off, or of a kind that OpenCV does not know")
    return image
