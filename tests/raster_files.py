"""Small rasters with bright squares whose places are known, and a detector that finds bright squares."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

rasterio = pytest.importorskip("rasterio", reason="needs the extra [geo]")

UTM, WGS84 = "EPSG:32632", "EPSG:4326"
METRE = rasterio.Affine(0.5, 0, 500_000, 0, -0.5, 5_300_000)  # half a metre a pixel
DEGREE = rasterio.Affine(1e-5, 0, 9.0, 0, -1e-5, 47.8)
TURNED = rasterio.Affine(0.433, 0.25, 500_000, 0.25, -0.433, 5_300_000)
SQUARES = ((10, 12, 6, 8), (90, 20, 8, 6), (60, 61, 7, 7), (20, 100, 6, 6), (118, 118, 8, 8))  # x, y, w, h


def squares(size: tuple[int, int] = (160, 160), count: int = 1, places: Sequence[Any] = SQUARES) -> np.ndarray:
    """(H, W, count) 0 with squares of 1."""
    out = np.zeros((*size, count), np.float32)
    for x, y, w, h in places:
        out[y : y + h, x : x + w] = 1
    return out


def write_raster(path: Path, values: np.ndarray, **profile: Any) -> Path:
    """Write (H, W, n) values as a GeoTIFF in UTM, half a metre a pixel, unless `profile` says otherwise.

    Besides what rasterio knows: `alpha`, the last band is alpha; `overviews`, inside or outside; `mask`, (H, W) bool.
    """
    alpha, overviews, mask = (profile.pop(k, None) for k in ("alpha", "overviews", "mask"))
    h, w, n = values.shape
    usual = {"driver": "GTiff", "width": w, "height": h, "count": n, "dtype": values.dtype.name, "crs": UTM}
    profile = usual | {"transform": METRE} | profile
    if alpha:
        profile["alpha"] = "YES"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of rasters without a place
        with rasterio.open(path, "w", **{k: v for k, v in profile.items() if v is not None}) as file:
            file.write(np.moveaxis(values, 2, 0))
            if mask is not None:
                file.write_mask(mask)
        if overviews:
            with rasterio.Env(TIFF_USE_OVR=overviews == "outside"), rasterio.open(path, "r+") as file:
                file.build_overviews([2, 4], rasterio.enums.Resampling.average)
    return path


def bright(views: Sequence[Any]) -> list[np.ndarray]:
    """A detector: (n, 6) of everything bright in each view, class 0, the score by its area."""
    return [bright_in(view.everything()) for view in views]


def bright_in(image: np.ndarray) -> np.ndarray:
    """(H, W, C) uint8 -> (n, 6) xyxy, score, class of what is brighter than half."""
    count, _, stats, _ = cv2.connectedComponentsWithStats((image[..., 0] > 127).astype(np.uint8), connectivity=8)
    rows = [(x, y, x + w, y + h, min(0.5 + area / 1000, 1), 0) for x, y, w, h, area in stats[1:count].tolist()]
    return np.array(rows, np.float32).reshape(-1, 6)


def corners(places: Sequence[Any] = SQUARES) -> np.ndarray:
    """(n, 4) xyxy of squares, sorted."""
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in places], float)
    return boxes[np.lexsort(boxes.T)]
