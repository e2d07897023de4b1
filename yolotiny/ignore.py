"""What an ignore region belongs to, and every way this is written down.

A region has a **label** beside the classes 0, 1, ...: its class, or one of two numbers below 0. The label stands in
records, in batches (`ignore_cls`) and in the arrays that are scored; everything else is a spelling of it:

| `IgnoreKind` | label | row of an ignore file | COCO JSON | travels as class | label of an augmentation |
|---|---|---|---|---|---|
| `EVERY` | -1 | `cx cy w h` | `category_id: 0, iscrowd: 1` | nc | -1 |
| `OTHERS` | -2 | `cx cy w h -2` | `category_id: 0, iscrowd: 1, others: 1` | nc + 1 | -2 |
| `CLASS` | c | `cx cy w h c` | `category_id: c + 1, iscrowd: 1` | nc + 2 + c | -3 - c |

Where labels are names (CVAT, Label Studio, VOC, DOTA) the first two are the names of `REGION_NAMES`, and a region of a
class has its name and a flag of the format.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any


class IgnoreKind(IntEnum):
    """Whom an ignore region concerns; the two below 0 are labels of regions themselves.

    Attributes:
        EVERY: a region of every class.
        OTHERS: an object of no class (VisDrone's "others"), a region of every class to all but the VisDrone protocol.
        CLASS: a region of one class, which is its label.
    """

    OTHERS = -2
    EVERY = -1
    CLASS = 0

    @classmethod
    def of(cls, label: float) -> IgnoreKind:
        """The kind of a region by its label; ValueError for a number that is no label."""
        return cls(min(int(label), cls.CLASS))


REGION_NAMES: dict[str, int] = {"ignore": IgnoreKind.EVERY.value, "ignore-others": IgnoreKind.OTHERS.value}
REGION_NAME = {label: name for name, label in REGION_NAMES.items()}


def is_region(index: Any, nc: int) -> Any:
    """Whether class indices of a batch mean ignore regions, for a number, an array or a tensor.

    Args:
        index: class indices, objects and regions together.
        nc: number of classes.
    """
    return index >= nc


def to_index(label: Any, nc: int) -> Any:
    """Labels -> the class indices under which regions travel with the objects of a picture; arrays or tensors."""
    return nc + (label < 0) * (-1 - label) + (label >= 0) * (label + 2)


def from_index(index: Any, nc: int) -> Any:
    """Undo `to_index`; what it says of objects (indices below nc) means nothing."""
    code = index - nc
    return (code < 2) * (-1 - code) + (code >= 2) * (code - 2)


def below_zero(index: Any, nc: int) -> Any:
    """Class indices from nc on <-> -1, -2, ..., as augmentations see regions; its own inverse, for regions alone."""
    return nc - 1 - index


def to_words(label: int) -> str:
    """What stands behind the box in a row of an ignore file; nothing for a region of every class."""
    return "" if IgnoreKind.of(label) is IgnoreKind.EVERY else f" {int(label)}"


def to_coco(label: int) -> dict[str, int]:
    """The keys of a COCO annotation that say which region it is."""
    kind = IgnoreKind.of(label)
    of = int(label) + 1 if kind is IgnoreKind.CLASS else 0
    return {"category_id": of, "iscrowd": 1, "ignore": 1} | ({"others": 1} if kind is IgnoreKind.OTHERS else {})


def from_coco(entry: Mapping[str, Any]) -> int:
    """The label of a region by its COCO annotation, where category k is class k - 1 and category 0 no class."""
    if of := entry.get("category_id"):
        return int(of) - 1
    return IgnoreKind.OTHERS if entry.get("others") else IgnoreKind.EVERY
