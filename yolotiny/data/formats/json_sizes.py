"""The size that a JSON states for a picture: it may be missing, or know nothing of a camera's rotation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...errors import InputError
from ..orientation import orientation, turn
from ..records import TOLERANCE, Dataset, Record, reach

Size = tuple[float, float]  # width and height, pixels
DIFFERS = "image size differs from the JSON"


def stated_size(entry: dict[str, Any], where: str) -> Size | None:
    """Width and height of an entry of `images`; None where one of them is missing, null, or not above 0.

    Raises:
        InputError: something else than a number, by `where`.
    """
    found = []
    for key in ("width", "height"):
        value = entry.get(key) or 0
        try:
            found.append(float(value))
        except (TypeError, ValueError):
            raise InputError(f"{where}: {key!r} is no number of pixels but {value!r}") from None
    return (found[0], found[1]) if min(found) > 0 else None


def settle(data: Dataset, split: str, records: Sequence[Record], stated: Sequence[Size | None]) -> list[Record]:
    """The records whose pictures are what the JSON means, with their boxes in the picture as training sees it.

    Tools that read no rotation tag state the size of the stored pixels, and their boxes are meant there. Whether a
    file's are shows where boxes fit one way alone; where none does, the stated size decides. Pictures of a third size
    are dropped with a count.

    Args:
        data: takes counts and notes.
        split: the split of the records.
        records: pictures as the JSON lists them.
        stated: `stated_size` of each.
    """
    whole = [s is not None and s == (r.width, r.height) for r, s in zip(records, stated, strict=True)]
    tags = [1 if r.fault or same else orientation(r.image) for r, same in zip(records, whole, strict=True)]
    fits = [_fits_stored(r) if tag >= 5 else None for r, tag in zip(records, tags, strict=True)]
    claims = [s == (r.height, r.width) for r, s, tag in zip(records, stated, tags, strict=True) if tag >= 5]
    seen = {one for one in fits if one is not None}
    usual = seen.pop() if len(seen) == 1 else any(claims)
    kept, turned, stay, own = [], 0, 0, 0
    for record, size, tag, fit in zip(records, stated, tags, fits, strict=True):
        shown = (record.width, record.height)
        if not record.fault and size not in (None, shown) and not (tag >= 5 and size == shown[::-1]):
            data.drop(split, DIFFERS)
            continue
        own += size is None and not record.fault
        told = size == shown and shown[0] != shown[1]  # the JSON knows of the rotation, if there is one by a quarter
        if usual and tag == 1 and not record.fault:
            tag = orientation(record.image)
        if tag > 1 and (usual if fit is None else fit) and not (told and tag >= 5):
            record, turned = _turned(record, tag), turned + 1
        else:
            stay += tag >= 5 and size != shown
        kept.append(record)
    said = (
        (own, "without width and height in the JSON: those of the files are taken"),
        (turned, "turned by their camera's tag, of which the JSON does not know: the boxes are turned with them"),
        (stay, "turned by their camera's tag, whose boxes fit the picture as it is shown: they stay"),
    )
    data.notes += [f"{split}: {n} pictures {text}" for n, text in said if n]
    return kept


def _fits_stored(record: Record) -> bool | None:
    """Whether boxes fit the stored pixels alone; False: the picture as shown alone; None: both, or neither."""
    boxes = np.concatenate((record.boxes, record.ignore))
    stored, shown = (
        bool((reach(boxes, *size) <= TOLERANCE).all())
        for size in ((record.height, record.width), (record.width, record.height))
    )
    return None if stored == shown else stored


def _turned(record: Record, tag: int) -> Record:
    boxes, ignore = (turn(b, tag, record.width, record.height) for b in (record.boxes, record.ignore))
    return replace(record, boxes=boxes, ignore=ignore)
