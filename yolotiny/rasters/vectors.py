"""Polygons with attributes in vector files: GeoPackage and GeoJSON, by pyogrio."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, did_you_mean
from ..files import whole
from .needs import need
from .place import WGS84, between

SUFFIXES = (".gpkg", ".geojson")
KEY = "yolotiny"  # of our own metadata in a GeoPackage
LAYER = "detections"
# Digits behind the point of a degree: 0.1 mm. The standard proposes 7, a centimetre, which is a pixel of some drones.
DIGITS = "9"
POLYGONS = (3, 6)  # what shapely calls polygons and several of them


@dataclass(frozen=True)
class Features:
    """What a vector file holds.

    Attributes:
        geometries: (n,) of shapely.
        columns: (n,) values by name.
        crs: the coordinate system as text, "" where the file says none.
        metadata: what the file says of itself.
    """

    geometries: np.ndarray
    columns: Mapping[str, np.ndarray]
    crs: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def column(self, name: str, where: str | Path) -> np.ndarray:
        """(n,) the values of a column.

        Raises:
            InputError: there is none of this name, with the nearest ones.
        """
        if name not in self.columns:
            raise InputError(f"{where} has no field {name!r}{did_you_mean(name, self.columns)}")
        return self.columns[name]

    @property
    def polygons(self) -> np.ndarray:
        """(n,) whether a geometry is a polygon, or several, with an area.

        Raises:
            InputError: the extra `geo` is not installed.
        """
        shapely = need("shapely")
        return np.isin(shapely.get_type_id(self.geometries), POLYGONS) & ~shapely.is_empty(self.geometries)


def is_vector(path: Any) -> bool:
    """Whether a file is a vector file, by its suffix."""
    return isinstance(path, (str, Path)) and Path(path).suffix.lower() in SUFFIXES


def read(path: str | Path) -> Features:
    """Read the first layer of a vector file.

    Raises:
        InputError: it is not there, is none, or has no geometries.
    """
    pyogrio = need("pyogrio")
    if not Path(path).is_file():
        raise InputError(f"there is no file {path}")
    try:
        about = pyogrio.read_info(path)
        meta, _, geometries, columns = pyogrio.raw.read(path, force_2d=True)
    except Exception as error:  # of GDAL, by several names
        reason = str(error).split(";")[0].replace(str(path), "").strip(" :'")
        raise InputError(f"{path} is no vector file that can be read: {reason}") from None
    if geometries is None:
        raise InputError(f"{path} has no geometries")
    told = {**(about.get("dataset_metadata") or {}), **(about.get("layer_metadata") or {})}
    shapes = np.asarray(need("shapely").from_wkb(geometries), object)
    named = dict(zip(map(str, meta["fields"]), columns, strict=True))
    return Features(shapes, named, str(meta["crs"] or ""), told)


def write(path: Path, found: Features, about: Mapping[str, Any]) -> None:
    """Write polygons, whole or not at all: a GeoPackage in their coordinate system, or GeoJSON in WGS84.

    Args:
        path: ends in .gpkg or .geojson.
        found: `columns` in the order in which they are to stand.
        about: what else the file is to say, ready for JSON.

    Raises:
        InputError: the system cannot write it; GeoJSON of what has no coordinate system.
    """
    shapely, raw = need("shapely"), need("pyogrio.raw")
    text = json.dumps(about)
    shapes, options = found.geometries, {"crs": found.crs or None, "driver": "GPKG", "dataset_metadata": {KEY: text}}
    if path.suffix == ".geojson":
        if not found.crs:
            raise InputError(f"cannot write {path}: GeoJSON is in WGS84, and the raster has no coordinate system")
        shapes = between(shapes, found.crs, WGS84)
        layer = {"RFC7946": "YES", "COORDINATE_PRECISION": DIGITS, "DESCRIPTION": text}
        options = {"crs": WGS84, "driver": "GeoJSON", "layer_options": layer}
    columns = [np.asarray(column) for column in found.columns.values()]
    geometry = np.asarray(shapely.to_wkb(shapes), object)
    with whole(path) as part, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is no coordinate system is told by us
        try:
            raw.write(part, geometry, columns, list(found.columns), layer=LAYER, geometry_type="Polygon", **options)
        except RuntimeError as error:  # of GDAL
            raise OSError(str(error).split(";")[0]) from None
