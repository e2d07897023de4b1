"""The windows that a raster is looked at by, and what they found as one list in which each object stands once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..ops.nms import Suppression
from ..rasters.raster import Window
from ..slicing import drop_truncated, grid
from ..slicing.merge import Joins, join

CUT_REACH_PX = 2.0  # network pixels from a window's border within which a box counts as cut
MOST_WINDOWS = 1_000_000
NO_ROWS = np.zeros((0, 6), np.float32)


@dataclass(frozen=True)
class Plan:
    """How a raster is looked at.

    Attributes:
        window: (height, width) of a window, pixels of the raster.
        overlap: share of a window that the next one repeats.
        pixel: of the network where objects are seen best, in pixels of the raster.
        batch: windows that are looked at together.
    """

    window: tuple[int, int]
    overlap: float = 0.2
    pixel: float = 1.0
    batch: int = 1

    def windows(self, size: tuple[int, int]) -> list[Window]:
        """The windows of a raster of `size` (height, width), row by row.

        Raises:
            InputError: so many that nobody would wait for them.
        """
        steps = [max(side * (1 - self.overlap), 1.0) for side in self.window]
        many = (size[0] / steps[0] + 1) * (size[1] / steps[1] + 1)
        if many > MOST_WINDOWS:
            raise InputError(
                f"a raster of {size[1]}x{size[0]} px would be {many:,.0f} windows of {self.window[1]}x{self.window[0]} "
                "px; give a smaller overlap= or pixel_scale="
            )
        return [(int(a), int(b), int(c - a), int(d - b)) for a, b, c, d in grid(size, self.window, self.overlap)]


@dataclass(frozen=True)
class Rules:
    """How what windows found is joined.

    Attributes:
        merge: of `slicing.merge`, or any like it.
        run: how the run suppresses, in pixels of the network.
    """

    merge: Joins
    run: Suppression


def joined(
    found: Sequence[np.ndarray], windows: Sequence[Window], size: tuple[int, int], pixel: float, rules: Rules
) -> np.ndarray:
    """What all windows of a raster found, each object once.

    A part that the border of a window cut goes where a neighbour shows the whole, and of boxes that several windows
    saw the best stays, as in tiles of a picture.

    Args:
        found: of each window (n, 6) xyxy in pixels of the raster, score, class.
        windows: all windows.
        size: (height, width) of the raster, pixels.
        pixel: see `Plan`.
        rules: how they join.

    Returns:
        (k, 6) rows, the best first.
    """
    places = np.array([(x, y, x + w, y + h) for x, y, w, h in windows], np.float32)
    alone, shared = [NO_ROWS], [NO_ROWS]
    for i, rows in enumerate(found):
        if not len(rows):
            continue
        meets = _overlaps(places, places[i])
        meets[i] = False
        near = np.flatnonzero(meets)
        parts = np.concatenate([[i], near])  # what is cut is judged among the neighbours alone, who may explain it
        both = np.concatenate([found[j] for j in parts])
        tiles = np.repeat(places[parts], [len(found[j]) for j in parts], axis=0)
        reach = np.full(len(both), CUT_REACH_PX * pixel, np.float32)
        rows = rows[drop_truncated(NO_ROWS, both, tiles, size, reach, rules.run.agnostic)[: len(rows)]]
        twice = np.any([_overlaps(rows[:, :4], places[j]) for j in near] or [np.zeros(len(rows), bool)], axis=0)
        alone.append(rows[~twice])
        shared.append(rows[twice])
    run = rules.run.in_pixels(pixel)
    once = join(rules.merge, NO_ROWS, places[:0], np.concatenate(shared), run)
    rows = np.concatenate([*alone, once])
    return rows[np.argsort(-rows[:, 4], kind="stable")]


def _overlaps(boxes: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(n, 4) xyxy, (4,) -> (n,) whether they share a pixel."""
    return np.asarray(((boxes[:, :2] < place[2:]) & (boxes[:, 2:] > place[:2])).all(1))
