"""Crops: where a picture deserves a second look, and how what is seen there joins the first look.

This room knows no model. A heat map goes in and rectangles come out; detections of the whole picture and of its crops
go in and one list comes out. A new way to choose or to merge is a file or a class here and a line in its table.

A cropper is a `Cropper`: it has `find(heat, size, scale, canvas) -> crops`, is told what is known of the detector's
training before it is asked, and says of itself what holds for its crops.
"""

from ..registry import Registry
from .auto import Auto
from .border import centred, whole_only, without_rim
from .budget import Budget
from .canvas import GREY, Canvas, gather
from .clusters import LSM, lsm
from .cropper import Cropper
from .grid import Grid, grid
from .heat import of_map, of_rows, scatter
from .merge import DOUBLE, MERGE, NMM, NMS, Replace
from .packing import pack
from .pooling import pooled
from .scale import ObjectScale, trained_size
from .window import Window

CROPPERS = Registry("cropper", {"grid": Grid, "lsm": LSM, "auto": Auto})
MERGES = Registry("merge", {"replace": Replace, "nms": NMS, "nmm": NMM})

__all__ = ["CROPPERS", "DOUBLE", "GREY", "LSM", "MERGE", "MERGES", "NMM", "NMS", "Auto", "Budget", "Canvas"]
__all__ += ["Cropper", "Grid", "ObjectScale", "Replace", "Window", "centred", "gather", "grid", "lsm"]
__all__ += ["of_map", "of_rows", "pack", "pooled", "scatter", "trained_size", "whole_only", "without_rim"]
