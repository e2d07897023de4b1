"""Data sets: one converter per format, one writer for all, and a synthetic aerial scene.

`convert("visdrone", "VisDrone2019-DET", "datasets/visdrone")` writes YOLO labels, ignore regions, COCO JSON and a
data.yaml. A new format is a function `read_x(source) -> Dataset` in a file of its own and a line in `CONVERTERS`.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from ..registry import Registry
from .checks import Report, check
from .coco import read_coco, read_hit_uav
from .records import Dataset, Record
from .scenes import scene, write_demo
from .statistics import Stats, stats
from .visdrone import read_visdrone
from .writer import Progress, Summary, check_free, write, write_lists
from .yolo import read_yolo

CONVERTERS = Registry(
    "format",
    {"visdrone": read_visdrone, "coco": read_coco, "hit-uav": read_hit_uav, "yolo": read_yolo},
)

__all__ = ["CONVERTERS", "Dataset", "Record", "Report", "Stats", "Summary"]
__all__ += ["check", "convert", "scene", "stats", "write_demo"]


def convert(
    format: str,
    source: str | Path,
    to: str | Path,
    force: bool = False,
    link: bool = True,
    progress: Progress | None = None,
) -> Summary:
    """Convert a data set to the layout that training and evaluation read.

    Writes, for every split: `images/<split>`, `labels/<split>` (rows "class cx cy w h", shares of the image; an empty
    file for an image without objects), `ignore/<split>` (rows "cx cy w h", only where there are ignore regions),
    `annotations/<split>.json` (COCO), and `data.yaml`. Nothing is written before the whole source has been read.

    Args:
        format: a name in CONVERTERS.
        source: the data set as downloaded.
        to: the folder to write, new or empty.
        force: replace what an earlier run wrote in `to`.
        link: link the images; False copies them.
        progress: called with (split, done, total) after each image.
    Returns:
        Counts by split; print it.
    Raises:
        InputError: unknown format, missing folder, malformed file (named with its row), `to` not empty.
    """
    read = CONVERTERS.find(format)
    source, to = Path(source).expanduser(), Path(to).expanduser()
    if source.resolve() == to.resolve():
        raise InputError(f"source and to are the same folder, {to}; write to another one")
    check_free(to, force)  # before the reading, which may take minutes
    data = read(source)
    summary = write(data, to, force, link, progress)
    write_lists(source if source.is_dir() else source.parent, data, summary)
    return summary
