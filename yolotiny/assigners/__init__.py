"""Assigners decide which prior answers for which ground truth; a new one is a file, an import and a line here."""

from ..registry import Registry
from .simota import SimOTA
from .wh_ratio import WHRatio

ASSIGNERS = Registry("assigner", {"wh_ratio": WHRatio, "simota": SimOTA})
