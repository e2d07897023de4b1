"""The families of detectors, by the name that a head gives in its attribute `criterion`."""

from .center_criterion import CenterCriterion
from .dense_criterion import AnchorCriterion, YOLOXCriterion
from .registry import Registry

CRITERIA = Registry("detector family", {"anchor": AnchorCriterion, "yolox": YOLOXCriterion, "center": CenterCriterion})
