"""What a raster leaves behind: a vector file, COCO rows, and a picture of it to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..picture_io import save_picture
from ..picture_names import PictureName
from ..rasters import vectors
from ..rasters.place import Place
from ..rasters.view import View
from ..runtime.coco_rows import RowFile, rows_of
from ..runtime.drawing import legend, outline
from ..runtime.results import paint

OVERVIEW_SIDE = 2048  # pixels, longer side of the picture to look at


def write_vectors(
    path: Path, rows: np.ndarray, names: Mapping[int, str], place: Place, about: Mapping[str, Any]
) -> None:
    """Write detections as polygons with class, score and size.

    Args:
        path: ends in .gpkg (in the raster's coordinate system) or .geojson (in WGS84).
        rows: (n, 6) xyxy in pixels of the raster, score, class.
        names: of the classes.
        place: of the raster.
        about: what the file says of the run, ready for JSON.

    Raises:
        InputError: it cannot be written.
    """
    columns: dict[str, np.ndarray] = {
        "class": np.array([str(names[int(c)]) for c in rows[:, 5]], object),
        "class_id": rows[:, 5].astype(np.int32),
        "score": rows[:, 4].astype(np.float64).round(5),
    }
    if (metres := place.metres(rows[:, :4])) is not None:
        columns |= {"width_m": metres[:, 0].round(4), "height_m": metres[:, 1].round(4)}
    shapes = place.polygons(rows[:, :4])
    vectors.write(path, vectors.Features(shapes, columns, place.crs), {"place": place.as_dict(), **about})


def write_coco(path: Path, rows: np.ndarray, name: PictureName, classes: int) -> None:
    """Write (n, 6) detections, xyxy in pixels of the raster, score, class, as the rows that `yolotiny eval` scores."""
    file = RowFile(path)
    file.add(rows_of(rows, name, range(1, classes + 1)))
    file.close()


def draw(path: Path, view: View, rows: np.ndarray, names: Mapping[int, str]) -> None:
    """Write a picture of a raster with a box round each detection.

    Args:
        path: of the picture.
        view: all of the raster.
        rows: (n, 6) xyxy in pixels of the raster, score, class.
        names: of the classes.

    Raises:
        InputError: it cannot be written.
    """
    h, w, _ = view.shape
    ratio = min(OVERVIEW_SIDE / max(h, w), 1)
    picture = view.shown((max(round(h * ratio), 1), max(round(w * ratio), 1)))
    picture = cv2.cvtColor(picture[..., 0], cv2.COLOR_GRAY2BGR) if picture.shape[2] != 3 else picture.copy()
    boxes = rows[:, :4] * ratio
    outline(picture, boxes, [paint(int(c)) for c in rows[:, 5]])
    counts = sorted(Counter(rows[:, 5].astype(int).tolist()).items())
    legend(picture, boxes, {str(names[c]): (n, paint(c)) for c, n in counts})
    save_picture(path, picture)
