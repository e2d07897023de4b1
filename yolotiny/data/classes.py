"""Which classes of a data set are kept, in which order, and under which names (`classes=`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import InputError, did_you_mean
from ..ignore import REGION_NAMES
from .records import Dataset, Record

GONE = -3  # what stands for a class that is left out, until its objects are


def choose_classes(data: Dataset, classes: Any) -> Dataset:
    """The data set with other classes.

    Args:
        data: as read.
        classes: None for all as they are; names (a list, or a text with commas) to keep these in this order and drop
            all others; or a mapping from a name to its new one, to `ignore` (its objects become ignore regions of every
            class), or to None (they are dropped), where classes that are not named stay. Two that are to become one
            are both named in it.

    Returns:
        with notes of what became of what, and counts of what was dropped.
    Raises:
        InputError: a name that is no class, one twice, two that would become one without both being named, none left.
    """
    if classes is None:
        return data
    new = _mapped(classes, data.names) if isinstance(classes, Mapping) else _kept(classes, data.names)
    names = list(dict.fromkeys(name for name in new.values() if name is not None and name not in REGION_NAMES))
    if not isinstance(classes, Mapping):
        names = list(new)
    if not names:
        raise InputError(f"classes={classes}: no class is left of {', '.join(data.names)}")
    of = [_label(new.get(name), names) for name in data.names]
    made = replace(data, names=names, notes=[*data.notes, *_notes(new, data.names)], splits={}, categories={})
    made.dropped = {split: Counter(counts) for split, counts in data.dropped.items()}
    for split, records in data.splits.items():
        made.splits[split] = [_renumbered(record, of, made, split, data.names) for record in records]
    for split, table in data.categories.items():
        numbers = {i: (name, of[k] if k >= 0 else k) for i, (name, k) in table.items()}
        made.categories[split] = {i: row for i, row in numbers.items() if row[1] != GONE}
    return made


def _kept(classes: Any, names: Sequence[str]) -> dict[str, str | None]:
    """Names that are kept, in their order."""
    given = (
        classes.split(",") if isinstance(classes, str) else classes if isinstance(classes, (list, tuple)) else [classes]
    )
    wanted = [str(name).strip() for name in given]
    for name in wanted:
        _known(name, names)
    if twice := [name for name, count in Counter(wanted).items() if count > 1]:
        raise InputError(f"classes names {twice[0]!r} twice")
    return dict(zip(wanted, wanted, strict=True))


def _mapped(classes: Mapping[Any, Any], names: Sequence[str]) -> dict[str, str | None]:
    """The new name of every class, None for one that is dropped."""
    asked = {str(k): None if v is None else str(v).strip() for k, v in classes.items()}
    for name, to in asked.items():
        _known(name, names)
        if to == "":
            raise InputError(f"classes: {name!r} is given no name; write null to drop it")
    new = {name: asked.get(name, name) for name in names}
    for name, to in asked.items():
        if to in names and to != name and to not in asked:
            raise InputError(
                f"classes: {name!r} and {to!r} would both become {to!r}; where they are to be one class, name both: "
                f"classes={{{name}: {to}, {to}: {to}}}"
            )
    return new


def _known(name: str, names: Sequence[str]) -> None:
    if name not in names:
        raise InputError(f"classes: the data has no class {name!r}{did_you_mean(name, names)}")


def _label(name: str | None, names: Sequence[str]) -> int:
    """The number of a new name: of a class, of a region, or `GONE`."""
    return GONE if name is None else REGION_NAMES[name] if name in REGION_NAMES else names.index(name)


def _notes(new: Mapping[str, str | None], names: Sequence[str]) -> list[str]:
    """What became of classes that have another name now, or are no more."""
    lines = []
    for to in dict.fromkeys(v for v in new.values() if v is not None):
        old = [name for name, v in new.items() if v == to]
        if to in REGION_NAMES:
            lines.append(f"{_joined(old)}: ignore regions now")
        elif old != [to]:
            lines.append(f"{_joined(old)} {'are one class now' if len(old) > 1 else 'is called'} {to!r}")
    gone = [name for name in names if new.get(name) is None]
    return lines + ([f"left out: {_joined(gone)}"] if gone else [])


def _joined(names: Sequence[str]) -> str:
    return " and ".join(map(repr, names))


def _renumbered(record: Record, of: Sequence[int], data: Dataset, split: str, names: Sequence[str]) -> Record:
    """A picture with the new numbers; objects of no class any more are counted, or become regions."""
    table = np.array([*of, -2, -1])  # labels of regions stay, from behind
    labels, regions = table[record.labels], table[record.ignore_labels]
    for old in np.unique(record.labels[labels == GONE]):
        data.drop(split, f"object of class {names[old]}", int((record.labels == old).sum()))
    data.drop(split, "ignore region of a class that is left out", int((regions == GONE).sum()))
    stay, become = labels >= 0, (labels < 0) & (labels != GONE)
    kept = regions != GONE
    return replace(
        record,
        boxes=record.boxes[stay],
        labels=labels[stay],
        areas=None if record.areas is None else record.areas[stay],
        scores=None if record.scores is None else record.scores[stay],
        ignore=np.concatenate((record.ignore[kept], record.boxes[become])),
        ignore_labels=np.concatenate((regions[kept], labels[become])),
    )
