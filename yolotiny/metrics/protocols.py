"""The table of evaluation protocols: which objects, thresholds and detection caps a published number stands for.

A protocol takes a `Scene` and returns a report. One that follows the COCO algorithm is a `CocoProtocol` row here; one
with an algorithm of its own is a function of a scene in its own file, named in `PROTOCOLS`.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..registry import Registry
from .coco_eval import ALL, CocoProtocol, Figure
from .visdrone import VisDroneProtocol


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

# Cheng et al. 2023 (SODA-A), mmrotate's evaluator: the headline figures are those of small objects, up to 32 px. Theirs
# are oriented boxes; ours are upright, so figures compare with each other but not with the paper's table.
_SODA_SIZES = {
    "S": (0.0, 32.0**2),
    "eS": (0.0, 12.0**2),
    "rS": (12.0**2, 20.0**2),
    "gS": (20.0**2, 32.0**2),
    "N": (32.0**2, 2000.0**2),
}
_SODA = {"AP": None, "AP50": 0.5, "AP75": 0.75}
# Yu et al. 2020 (TinyPerson): one threshold at a time.
_TINYPERSON_SIZES = {
    "tiny": (1.0, 20.0**2),
    "tiny1": (1.0, 8.0**2),
    "tiny2": (8.0**2, 12.0**2),
    "tiny3": (12.0**2, 20.0**2),
    "small": (20.0**2, 32.0**2),
    "reasonable": (32.0**2, ALL[1]),
}
# mmdetection passes the caps (100, 300, 1000): AP is taken at the first, everything else at the last.
_MMDET = _figures(_COCO_SIZES, 1000, (100, 300, 1000)) | {"AP": Figure("precision", 100)}

PROTOCOLS = Registry(
    "protocol",
    {
        "coco": CocoProtocol(_figures(_COCO_SIZES, 100, (1, 10, 100)), _COCO_SIZES),
        "mmdet": CocoProtocol(_MMDET, _COCO_SIZES),
        "aitod": CocoProtocol(_figures(_AITOD_SIZES, 1500, (1, 100, 1500)), _AITOD_SIZES, olrp=True),
        "visdrone": VisDroneProtocol(sizes=_AITOD_SIZES),
        "soda": CocoProtocol(
            {key: Figure("precision", 20_000, "S", iou) for key, iou in _SODA.items()}
            | {f"AP_{size}": Figure("precision", 20_000, size) for size in list(_SODA_SIZES)[1:]}
            | {"AR@20000": Figure("recall", 20_000, "S")},
            _SODA_SIZES,
        ),
        "tinyperson": CocoProtocol(
            {
                f"AP{round(100 * iou)}_{size}": Figure("precision", 200, size, iou)
                for iou in (0.5, 0.25, 0.75)
                for size in _TINYPERSON_SIZES
            },
            _TINYPERSON_SIZES,
            ious=(0.25, 0.5, 0.75),
            by_share=True,
        ),
    },
)
