"""Crops: where a picture deserves a second look, and how what is seen there joins the first look.

This room knows no model. A heat map goes in and rectangles come out; detections of the whole picture and of its crops
go in and one list comes out. A new way to choose or to merge is a file or a class here and a line in its table.

A cropper has `find(heat, size, scale, canvas) -> crops`, xyxy in pixels of the picture. `heat` is (h, w) scores that
cover the picture; `size` its (height, width); `scale` how many pixels the network is shown per pixel of the picture;
`canvas` the (height, width) of the network input. A cropper says of itself whether it `looks` at the heat map, whether
its crops share canvases (`packs`), whether they pay only if they are shown `larger` than the whole picture was, the
`zoom` beyond the size of training, and the `rim` that does not count. One with an `object_size` is told the mean size
of objects in training before it is asked.
"""

from ..registry import Registry
from .auto import Auto
from .border import centred, whole_only, without_rim
from .budget import Budget
from .canvas import GREY, Canvas, gather
from .clusters import LSM, lsm
from .grid import Grid, grid
from .heat import of_map, of_rows, scatter
from .merge import DOUBLE, MERGE, NMM, NMS, Replace
from .packing import pack
from .scale import ObjectScale, trained_size
from .window import Window

CROPPERS = Registry("cropper", {"grid": Grid, "lsm": LSM, "auto": Auto})
MERGES = Registry("merge", {"replace": Replace, "nms": NMS, "nmm": NMM})

__all__ = ["CROPPERS", "DOUBLE", "GREY", "LSM", "MERGE", "MERGES", "NMM", "NMS", "Auto", "Budget", "Canvas"]
__all__ += ["Grid", "ObjectScale", "Replace", "Window", "centred", "gather", "grid", "lsm", "of_map", "of_rows", "pack"]
__all__ += ["scatter", "trained_size", "whole_only", "without_rim"]
