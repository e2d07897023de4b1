"""What values an option may have, and the line that says so of one it may not. Imports no torch."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..errors import InputError


@dataclass(frozen=True)
class Values:
    """The values that an option may have; with nothing said, numbers only.

    Attributes:
        words: what they are, as a person would say it after "give".
        low, high: bounds of a number, both included; no numbers at all where `low` is None.
        whole: only whole numbers.
        single: other values that are taken, such as True, "ram" or None; upper and lower case mean the same.
        text: any name or path is taken.
        many: a list of such values is taken, too.
        rule: a number has to satisfy this besides.
    """

    words: str
    low: float | None = None
    high: float = math.inf
    whole: bool = False
    single: tuple[Any, ...] = ()
    text: bool = False
    many: bool = False
    rule: Callable[[float], bool] | None = None

    def check(self, name: str, value: Any) -> None:
        """Raise InputError for a value that option `name` cannot have."""
        if self._is_single(value):
            return
        parts = value if self.many and isinstance(value, (list, tuple)) and value else [value]
        for part in parts:
            if not (self.text and isinstance(part, (str, os.PathLike))):
                self._check_number(name, part, value)

    def _is_single(self, value: Any) -> bool:
        """Whether it is one of `single`; True is not 1."""
        known = [s.lower() if isinstance(s, str) else s for s in self.single]
        value = value.lower() if isinstance(value, str) else value
        return any(value is s or (isinstance(s, str) and isinstance(value, str) and value == s) for s in known)

    def _check_number(self, name: str, part: Any, value: Any) -> None:
        number = isinstance(part, (int, float)) and not isinstance(part, bool) and math.isfinite(part)
        if self.low is None or not number or (self.whole and int(part) != part) or (self.rule and not self.rule(part)):
            raise InputError(f"{name}={value}: give {self.words}")
        if part < self.low:
            raise InputError(f"{name}={part} is below {self.low:,.15g}")
        if part > self.high:
            raise InputError(f"{name}={part} is above {self.high:,.15g}")


class _Anything(Values):
    """Values that are checked where they are used."""

    def check(self, name: str, value: Any) -> None:
        """Nothing is refused here."""


FLAG = Values("True or False", single=(True, False))
SHARE = Values("a number from 0 to 1", 0.0, 1.0)
TEXT = Values("a name", -math.inf, text=True, single=(None,))  # a number is a name as well: name=7


def anything(words: str) -> Values:
    """Values that the part of the program which uses them checks by itself."""
    return _Anything(words)


def whole(low: int = 0, high: float = math.inf, single: tuple[Any, ...] = (), many: bool = False) -> Values:
    """A whole number, a list of them where `many`, or one of `single`."""
    return Values(_words("a whole number", low, high, single, many), low, high, True, single, many=many)


def number(low: float = 0.0, high: float = math.inf, single: tuple[Any, ...] = (), many: bool = False) -> Values:
    """A number, a list of them where `many`, or one of `single`."""
    return Values(_words("a number", low, high, single, many), low, high, False, single, many=many)


def choice(*values: Any) -> Values:
    """One of several words, numbers or True, False and None."""
    numbers = tuple(v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool))
    rule = numbers.__contains__ if numbers else None
    return Values(joined(values), -math.inf if numbers else None, single=values, rule=rule)


def _words(what: str, low: float, high: float, single: tuple[Any, ...], many: bool) -> str:
    bounds = "" if low == -math.inf else f" from {low:g} up" if high == math.inf else f" from {low:g} to {high:,.15g}"
    others = [v for v in single if v is not None]
    return what + bounds + (" or a list of them" if many else "") + (f", or {joined(others)}" if others else "")


def joined(values: Iterable[Any], by: str = "or") -> str:
    """`a, b or c`."""
    *first, last = dict.fromkeys(map(str, values))
    return f"{', '.join(first)} {by} {last}" if first else last
