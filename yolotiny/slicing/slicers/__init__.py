"""Where to look: the slicers by name. A new one is a file here and a line in the table."""

from ...registry import Registry
from .adaptive import Adaptive
from .base import Box, Slicer
from .grid import Grid, grid
from .lsm import LSM, LSMConfig, lsm

SLICERS = Registry("slicer", {"grid": Grid, "lsm": LSM, "auto": Adaptive})

__all__ = ["LSM", "SLICERS", "Adaptive", "Box", "Grid", "LSMConfig", "Slicer", "grid", "lsm"]
