"""DOTA: four corners, a class and a difficult flag a row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ..data.formats.dota import CLASSES
from ..errors import InputError
from ..files import write_text
from .page import Page, Shape


def write_dota(names: Sequence[str], pages: Sequence[Page], to: Path) -> None:
    """Write `SPLIT/labelTxt/*.txt` and `classes.txt`; an ignore region is a difficult object.

    Args:
        names: of the labels.
        pages: the pictures.
        to: the folder.

    Raises:
        InputError: a name with a space, which ends it in a row.
    """
    if bad := [name for name in names if len(name.split()) != 1]:
        to_name = "-".join(bad[0].split())
        raise InputError(
            f"class {bad[0]!r}: a row of DOTA's cannot hold a space in a name; give it another: "
            f"classes={{{bad[0]}: {to_name}}}"
        )
    for page in pages:
        file = to / page.split / "labelTxt" / f"{PurePosixPath(page.name).stem}.txt"
        write_text(file, "".join(map(_row, page.shapes)))
    write_text(to / CLASSES, "".join(f"{name}\n" for name in names))


def _row(shape: Shape) -> str:
    x1, y1, x2, y2 = shape.box
    corners = " ".join(f"{v:.10g}" for v in (x1, y1, x2, y1, x2, y2, x1, y2))
    return f"{corners} {shape.label} {int(shape.ignored)}\n"
