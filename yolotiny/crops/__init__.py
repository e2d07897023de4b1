"""Crops: where a picture deserves a second look, and how what is seen there joins the first look.

This room knows no model. A heat map goes in and rectangles come out; detections of the whole picture and of its crops
go in and one list comes out. A new way to choose or to merge is a file or a class here and a line in its table.

A cropper has `find(heat, size, scale, canvas) -> crops`, xyxy in pixels of the picture, and says by `looks` whether it
needs the heat map, and by `merge` how its crops are joined where nobody says. `heat` is (h, w) scores that cover the
picture; `size` its (height, width); `scale` how many pixels the network is shown per pixel of the picture; `canvas`
the (height, width) of the network input that fits the detector best.
"""

from ..registry import Registry
from .border import drop_cut
from .canvas import Canvas
from .clusters import LSM, lsm
from .grid import Grid, grid
from .heat import of_map, of_rows, scatter
from .merge import NMS, Replace
from .scale import ObjectScale
from .window import Window

CROPPERS = Registry("cropper", {"grid": Grid, "lsm": LSM})
MERGES = Registry("merge", {"replace": Replace, "nms": NMS})

__all__ = ["CROPPERS", "LSM", "MERGES", "NMS", "Canvas", "Grid", "ObjectScale", "Replace", "Window"]
__all__ += ["drop_cut", "grid", "lsm", "of_map", "of_rows", "scatter"]
