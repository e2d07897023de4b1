"""Boxes as GeoJSON, for programs that draw features; in pixels, as a picture has no place on Earth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PIXELS = "pixels of the picture: x to the right and y down from its upper left corner; not degrees"


def features_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """A FeatureCollection with a rectangle for each detection.

    Args:
        found: an answer with `detections`, whose `box` is xyxy in pixels; what else it has is kept beside them.
    """
    features = [
        {
            "type": "Feature",
            "geometry": _rectangle(*each["box"]),
            "properties": {k: each[k] for k in each if k != "box"},
        }
        for each in found["detections"]
    ]
    rest = {k: v for k, v in found.items() if k not in ("detections", "unit")}
    return {"type": "FeatureCollection", "coordinates_in": PIXELS, **rest, "features": features}


def _rectangle(x1: float, y1: float, x2: float, y2: float) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[[x1, y1], [x2, y1], [x2, y2], [x1, y2], [x1, y1]]]}
