"""The table of evaluation protocols: which objects, thresholds and detection caps a published number stands for.

A protocol takes a `Scene` and returns a report. One that follows the COCO algorithm is a `CocoProtocol` row here; one
with an algorithm of its own is a function of a scene in its own file, named in `PROTOCOLS`.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..registry import Registry
from .coco_eval import ALL, CocoProtocol, Figure


def _figures(sizes: Iterable[str], max_det: int, recall_at: Iterable[int]) -> dict[str, Figure]:
    """AP, AP50, AP75, AP of each size, all at one cap, and the average recall at each cap of `recall_at`."""
    return {
        "AP": Figure("precision", max_det),
        "AP50": Figure("precision", max_det, iou=0.5),
        "AP75": Figure("precision", max_det, iou=0.75),
        **{f"AP_{s}": Figure("precision", max_det, size=s) for s in sizes},
        **{f"AR@{n}": Figure("recall", n) for n in recall_at},
    }


# Lin et al. 2014 and pycocotools.
_COCO_SIZES = {"s": (0.0, 32.0**2), "m": (32.0**2, 96.0**2), "l": (96.0**2, ALL[1])}
# Wang et al. 2021 (AI-TOD). The paper ends "medium" at 64 px, the public code that made every table leaves it open.
_AITOD_SIZES = {"vt": (0.0, 8.0**2), "t": (8.0**2, 16.0**2), "s": (16.0**2, 32.0**2), "m": (32.0**2, ALL[1])}

PROTOCOLS = Registry(
    "protocol",
    {
        "coco": CocoProtocol(_figures(_COCO_SIZES, 100, (1, 10, 100)), _COCO_SIZES),
        "aitod": CocoProtocol(_figures(_AITOD_SIZES, 1500, (1, 100, 1500)), _AITOD_SIZES),
    },
)
