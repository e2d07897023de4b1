"""Data sets: one converter per format, one writer for all, and a synthetic aerial scene.

`convert(Conversion("visdrone", "VisDrone2019-DET"), "datasets/visdrone")` writes YOLO labels, ignore regions, COCO JSON
and a data.yaml. `formats/` reads data sets as they are downloaded, `quality/` says what one is made of and what is
wrong.
"""

from .conversion import Conversion, convert
from .formats import CONVERTERS
from .quality.checks import Report, check
from .quality.statistics import Stats, stats
from .records import Dataset, Record
from .scenes import scene, write_demo
from .splitting import Splitting, split
from .summary import Summary

__all__ = ["CONVERTERS", "Conversion", "Dataset", "Record", "Report", "Splitting", "Stats", "Summary"]
__all__ += ["check", "convert", "scene", "split", "stats", "write_demo"]
