"""What the worker process of a service does: pictures as bytes in, plain values out."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..pictures.depth import Unclear
from ..pictures.files import Unreadable
from ..pictures.reader import PictureReader
from ..pictures.survey import survey
from ..slicing import SLICERS
from .detector import Detector
from .reader import Frame
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
        image, notes = _decoded(content, run.pictures())
        (found,) = run.detect([Frame("picture", image)])
        return answer(found) | ({"notes": notes} if notes else {})


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


def _decoded(content: bytes, pictures: PictureReader) -> tuple[np.ndarray, list[str]]:
    """(H, W, C) uint8 as the network takes it, and what was settled about its depth and bands."""
    with _file_of(content) as path:
        try:
            notes = survey(pictures, [path])
            return pictures.read(path), notes
        except Unclear as error:
            raise InputError(f"picture: {error}") from None
        except Unreadable as error:
            unknown = "it is broken, cut off, or of a kind that OpenCV does not know"
            why = unknown if error.reason == "it does not decode" else error.reason
            raise InputError(f"the picture cannot be decoded: {why}") from None


@contextlib.contextmanager
def _file_of(content: bytes) -> Iterator[str]:
    """The path of a file with this content: in memory where the system knows such files, else one that is removed."""
    if hasattr(os, "memfd_create"):
        with open(os.memfd_create("picture"), "wb") as file:
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picture")
        path.write_bytes(content)
        yield str(path)
