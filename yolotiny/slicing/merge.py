"""Detections of the whole image and of its tiles, as one list.

Rows are (n, 6): xyxy pixels of the image, score, class. A merge is called as `merge(coarse, tiles, fine) -> rows`, the
best first; `fine` are the rows found in any of the tiles. Those here are also told how the run suppresses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import InputError, number
from ..ops.nms import Suppression, close_pairs, greedy
from ..registry import Registry

# IoU from which two boxes of a class are one object. YOLC's own files suppress nothing, as its paper does.
SAME_OBJECT_IOU = 0.6
OF_RUN = "run"  # the overlap at which the run suppresses in each pass
MERGE = {"type": "replace", "iou": OF_RUN}  # where nobody says: a tile shows better what it holds whole
USUAL = Suppression(SAME_OBJECT_IOU)  # where there is no run


def within(boxes: np.ndarray, tiles: np.ndarray) -> np.ndarray:
    """(n, 4) boxes, (m, 4) tiles, xyxy pixels -> (n,) True where a tile holds the whole box, its border included."""
    low = (boxes[:, None, :2] >= tiles[None, :, :2]).all(-1)
    high = (boxes[:, None, 2:] <= tiles[None, :, 2:]).all(-1)
    return np.any(low & high, axis=1)


Joins = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


class Merge:
    """What merges share: called without a run, they suppress as `USUAL`."""

    def __call__(self, coarse: np.ndarray, tiles: np.ndarray, fine: np.ndarray) -> np.ndarray:
        """(n, 6) coarse rows, (m, 4) tiles and the (k, 6) rows found in them -> (r, 6) rows, pixels of the image."""
        return self.join(coarse, tiles, fine, USUAL)

    def join(self, coarse: np.ndarray, tiles: np.ndarray, fine: np.ndarray, run: Suppression) -> np.ndarray:
        """The same for a run: (n, 6), (m, 4), (k, 6) -> (r, 6) rows, pixels of the image."""
        raise AssertionError("a merge that joins nothing")


class Replace(Merge):
    """A coarse detection goes where a tile holds all of it; everything else stays.

    Args:
        iou: overlap above which the lower-scored of two boxes of a class goes; `run`: as in each pass of the run; None:
            nothing is suppressed, and an object on the border of a tile may be there twice.

    Raises:
        InputError: an iou outside 0..1.

    Source: Liu et al. 2024 (YOLC), section III-D, which suppresses nothing.
    """

    def __init__(self, iou: float | str | None = None):
        self.iou = None if iou is None else _overlap("replace", iou)

    def join(self, coarse: np.ndarray, tiles: np.ndarray, fine: np.ndarray, run: Suppression) -> np.ndarray:
        """(n, 6) coarse rows, (m, 4) tiles and the (k, 6) rows found in them -> (r, 6) rows, pixels of the image."""
        rows = np.concatenate((coarse[~within(coarse[:, :4], tiles)], fine))
        return _best_first(rows) if self.iou is None else _suppressed(rows, self.iou, run)


class NMS(Merge):
    """Everything is kept that no better box of its class overlaps.

    Args:
        iou: overlap above which the lower-scored of two boxes goes; `run`: as in each pass of the run.

    Raises:
        InputError: an iou outside 0..1.
    """

    def __init__(self, iou: float | str = OF_RUN):
        self.iou = _overlap("nms", iou)

    def join(self, coarse: np.ndarray, tiles: np.ndarray, fine: np.ndarray, run: Suppression) -> np.ndarray:
        """(n, 6) coarse rows, (m, 4) tiles, unused, and their (k, 6) rows -> (r, 6) rows, pixels of the image."""
        return _suppressed(np.concatenate((coarse, fine)), self.iou, run)


class NMM(Merge):
    """Boxes of a class that overlap become one: the box round both, with the better score.

    For objects larger than the overlap of tiles, of which each tile sees a part. Of boxes that have grown into each
    other the run's suppression leaves the best.

    Args:
        threshold: overlap above which a box joins a better one.
        metric: `iou`, or `ios`, intersection over the smaller box, which joins a part to its whole, and in a crowd of
            small objects many a neighbour too.

    Raises:
        InputError: a threshold outside 0..1, an unknown metric.

    Source: the greedy merging of Akyon et al. 2022 (SAHI), whose default is `ios` at 0.5.
    """

    def __init__(self, threshold: float = 0.5, metric: str = "iou"):
        if metric not in ("iou", "ios"):
            raise InputError(f"merge nmm: metric={metric!r} must be 'iou' or 'ios'")
        self.threshold, self.metric = float(_overlap("nmm", threshold, "threshold")), metric

    def join(self, coarse: np.ndarray, tiles: np.ndarray, fine: np.ndarray, run: Suppression) -> np.ndarray:
        """(n, 6) coarse rows, (m, 4) tiles, unused, and their (k, 6) rows -> (r, 6) rows, pixels of the image."""
        rows = _best_first(np.concatenate((coarse, fine)))
        better, worse, overlap = _pairs(rows, run.groups(rows), self.metric)
        close = overlap > self.threshold
        better, worse, overlap = better[close], worse[close], overlap[close]
        stays = greedy(better, worse, len(rows))
        joins = stays[better] & ~stays[worse]
        better, worse = better[joins], worse[joins]
        order = np.argsort(overlap[joins], kind="stable")
        home = np.arange(len(rows))
        home[worse[order]] = better[order]  # of several the nearest is written last, and stands
        low, high = rows[:, :2].copy(), rows[:, 2:4].copy()
        np.minimum.at(low, home, rows[:, :2])
        np.maximum.at(high, home, rows[:, 2:4])
        return run(np.concatenate((low, high, rows[:, 4:]), 1)[stays])


def join(merge: Joins, coarse: np.ndarray, tiles: np.ndarray, fine: np.ndarray, run: Suppression) -> np.ndarray:
    """What a merge, or any `merge(coarse, tiles, fine) -> rows`, makes of both passes of a run.

    Args:
        merge: joins them.
        coarse: (n, 6) rows; tiles: (m, 4); fine: (k, 6) rows found in them, pixels of the image.
        run: how the run suppresses in each pass, in pixels of the image.

    Returns:
        (r, 6) rows, pixels of the image.
    """
    rows = merge.join(coarse, tiles, fine, run) if isinstance(merge, Merge) else merge(coarse, tiles, fine)
    return run(rows) if run.agnostic else rows  # some merges suppress nothing


MERGES = Registry("merge", {"replace": Replace, "nms": NMS, "nmm": NMM})


def _pairs(rows: np.ndarray, groups: np.ndarray, metric: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of overlapping rows of one group, rows being sorted: the better one, the worse one, their overlap."""
    found = [np.stack(pair) for pair in close_pairs(rows[:, 0], rows[:, 2] - rows[:, 0], groups)]
    i, j = np.concatenate([np.zeros((2, 0), np.int64), *found], 1)
    a, b = rows[i, :4], rows[j, :4]
    shared = np.maximum(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0).prod(1)
    one, two = (np.maximum(x[:, 2:] - x[:, :2], 0).prod(1) for x in (a, b))
    over = shared / np.maximum((one + two - shared) if metric == "iou" else np.minimum(one, two), 1e-9)
    return np.minimum(i, j), np.maximum(i, j), over


def _best_first(rows: np.ndarray) -> np.ndarray:
    return rows[np.argsort(-rows[:, 4], kind="stable")]


def _suppressed(rows: np.ndarray, iou: float | str, run: Suppression) -> np.ndarray:
    """The rows that stay by the overlap of a merge, an IoU, or by that of the run."""
    return run(rows) if iou == OF_RUN else Suppression(float(iou), run.agnostic)(rows)


def _overlap(merge: str, value: Any, name: str = "iou") -> float | str:
    if value == OF_RUN and name == "iou":
        return OF_RUN
    return float(number(value, f"merge {merge}: {name}", 0, 1, "(]"))
