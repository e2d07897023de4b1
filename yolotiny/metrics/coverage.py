"""What a fine pass left out, and what that cost: the area outside all crops, and the objects missed there."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Evaluation

IOU = 0.5  # from here on an object is found


def share_of(crops: np.ndarray, size: tuple[int, int]) -> float:
    """The share of a picture of `size` (height, width) that lies in any of (n, 4) crops, xyxy pixels."""
    if not len(crops):
        return 0.0
    xs, ys = np.unique(crops[:, 0::2]), np.unique(crops[:, 1::2])
    inside = np.zeros((len(ys), len(xs)), bool)
    for x1, y1, x2, y2 in crops:
        inside[np.searchsorted(ys, y1) : np.searchsorted(ys, y2), np.searchsorted(xs, x1) : np.searchsorted(xs, x2)] = 1
    cells = np.append(np.diff(ys), 0)[:, None] * np.append(np.diff(xs), 0)
    return float(cells[inside].sum() / (size[0] * size[1]))


class Coverage:
    """Counts pictures as they are validated, in their order.

    Attributes:
        crops: of each picture (n, 4) xyxy, pixels of the picture.
        outside: of each picture the share of its area that was not looked at twice.
    """

    def __init__(self) -> None:
        self.crops: list[np.ndarray] = []
        self.outside: list[float] = []

    def add(self, crops: np.ndarray, size: tuple[int, int]) -> None:
        """The crops of the next picture, (n, 4) xyxy pixels; `size`: its height and width, pixels."""
        self.crops.append(crops)
        self.outside.append(1 - share_of(crops, size))

    def figures(self, evaluation: Evaluation) -> dict[str, Any]:
        """The figures of the report, as fractions; None where there is no object to count.

        Returns:
            `area_outside`, the area that was not looked at twice; `objects_outside`, the share of objects with their
            middle there; `missed_outside` and `missed_inside`, the share of these and of the other objects that no
            detection of any score finds at IoU 0.5; `recall_lost`, the share of all objects that are missed outside.
        """
        gts, matches = evaluation.scene.gts, evaluation.matching.at(IOU)
        seen = np.concatenate([found.gt[0] for found in matches])
        objects = np.concatenate([found.objects for found in matches])
        outside, missed = np.zeros(len(objects), bool), ~np.isin(objects, seen)
        for n, i in enumerate(objects):
            crops, (cx, cy) = self.crops[gts.image[i]], gts.box[i, :2] + gts.box[i, 2:] / 2
            inside = (crops[:, 0] <= cx) & (cx < crops[:, 2]) & (crops[:, 1] <= cy) & (cy < crops[:, 3])
            outside[n] = not inside.any()
        mean = lambda values: round(float(np.mean(values)), 5) if len(values) else None  # noqa: E731
        return {
            "area_outside": mean(self.outside),
            "objects_outside": mean(outside),
            "missed_outside": mean(missed[outside]),
            "missed_inside": mean(missed[~outside]),
            "recall_lost": mean(missed & outside),
        }


def describe(figures: dict[str, Any]) -> str:
    """What crops cost and left out, for the terminal: two lines, or one where nothing was looked at twice."""
    percent = lambda key: "-" if figures[key] is None else f"{100 * figures[key]:.1f} %"  # noqa: E731
    if not figures["crops"]:
        return f"crops: none in any picture, {figures['seconds']:.3f} s a picture"
    return (
        f"crops: {figures['seconds']:.3f} s and {figures['forwards']:.1f} forwards a picture, "
        f"{figures['crops']:.1f} crops at {figures['pixel_scale']:.2f} network pixels per pixel\n"
        f"{percent('area_outside')} of the area is not looked at twice; {percent('objects_outside')} of the objects "
        f"lie there, {percent('missed_outside')} of these are missed (elsewhere {percent('missed_inside')}): "
        f"recall lost there {percent('recall_lost')}"
    )
