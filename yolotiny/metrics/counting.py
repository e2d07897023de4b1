"""How far the number of detections in a picture is from the number of objects in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .scene import Scene
from .verdicts import HIT, Verdicts


def counting(scene: Scene, verdicts: Verdicts) -> dict[str, Any]:
    """Counting error per image at the chosen confidences; what lies in ignore regions is not counted.

    Returns:
        `all` (all classes together) and `per_class` {name}: `mae`, the mean of |counted - objects| over the images,
        `bias`, the mean of counted - objects, and `rmse`, the root of its mean square; `images`: per image its file (or
        number), `objects` and `counted`.
    """
    classes = len(scene.names)
    ground_truth, counted = np.zeros((scene.images, classes), int), np.zeros((scene.images, classes), int)
    for table, rows, which in (
        (ground_truth, scene.gts, verdicts.objects),
        (counted, scene.dets, verdicts.kind >= HIT),
    ):
        np.add.at(table, (rows.image[which], rows.label[which]), 1)

    def errors(difference: np.ndarray) -> dict[str, float]:
        return {
            "mae": float(np.abs(difference).mean()),
            "bias": float(difference.mean()),
            "rmse": float(np.sqrt((difference**2).mean())),
        }

    files: list[str | int] = [p.file for p in scene.pictures] or [*range(1, scene.images + 1)]
    total = zip(files, ground_truth.sum(1).tolist(), counted.sum(1).tolist(), strict=True)
    return {
        "all": errors(counted.sum(1) - ground_truth.sum(1)),
        "per_class": {
            name: errors(counted[:, k] - ground_truth[:, k])
            for k, name in enumerate(scene.names)
            if ground_truth[:, k].any()
        },
        "images": [{"image": file, "objects": n, "counted": m} for file, n, m in total],
    }
