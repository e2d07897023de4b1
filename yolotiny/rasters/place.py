"""Where pixels lie on Earth, and where on the pixels what lies on Earth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from .needs import need

WGS84 = "EPSG:4326"
IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@dataclass(frozen=True)
class Place:
    """How the pixels of a raster lie on Earth.

    Attributes:
        transform: a, b, c, d, e, f of x = a column + b row + c, y = d column + e row + f, in units of `crs`; columns
            and rows count from the upper left corner of the first pixel.
        crs: the coordinate system as text (an authority's code or WKT); "" where there is none.
    """

    transform: tuple[float, ...] = IDENTITY
    crs: str = ""

    def polygons(self, boxes: np.ndarray) -> np.ndarray:
        """(n, 4) xyxy, pixels -> (n,) polygons, which are rectangles turned as the raster is.

        Raises:
            InputError: the extra `geo` is not installed.
        """
        corners = np.asarray(boxes, float)[:, [0, 1, 2, 1, 2, 3, 0, 3, 0, 1]].reshape(-1, 5, 2)
        return np.asarray(need("shapely").polygons(self.to_earth(corners)))

    def to_earth(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) columns and rows -> (..., 2) x and y in units of the coordinate system."""
        a, b, c, d, e, f = self.transform
        return points @ np.array([[a, d], [b, e]]) + np.array([c, f])

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) x and y in units of the coordinate system -> (..., 2) columns and rows."""
        a, b, c, d, e, f = self.transform
        return (points - np.array([c, f])) @ np.linalg.inv(np.array([[a, d], [b, e]]))

    def boxes(self, geometries: np.ndarray) -> np.ndarray:
        """(n,) geometries in the coordinate system -> (n, 4) xyxy of the upright box round each, pixels.

        Raises:
            InputError: the extra `geo` is not installed.
        """
        shapely = need("shapely")
        return np.asarray(shapely.bounds(shapely.transform(geometries, self.to_pixels)), float).reshape(-1, 4)

    def metres(self, boxes: np.ndarray) -> np.ndarray | None:
        """(n, 4) xyxy, pixels -> (n, 2) width and height in metres; None where the system has no lengths."""
        factor = self._metres_of_unit()
        if factor is None:
            return None
        a, b, _, d, e, _ = self.transform
        pixel = np.array([np.hypot(a, d), np.hypot(b, e)]) * factor
        return np.asarray(boxes[:, 2:4] - boxes[:, :2], float) * pixel

    def _metres_of_unit(self) -> float | None:
        if not self.crs:
            return None
        crs = need("rasterio.crs").CRS.from_user_input(self.crs)
        return float(crs.linear_units_factor[1]) if crs.is_projected else None

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON; see `of_dict`."""
        return {"transform": list(self.transform), "crs": self.crs}

    @classmethod
    def of_dict(cls, content: Any) -> Place | None:
        """What `as_dict` gave; None for anything else."""
        try:
            found = cls(tuple(float(x) for x in content["transform"]), str(content["crs"]))
        except (TypeError, KeyError, ValueError):
            return None
        a, b, _, d, e, _ = (*found.transform, *IDENTITY)[:6]
        return found if len(found.transform) == 6 and np.isfinite(found.transform).all() and a * e != b * d else None


def between(geometries: np.ndarray, source: str, target: str) -> np.ndarray:
    """(n,) geometries in one coordinate system -> (n,) in another, x before y in both.

    Raises:
        InputError: one cannot be brought to the other.
    """
    if source == target or not len(geometries):
        return geometries
    warp, crs = need("rasterio.warp"), need("rasterio.crs").CRS
    start, end = crs.from_user_input(source), crs.from_user_input(target)
    if start == end:
        return geometries

    def move(points: np.ndarray) -> np.ndarray:
        return np.column_stack(warp.transform(start, end, points[:, 0], points[:, 1]))

    try:
        moved = np.asarray(need("shapely").transform(geometries, move))
    except Exception as error:  # of PROJ, by several names
        raise InputError(f"coordinates cannot be brought from {short(source)} to {short(target)}: {error}") from None
    if not np.isfinite(need("shapely").bounds(moved)).all():
        raise InputError(f"some coordinates in {short(source)} have no place in {short(target)}")
    return moved


def short(crs: str) -> str:
    """A coordinate system in a few words."""
    return (crs or "no coordinate system").split("[")[0] if len(crs) < 40 else crs.split('"')[1]


def of_metadata(metadata: Mapping[str, Any] | None) -> Place | None:
    """The raster's place in the metadata of a vector file that a prediction wrote; None in those of others."""
    for text in (metadata or {}).values():
        try:
            content = json.loads(text)
        except (TypeError, ValueError):
            continue
        if isinstance(content, dict) and (found := Place.of_dict(content.get("place"))):
            return found
    return None
