"""Short names of the settings of crops, and what holds where a model file says nothing of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .merge import SAME_OBJECT_IOU

OPTIONS = {  # short names of settings, for val and predict, and where they stand in the `infer:` section
    "crops": "crops",
    "k": "crops.k",
    "top_k": "crops.top_k",
    "tile": "crops.tile",
    "overlap": "crops.overlap",
    "full": "full",
    "pixel_scale": "pixel_scale",
    "merge": "merge",
    "budget": "budget",
    "prior": "prior",
}
# Where the model file says nothing of these crops. LSM's own threshold is for maps of YOLC; what a dense head says is
# sharper, and the coarse pass is to point at more than it would keep.
USUAL: dict[str, dict[str, Any]] = {"lsm": {"threshold": 0.01}}


def without_doubles(section: Mapping[str, Any]) -> dict[str, Any]:
    """The `infer:` section for tracking: what merge `replace` leaves double, as YOLC's does, would be two tracks."""
    merge = section.get("merge")
    merge = {"type": merge} if isinstance(merge, str) else dict(merge or {})
    return dict(section) | ({"merge": {"iou": SAME_OBJECT_IOU} | merge} if merge.get("type") == "replace" else {})
