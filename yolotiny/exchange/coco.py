"""COCO: one JSON file a split."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..files import write_text
from .page import Page


def write_coco(names: Sequence[str], pages: Sequence[Page], to: Path) -> None:
    """Write `annotations/instances_SPLIT.json`; an ignore region is a crowd, one of every class of a category `ignore`.

    Args:
        names: of the labels.
        pages: the pictures.
        to: the folder.
    """
    categories = [{"id": i, "name": name, "supercategory": ""} for i, name in enumerate(names, 1)]
    number = {name: i for i, name in enumerate(names, 1)}
    for split in dict.fromkeys(page.split for page in pages):
        images: list[dict[str, Any]] = []
        rows: list[dict[str, Any]] = []
        for i, page in enumerate((p for p in pages if p.split == split), 1):
            images.append({"id": i, "file_name": page.name, "width": page.width, "height": page.height})
            for shape in page.shapes:
                x1, y1, x2, y2 = shape.box
                box = [round(v, 4) for v in (x1, y1, x2 - x1, y2 - y1)]
                row = {"id": len(rows) + 1, "image_id": i, "category_id": number[shape.label], "bbox": box}
                row |= {"area": round(shape.area, 4), "iscrowd": int(shape.ignored), "segmentation": []}
                rows.append(row | ({} if shape.score is None else {"score": round(shape.score, 5)}))
        content = {"images": images, "categories": categories, "annotations": rows}
        write_text(to / "annotations" / f"instances_{split}.json", json.dumps(content, ensure_ascii=False))
