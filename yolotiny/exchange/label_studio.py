"""Label Studio: tasks as JSON, and the labelling configuration that shows them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ..data.formats.label_studio import IGNORE, SPLIT
from ..files import write_text
from .page import Page, Shape

MODEL = "yolotiny"  # who has made predictions


def write_label_studio(names: Sequence[str], pages: Sequence[Page], to: Path) -> None:
    """Write `tasks.json`, and `config.xml` to paste into the project's labelling interface.

    Shapes that a person drew are an annotation of their task, those that a detector found a prediction; where a picture
    is to be reviewed, all of them are one, with which its annotator begins. Pictures are named as
    local files, from the folder in which that of the export lies.

    Args:
        names: of the labels.
        pages: the pictures.
        to: the folder.
    """
    folder = to.name.removeprefix(".")  # it is written under a name with a dot, until it is whole
    write_text(
        to / "tasks.json", json.dumps([_task(page, folder) for page in pages], ensure_ascii=False, indent=1) + "\n"
    )
    write_text(to / "config.xml", _config(names))


def _task(page: Page, folder: str) -> dict[str, Any]:
    path = quote(f"{folder}/images/{page.split}/{page.name}")
    task: dict[str, Any] = {"data": {"image": f"/data/local-files/?d={path}", SPLIT: page.split}}
    if page.drawn and page.doubt is None:
        task["annotations"] = [{"result": _regions(page.shapes, page, "drawn")}]
    elif page.shapes:
        best = max(s.score or 0.0 for s in page.shapes) if page.doubt is None else page.doubt
        task["predictions"] = [{"model_version": MODEL, "score": best, "result": _regions(page.shapes, page, "found")}]
    if remarks := [s.remark for s in page.shapes if s.remark]:
        task["data"]["review"] = "; ".join(dict.fromkeys(remarks))
    return task


def _regions(shapes: Sequence[Shape], page: Page, kind: str) -> list[dict[str, Any]]:
    """The regions of shapes, and behind each that needs one its choice or remark."""
    made = []
    for i, shape in enumerate(shapes):
        x1, y1, x2, y2 = shape.box
        sides = {"x": x1 / page.width, "y": y1 / page.height}
        sides |= {"width": (x2 - x1) / page.width, "height": (y2 - y1) / page.height}
        value = {k: round(100 * v, 8) for k, v in sides.items()} | {"rotation": 0}
        region = {"id": f"{kind}{i}", "to_name": "image", "image_rotation": 0}
        region |= {"original_width": page.width, "original_height": page.height}
        label = {"from_name": "label", "type": "rectanglelabels", "value": value | {"rectanglelabels": [shape.label]}}
        made.append(region | label | ({} if shape.score is None else {"score": round(shape.score, 5)}))
        if shape.ignored:
            made.append(region | {"from_name": IGNORE, "type": "choices", "value": value | {"choices": [IGNORE]}})
        if shape.remark:
            made.append(region | {"from_name": "review", "type": "textarea", "value": value | {"text": [shape.remark]}})
    return made


def _config(names: Sequence[str]) -> str:
    """The labelling configuration: a rectangle of each label, and for a region what is said of it."""
    view = Element("View")
    SubElement(view, "Image", {"name": "image", "value": "$image", "zoom": "true"})
    labels = SubElement(view, "RectangleLabels", {"name": "label", "toName": "image"})
    for name in names:
        SubElement(labels, "Label", {"value": name})
    choices = SubElement(view, "Choices", {"name": IGNORE, "toName": "image", "perRegion": "true"})
    SubElement(choices, "Choice", {"value": IGNORE})
    SubElement(view, "TextArea", {"name": "review", "toName": "image", "perRegion": "true", "editable": "true"})
    indent(view)
    return tostring(view, encoding="unicode") + "\n"
