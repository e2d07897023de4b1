"""One file a format, of a data set or of a labelling tool: `read_x(source) -> Dataset`, and a row of the table here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ...pictures.reader import PictureReader
from ...pictures.survey import survey
from ...rasters.reader import RasterReader, survey_rasters
from ...registry import Registry
from ..records import Dataset
from ..tiling import Tiling
from .aitod import read_aitod, read_aitod_v2
from .coco import read_coco
from .cvat import read_cvat
from .dota import read_dota
from .droneswarms import read_droneswarms
from .geo import read_geo
from .hit_uav import read_hit_uav
from .label_studio import read_label_studio
from .soda_a import read_soda_a
from .tinyperson import read_tinyperson
from .uavdt import read_uavdt
from .visdrone import read_visdrone
from .voc import read_voc
from .xview import read_xview
from .yolo import read_yolo


@dataclass(frozen=True)
class Format:
    """A row of the table of formats.

    Attributes:
        read: reads the data set as downloaded.
        protocol: how its papers score it, a name in `metrics.PROTOCOLS`; None where the data says so itself, or not.
        tiling: how its pictures are cut unless the user says otherwise; None to leave them whole.
        takes: options of a conversion that `read` takes besides the source, by name.
        reader: decodes its pictures.
        survey: looks at them and says how they are read.
    """

    read: Callable[..., Dataset]
    protocol: str | None = None
    tiling: Tiling | None = None
    takes: tuple[str, ...] = ()
    reader: type[PictureReader] = PictureReader
    survey: Callable[[PictureReader, Sequence[Any]], list[str]] = survey


CONVERTERS = Registry(
    "format",
    {
        "visdrone": Format(read_visdrone, "visdrone"),
        "uavdt": Format(read_uavdt, "coco"),
        "aitod": Format(read_aitod, "aitod"),
        "aitod-v2": Format(read_aitod_v2, "aitod"),
        "dota": Format(read_dota, "aitod", Tiling(1024, 200)),
        "soda-a": Format(read_soda_a, "soda", Tiling(800, 150)),
        "droneswarms": Format(read_droneswarms, "aitod"),
        "tinyperson": Format(read_tinyperson, "tinyperson"),
        "xview": Format(read_xview, "aitod", Tiling(800, 200)),
        "hit-uav": Format(read_hit_uav, "aitod"),
        "coco": Format(read_coco, "coco"),
        "voc": Format(read_voc, "coco"),
        "yolo": Format(read_yolo),
        "geo": Format(
            read_geo, "aitod", Tiling(640, 128), ("labels", "class_field", "tiling"), RasterReader, survey_rasters
        ),
        "cvat": Format(read_cvat),
        "label-studio": Format(read_label_studio),
    },
)
