"""Crops: where a picture deserves a second look, and how what is seen there joins the first look.

This room knows no model. A heat map goes in and rectangles come out; detections of the whole picture and of its crops
go in and one list comes out. A new way to choose or to merge is a file or a class here and a line in its table.
"""

from ..registry import Registry
from .clusters import LSM, lsm
from .merge import NMS, Replace
from .window import Window

CROPPERS = Registry("cropper", {"lsm": LSM})
MERGES = Registry("merge", {"replace": Replace, "nms": NMS})

__all__ = ["CROPPERS", "LSM", "MERGES", "NMS", "Replace", "Window", "lsm"]
