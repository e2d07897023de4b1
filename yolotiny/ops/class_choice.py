"""Which classes count: `classes=` by number or by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import InputError, did_you_mean
from ..text import printable

SHOWN = 4  # classes that a line lists


def class_numbers(classes: Any, names: Mapping[int, str], of: str) -> list[int] | None:
    """The numbers of the classes that a user means.

    Args:
        classes: one or several, each a number, a name as it stands in `names`, or a text with commas between such. What
            is a whole number is never a name.
        names: of all classes, by number.
        of: whom, for the message.

    Returns:
        numbers in the order given; None for all.
    Raises:
        InputError: a class that is not there; the nearest names are given.
    """
    if classes is None:
        return None
    known = {name: number for number, name in names.items()}
    found: list[int] = []
    for asked in [classes] if isinstance(classes, str) or not isinstance(classes, Iterable) else classes:
        parts = asked.split(",") if isinstance(asked, str) and asked not in known else [asked]
        found += (_number(p.strip() if isinstance(p, str) else p, names, known, of) for p in parts)
    return found


def first_of(texts: Iterable[str], count: int) -> str:
    """The first of `count` texts, and how many more there are."""
    shown = [text for _, text in zip(range(SHOWN), texts, strict=False)]
    return ", ".join(shown) + (f" and {count - SHOWN} more" if count > SHOWN else "")


def _number(asked: Any, names: Mapping[int, str], known: Mapping[str, int], of: str) -> int:
    """The number of one class."""
    text = str(asked)
    number = int(text) if text.removeprefix("-").isdecimal() else int(asked) if isinstance(asked, float) else None
    if number is None and text in known:
        return known[text]
    if number is not None and number in names:
        return number
    has = first_of((f"{i} {name}" for i, name in names.items()), len(names))
    near = "" if number is not None else did_you_mean(text, known)
    near = near if near.startswith("; did") else ""
    said = f"{number}" if number is not None else f"'{printable(text)}'"
    raise InputError(f"classes: there is no class {said} in {of}, which has {has}{near}")
