"""Recall as a curve over the size of the object, in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .matching import Matches
from .scene import Scene
from .verdicts import Verdicts

# Pixels, the square root of the area. A bin reaches from one edge up to the next, the last one is open: so the bounds
# of the published ranges (8, 16, 32, 96) are edges here, and every object is counted once.
EDGES = (0, 2, 4, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128)


def recall_by_size(scene: Scene, matches: Sequence[Matches], verdicts: Verdicts) -> dict[str, Any]:
    """Recall at IoU 0.5 per bin of size.

    Args:
        scene: ground truth and detections.
        matches: per class, matched at the one threshold.
        verdicts: the same at the chosen confidences.

    Returns:
        `edges` in pixels, lower bounds of the bins; `all` and `per_class` {name}: `n` objects per bin, `recall` of all
        detections that the cap allows, `recall_at_confidence` of those that count at the class's best F1; None where a
        bin is empty.
    """
    side = np.sqrt(np.maximum(scene.gts.area, 0.0))
    bins = np.digitize(side, EDGES) - 1
    ever = np.zeros(len(scene.gts.area), bool)
    for of_class in matches:
        ever[of_class.gt[0][of_class.gt[0] >= 0]] = True

    def rows(objects: np.ndarray) -> dict[str, list]:
        def count(which: np.ndarray) -> np.ndarray:
            return np.bincount(bins[which], minlength=len(EDGES))

        n = count(objects)

        def share(hits: np.ndarray) -> list[float | None]:
            return [h / m if m else None for h, m in zip(hits.tolist(), n.tolist(), strict=True)]

        return {
            "n": n.tolist(),
            "recall": share(count(objects[ever[objects]])),
            "recall_at_confidence": share(count(objects[verdicts.found[objects]])),
        }

    return {
        "edges": list(EDGES),
        "all": rows(np.flatnonzero(verdicts.objects)),
        "per_class": {
            name: rows(of_class.objects)
            for name, of_class in zip(scene.names, matches, strict=True)
            if len(of_class.objects)
        },
    }
