"""Beyond AP: what a detector finds by size, what it gets wrong, how well it counts, and at which confidence to use it.

All of it at IoU 0.5 and under the ignore rules and caps of the protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .breakdown import breakdown
from .counting import counting
from .matching import Matching
from .operating import best_f1, curve
from .recall_size import recall_by_size
from .verdicts import IOU, NEAR, Verdicts, judge

GRID = np.arange(1001) / 1000
EVERY = 10  # of the grid, for the curves that are kept


def analyse(matching: Matching, sizes: Mapping[str, tuple[float, float]]) -> tuple[dict[str, Any], Verdicts]:
    """Analyse a scene.

    Args:
        matching: ground truth and detections as the protocol counts them, matched.
        sizes: area ranges of the error breakdown, square pixels.

    Returns:
        the figures, and the verdicts they are counted from. The figures: `iou`, `near`; `sizes` {name: [low, high] in
        pixels, high None for an open end}; `best_f1` {`all`, `per_class`} with confidence, f1, precision and recall,
        where `all` is the one confidence with the highest mean of the classes' F1; `recall_by_size`, `errors` and
        `counting` (see the functions of these names), the latter two at each class's own best confidence; `curves`
        over the confidences 0, 0.01, ... 1, precision None where nothing is scored that high.
    """
    scene, matches = matching.scene, matching.at(IOU)
    points = [best_f1(found) for found in matches]
    verdicts = judge(scene, matches, [p.confidence if p else None for p in points])
    curves = {name: curve(found, GRID) for name, found in zip(scene.names, matches, strict=True) if len(found.objects)}
    mean = _mean(list(curves.values()))
    i = len(GRID) - 1 - int(mean[0][::-1].argmax())  # of several, the highest confidence
    best = {key: _known(row[i]) for key, row in zip(("f1", "precision", "recall"), mean, strict=True)}
    ends = {s: [lo**0.5, hi**0.5 if hi < 1e9 else None] for s, (lo, hi) in sizes.items()}
    figures = {
        "iou": IOU,
        "near": NEAR,
        "sizes": ends,
        "best_f1": {
            "all": {"confidence": float(GRID[i]) if best["f1"] else None} | best,
            "per_class": {name: p._asdict() for name, p in zip(scene.names, points, strict=True) if p},
        },
        "recall_by_size": recall_by_size(scene, matches, verdicts),
        "errors": breakdown(scene, verdicts, sizes),
        "counting": counting(scene, verdicts),
        "curves": {
            "confidence": GRID[::EVERY].round(2).tolist(),
            **{
                key: {"all": _kept(mean[j]), "per_class": {name: _kept(rows[j]) for name, rows in curves.items()}}
                for j, key in enumerate(("f1", "precision", "recall"))
            },
        },
    }
    return figures, verdicts


def _mean(curves: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> np.ndarray:
    """(3, G) mean of the classes; a class without a detection at some confidence has no precision there."""
    table = np.array(curves).reshape(-1, 3, len(GRID))
    known = ~np.isnan(table)
    return np.where(known.any(0), np.where(known, table, 0).sum(0) / np.maximum(known.sum(0), 1), np.nan)


def _known(value: float) -> float | None:
    """A rounded number for the report, None for NaN."""
    return None if np.isnan(value) else round(float(value), 6)


def _kept(curve: np.ndarray) -> list[float | None]:
    """The points of a curve that go into the report."""
    return [_known(v) for v in curve[::EVERY]]
