"""YOLO: one text file of rows for each picture, and a data.yaml that goes with its folder wherever that is taken."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import yaml

from ..data.labels import label_row, region_row
from ..data.writer import shares_of
from ..files import write_text
from ..ignore import REGION_NAMES
from .page import Page


def write_yolo(names: Sequence[str], pages: Sequence[Page], to: Path) -> None:
    """Write `labels/SPLIT/*.txt`, `ignore/SPLIT/*.txt` where there are ignore regions, and `data.yaml`.

    Args:
        names: of the labels.
        pages: the pictures.
        to: the folder.
    """
    classes = [name for name in names if name not in REGION_NAMES]
    number = REGION_NAMES | {name: i for i, name in enumerate(classes)}
    for page in pages:
        file = f"{PurePosixPath(page.name).stem}.txt"
        shares = shares_of(np.array([s.box for s in page.shapes]).reshape(-1, 4), page.width, page.height).tolist()
        pairs = list(zip(page.shapes, shares, strict=True))
        rows = [label_row(number[s.label], share) for s, share in pairs if not s.ignored]
        regions = [region_row(number[s.label], share) for s, share in pairs if s.ignored]
        write_text(to / "labels" / page.split / file, "".join(rows))
        if regions:
            write_text(to / "ignore" / page.split / file, "".join(regions))
    splits = list(dict.fromkeys(page.split for page in pages))
    content: dict[str, Any] = {split: f"images/{split}" for split in splits} | {"names": dict(enumerate(classes))}
    write_text(to / "data.yaml", yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
