"""PASCAL VOC: one XML file for each picture, lists of pictures, and a list of the classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ..errors import InputError
from ..files import write_text
from .page import Page


def write_voc(names: Sequence[str], pages: Sequence[Page], to: Path) -> None:
    """Write `Annotations/*.xml`, `ImageSets/Main/SPLIT.txt` and `labelmap.txt`.

    Pixels count from 1 and both ends belong to the box, so 1 is added to xmin and ymin; fractions stay, as a pixel is
    much of a tiny object. An ignore region is a difficult object.

    Args:
        names: of the labels.
        pages: the pictures.
        to: the folder.

    Raises:
        InputError: a name with a colon, which ends it in `labelmap.txt`.
    """
    if bad := [name for name in names if ":" in name or name.startswith("#")]:
        raise InputError(f"class {bad[0]!r}: a list of VOC's cannot hold : or # in a name; give it another by classes=")
    for page in pages:
        write_text(to / "Annotations" / f"{PurePosixPath(page.name).stem}.xml", _xml(page))
    for split in dict.fromkeys(page.split for page in pages):
        stems = [PurePosixPath(page.name).stem for page in pages if page.split == split]
        write_text(to / "ImageSets" / "Main" / f"{split}.txt", "".join(f"{stem}\n" for stem in stems))
    write_text(to / "labelmap.txt", "".join(f"{name}:::\n" for name in names))


def _xml(page: Page) -> str:
    root = Element("annotation")
    SubElement(root, "folder").text = "JPEGImages"
    SubElement(root, "filename").text = page.name
    size = SubElement(root, "size")
    for key, value in (("width", page.width), ("height", page.height), ("depth", 3)):
        SubElement(size, key).text = str(value)
    for shape in page.shapes:
        item = SubElement(root, "object")
        SubElement(item, "name").text = shape.label
        SubElement(item, "difficult").text = str(int(shape.ignored))
        if shape.score is not None:
            SubElement(item, "score").text = f"{shape.score:.5g}"
        box = SubElement(item, "bndbox")
        x1, y1, x2, y2 = shape.box
        for key, side in (("xmin", x1 + 1), ("ymin", y1 + 1), ("xmax", x2), ("ymax", y2)):
            SubElement(box, key).text = f"{side:.10g}"
    indent(root)
    return tostring(root, encoding="unicode") + "\n"
