"""What a training step loses: one class per family of detectors, under the name that a head gives as `criterion`."""

from ..registry import Registry
from .base import Criterion, scaled, section, targets_of
from .center import CenterCriterion
from .dense import AnchorCriterion, YOLOXCriterion
from .focal import FCOSCriterion, RetinaCriterion
from .rcnn import RCNNCriterion

__all__ = ["CRITERIA", "Criterion", "scaled", "section", "targets_of"]

CRITERIA = Registry(
    "detector family",
    {
        "anchor": AnchorCriterion,
        "yolox": YOLOXCriterion,
        "center": CenterCriterion,
        "retina": RetinaCriterion,
        "fcos": FCOSCriterion,
        "rcnn": RCNNCriterion,
    },
)
