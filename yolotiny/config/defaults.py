"""Options where neither the user nor the recipe says anything."""

from __future__ import annotations

MAX_DET = 1500  # AI-TOD's cap; ultralytics' 300 is below the objects in one crowded picture
# Where the user and the recipe say nothing. Suppression at 0.6 is the official YOLOv5's own for validation; at
# ultralytics' 0.7 second boxes on one tiny object survive, see docs/results.md.
DEFAULTS = {"max_det": MAX_DET, "iou": 0.6}
