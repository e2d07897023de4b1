"""The affine step of augmentation, with our rule for which boxes survive it."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from ultralytics.data.augment import RandomPerspective

from ..ignore import is_region

SMALLEST = 0.5  # pixels: a box thinner than this after augmentation has left the picture
MISSING_AREA = 0.1  # share of an object that must stay inside the picture


class TinyPerspective(RandomPerspective):
    """The affine step of mosaic and single pictures with our rule for which boxes survive it.

    ultralytics' own rule drops every box of 2 px or less. Here an object goes only when most of it lies outside the
    picture; an ignore region stays as long as any of it is inside.
    """

    nc = sys.maxsize  # labels from here on are ignore regions

    def apply_instances(self, labels: dict[str, Any], params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Move the boxes and drop those that left the picture."""
        self.region = is_region(labels["cls"].reshape(-1), self.nc)
        return super().apply_instances(labels, params)

    def box_candidates(self, box1: np.ndarray, box2: np.ndarray, **_: Any) -> np.ndarray:
        """Which boxes survive: (4, n) and (4, n) xyxy pixels, before and after -> (n,) bool."""
        w1, h1 = box1[2] - box1[0], box1[3] - box1[1]
        w2, h2 = box2[2] - box2[0], box2[3] - box2[1]
        return (w2 > SMALLEST) & (h2 > SMALLEST) & (self.region | (w2 * h2 > MISSING_AREA * w1 * h1))


def spare_tiny(transform: Any, nc: int) -> None:
    """Put our rule into every affine step of a tree of transforms."""
    if isinstance(transform, RandomPerspective):
        transform.__class__, transform.nc = TinyPerspective, nc
    for child in (*getattr(transform, "transforms", ()), getattr(transform, "pre_transform", None)):
        if child is not None:
            spare_tiny(child, nc)
