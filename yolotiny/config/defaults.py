"""Options where neither the user nor the recipe says anything."""

from __future__ import annotations

from ..ops.suppression import IOU, MAX_DET

DEFAULTS = {"max_det": MAX_DET, "iou": IOU}
