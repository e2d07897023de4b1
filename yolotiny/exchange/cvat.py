"""CVAT: "CVAT for images 1.1"."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from ..data.formats.cvat import IGNORE
from ..files import whole
from .page import Page, Shape

REMARK, SCORE = "review", "score"


def write_cvat(names: Sequence[str], pages: Sequence[Page], to: Path) -> None:
    """Write `annotations.xml`.

    Scores, remarks and whether a shape is an ignore region are attributes of it, which CVAT takes where the labels of
    the project have attributes of these names.

    Args:
        names: of the labels.
        pages: the pictures.
        to: the folder.
    """
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    labels = SubElement(SubElement(SubElement(root, "meta"), "task"), "labels")
    for name in names:
        label = SubElement(labels, "label")
        SubElement(label, "name").text = name
        SubElement(label, "type").text = "rectangle"
        attributes = SubElement(label, "attributes")
        _attribute(attributes, IGNORE, "checkbox", "false")
        for key in (SCORE, REMARK) if any(s.score is not None or s.remark for p in pages for s in p.shapes) else ():
            _attribute(attributes, key, "text", "")
    for i, page in enumerate(pages):
        size = {"width": str(page.width), "height": str(page.height)}
        image = SubElement(root, "image", {"id": str(i), "name": page.name, "subset": page.split} | size)
        for shape in page.shapes:
            _shape(image, shape)
    indent(root)
    with whole(to / "annotations.xml") as part:
        ElementTree(root).write(part, encoding="utf-8", xml_declaration=True)


def _attribute(parent: Element, name: str, kind: str, default: str) -> None:
    one = SubElement(parent, "attribute")
    for key, text in (("name", name), ("mutable", "False"), ("input_type", kind), ("default_value", default)):
        SubElement(one, key).text = text
    SubElement(one, "values").text = default


def _shape(image: Element, shape: Shape) -> None:
    corners = dict(zip(("xtl", "ytl", "xbr", "ybr"), (f"{v:.10g}" for v in shape.box), strict=True))
    source = "manual" if shape.score is None else "auto"
    box = SubElement(
        image, "box", {"label": shape.label, "source": source, "occluded": "0"} | corners | {"z_order": "0"}
    )
    marks = {IGNORE: "true" if shape.ignored else "false"}
    marks |= {SCORE: f"{shape.score:.5g}"} if shape.score is not None else {}
    for name, text in (marks | ({REMARK: shape.remark} if shape.remark else {})).items():
        SubElement(box, "attribute", {"name": name}).text = text
