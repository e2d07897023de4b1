"""Assigners decide which prior answers for which ground truth; a new one is a file, an import and a line here.

An assigner is called as `assign(preds, boxes, targets, areas) -> Assignment`. Its attribute `needs_predictions` says
whether it looks at predictions: only then are `boxes` (B, A, 4) and `areas` (B, A) decoded for it, else they are None.
One for heads with a heat map is a `HeatmapAssigner`.
"""

from ..registry import Registry
from .center_sampling import CenterSampling
from .gaussian_center import GaussianCenter, HeatmapAssigner
from .max_iou import MaxIoU
from .rka import RKA
from .simota import SimOTA
from .wh_ratio import WHRatio

__all__ = ["ASSIGNERS", "RKA", "CenterSampling", "GaussianCenter", "HeatmapAssigner", "MaxIoU", "SimOTA", "WHRatio"]

ASSIGNERS = Registry(
    "assigner",
    {
        "wh_ratio": WHRatio,
        "simota": SimOTA,
        "rka": RKA,
        "max_iou": MaxIoU,
        "center_sampling": CenterSampling,
        "gaussian_center": GaussianCenter,
    },
)
