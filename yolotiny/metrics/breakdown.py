"""How many objects of each size were missed, and what the false alarms are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .scene import Scene
from .verdicts import BACKGROUND, CLASS, HIT, KINDS, LOCALISATION, Verdicts


def breakdown(scene: Scene, verdicts: Verdicts, sizes: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """Count objects and errors by size.

    Args:
        scene: ground truth and detections.
        verdicts: at the chosen confidences.
        sizes: area ranges in square pixels, both bounds inside; they may overlap, so rows need not add up.

    Returns:
        `all` and `per_class` {name}, each {"all" or size: counts}: `objects`, `found`, `missed`, `unseen` (missed, and
        no localisation or class error points at it: TIDE's "missed"), and the false alarms "localisation", "class",
        "duplicate", "background". A false alarm has the size of the object it is about, on background its own.
    """
    area, own = scene.gts.area, scene.dets.area
    if len(area) and len(own):
        own = np.where(verdicts.gt >= 0, area[verdicts.gt], own)
    of_gt, of_det = scene.gts.label, scene.dets.label
    touched = np.zeros(len(area), bool)
    touched[verdicts.gt[np.isin(verdicts.kind, (LOCALISATION, CLASS))]] = True

    def counts(objects: np.ndarray, dets: np.ndarray) -> dict[str, int]:
        found = objects & verdicts.found
        kinds = np.bincount(verdicts.kind[dets & (verdicts.kind > HIT)], minlength=BACKGROUND + 1)
        return {
            "objects": int(objects.sum()),
            "found": int(found.sum()),
            "missed": int((objects & ~found).sum()),
            "unseen": int((objects & ~found & ~touched).sum()),
            **{name: int(kinds[k]) for k, name in enumerate(KINDS) if k > HIT},
        }

    def rows(objects: np.ndarray, dets: np.ndarray) -> dict[str, dict[str, int]]:
        within = {s: ((area >= lo) & (area <= hi), (own >= lo) & (own <= hi)) for s, (lo, hi) in sizes.items()}
        return {"all": counts(objects, dets)} | {s: counts(objects & a, dets & b) for s, (a, b) in within.items()}

    every = np.ones(len(own), bool)
    return {
        "all": rows(verdicts.objects, every),
        "per_class": {
            name: rows(verdicts.objects & (of_gt == k), of_det == k)
            for k, name in enumerate(scene.names)
            if (verdicts.objects & (of_gt == k)).any()
        },
    }
