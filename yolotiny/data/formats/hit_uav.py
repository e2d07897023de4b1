"""HIT-UAV: infrared drone pictures with a COCO-like JSON."""

from __future__ import annotations

from pathlib import Path

from ..records import Dataset
from .coco import Dialect, read_coco

HIT_UAV = Dialect("annotation", "filename", ("DontCare",))


def read_hit_uav(source: str | Path) -> Dataset:
    """Read HIT-UAV: `annotations/{train,val,test}.json` and image folders of the same names.

    Its JSON says `annotation` and `filename`; boxes are left, top, width, height in pixels (its own README says
    centre, which the pictures contradict). DontCare is an ignore region for every class.
    """
    return read_coco(source, HIT_UAV)
