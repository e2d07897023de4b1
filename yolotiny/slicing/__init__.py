"""Sliced inference: where an image deserves a closer look, how that is done, and how both passes join.

This room knows no model and needs numpy and OpenCV alone. Images, heat maps and detections are arrays; the network is a
callback from a batch of canvases to rows. A new way to choose tiles or to merge is a file or a class here and a line in
its table.

A slicer is a `Slicer`: it has `find(heatmap, size, scale, input_size) -> boxes`, is told what is known of the
detector's training before it is asked, and says of itself what holds for its tiles.
"""

from .batching import TileBatcher
from .budget import Budget
from .canvas import Canvas, gather
from .heatmap import from_map, from_rows, scatter
from .merge import MERGE, MERGES, NMM, NMS, OF_RUN, SAME_OBJECT_IOU, Replace
from .packing import pack
from .pipeline import SlicedInference
from .rescore import rescore
from .results import CoarsePass, SlicedDetections, SlicingStats
from .scale import ObjectScale, TileScale
from .slicers import LSM, SLICERS, Adaptive, Grid, Slicer, grid, lsm
from .tile import Tile
from .truncated import centred, drop_truncated, without_border_margin

__all__ = ["MERGE", "MERGES", "NMM", "NMS", "OF_RUN", "SAME_OBJECT_IOU", "SLICERS"]
__all__ += ["LSM", "Adaptive", "Budget", "Canvas", "CoarsePass", "Grid", "ObjectScale", "Replace", "SlicedDetections"]
__all__ += ["SlicedInference", "Slicer", "SlicingStats", "Tile", "TileBatcher", "TileScale"]
__all__ += ["centred", "drop_truncated", "from_map", "from_rows", "gather", "grid", "lsm", "pack", "rescore", "scatter"]
__all__ += ["without_border_margin"]
