"""Objects in rasters of any size: windows to a callback, and a vector file of what it finds, without torch.

windows     where to look, and what windows found as one list
journal     what each window found, kept on disk as it is found, so that a run that was cut off goes on
job         one raster: windows, journal, callback
output      the vector file, COCO rows, the picture to look at
"""

from .job import Found, Job, Look
from .journal import Journal
from .output import draw, write_coco, write_vectors
from .windows import Plan, joined

__all__ = ["Found", "Job", "Journal", "Look", "Plan", "draw", "joined", "write_coco", "write_vectors"]
