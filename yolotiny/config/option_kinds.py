"""What values an option may have, and the line that says so of one it may not. Imports no torch."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from ..text import printable

MANY = 1_000_000  # bound of numbers that have none of their own: more is a slip of the finger
MOST_BUDGET = 10**9  # forwards or milliseconds: eleven days for a picture
SHOWN = 60  # characters of a wrong value in a message


@dataclass(frozen=True)
class Values:
    """The values that an option may have; with nothing said, numbers only.

    Attributes:
        words: what they are, as a person would say it after "give".
        low, high: bounds of a number, both included; no numbers at all where `low` is None.
        whole: only whole numbers.
        single: other values that are taken, such as True, "ram" or None; upper and lower case mean the same.
        text: any name or path is taken, but an empty one.
        many: a list of such values is taken, too; where it is a number, of so many at most.
        rule: a number has to satisfy this besides.
        others: says of any other value whether it is taken.
    """

    words: str
    low: float | None = None
    high: float = math.inf
    whole: bool = False
    single: tuple[Any, ...] = ()
    text: bool = False
    many: bool | int = False
    rule: Callable[[float], bool] | None = None
    others: Callable[[Any], bool] | None = None

    def check(self, name: str, value: Any) -> None:
        """Raise InputError for a value that option `name` cannot have."""
        if self._is_single(value) or (self.others is not None and self.others(value)):
            return
        listed = self.many and isinstance(value, (list, tuple)) and value
        if listed and self.many is not True and len(value) > self.many:
            raise InputError(f"{name}={_shown(value)}: give {self.words}")
        for part in value if listed else [value]:
            if not (self.text and isinstance(part, (str, os.PathLike)) and str(part).strip()):
                self._check_number(name, part, value)

    def _is_single(self, value: Any) -> bool:
        """Whether it is one of `single`; True is not 1."""
        known = [s.lower() if isinstance(s, str) else s for s in self.single]
        value = value.lower() if isinstance(value, str) else value
        return any(value is s or (isinstance(s, str) and isinstance(value, str) and value == s) for s in known)

    def _check_number(self, name: str, part: Any, value: Any) -> None:
        number = isinstance(part, (int, float)) and not isinstance(part, bool) and math.isfinite(part)
        if self.low is None or not number or (self.whole and int(part) != part) or (self.rule and not self.rule(part)):
            raise InputError(f"{name}={_shown(value)}: give {self.words}")
        if part < self.low:
            raise InputError(f"{name}={part} is below {self.low:,.15g}")
        if part > self.high:
            raise InputError(f"{name}={part} is above {self.high:,.15g}")


def _shown(value: Any) -> str:
    """A value as it stands in a message: short, on one line, and a text in quotes where it looks like a number."""
    bare = not isinstance(value, str) or not (value == "" or value.lstrip("+-.")[:1].isdigit())
    text = printable(value if bare else repr(value))
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def whole(low: int = 0, high: float = math.inf, single: tuple[Any, ...] = (), many: bool = False) -> Values:
    """A whole number, a list of them where `many`, or one of `single`."""
    return Values(_words("a whole number", low, high, single, many), low, high, True, single, many=many)


def number(low: float = 0.0, high: float = math.inf, single: tuple[Any, ...] = (), many: bool = False) -> Values:
    """A number, a list of them where `many`, or one of `single`."""
    return Values(_words("a number", low, high, single, many), low, high, False, single, many=many)


def above_zero(high: float, single: tuple[Any, ...] = ()) -> Values:
    """A number above 0, or one of `single`."""
    return Values(f"a number above 0 and up to {high:,.15g}", 0.0, high, single=single, rule=lambda n: n > 0)


def choice(*values: Any) -> Values:
    """One of several words, numbers or True, False and None."""
    numbers = tuple(v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool))
    rule = numbers.__contains__ if numbers else None
    return Values(joined(values), -math.inf if numbers else None, single=values, rule=rule)


def name(words: str, *single: Any, many: bool = False) -> Values:
    """A name or path in words of its own, a list of them where `many`, or one of `single`."""
    return Values(words, single=single, text=True, many=many)


def part(words: str, *single: Any) -> Values:
    """A component of a model file: its name, a mapping with `type`, or one of `single`."""
    return Values(words, single=single, text=True, others=is_component)


def several(inner: Values, none: bool = False) -> Values:
    """One or several such values: a list, or a text with commas between them, as in `640,960`; None where `none`."""

    def all_good(value: Any) -> bool:
        if value is None:
            return none
        parts = (
            value if isinstance(value, (list, tuple)) else PART.findall(value) if isinstance(value, str) else [value]
        )
        return bool(parts) and all(_good(inner, _read(p) if isinstance(p, str) else p) for p in parts)

    return Values(f"one or several, with commas between: {inner.words}", others=all_good)


def _good(values: Values, value: Any) -> bool:
    try:
        values.check("", value)
    except InputError:
        return False
    return True


def _read(text: str) -> Any:
    """A part of a text with commas, as the command line would read it by itself."""
    text = text.strip()
    words = {"true": True, "false": False, "none": None, "null": None}
    if text.lower() in words:
        return words[text.lower()]
    if text.startswith("{"):
        return {"type": text}  # a mapping, which is checked where it is used
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


def is_component(value: Any) -> bool:
    """Whether a value is a mapping that names a component and may set its arguments."""
    return isinstance(value, Mapping) and isinstance(value.get("type"), str)


def is_component_or_list(value: Any) -> bool:
    """The same, or a list of names, paths, such mappings and objects that describe themselves; it may be empty."""
    listed = value if isinstance(value, (list, tuple)) else [value]
    named = lambda v: isinstance(v, (str, os.PathLike)) and str(v).strip()  # noqa: E731
    return all(is_component(v) or named(v) or callable(getattr(v, "to_dict", None)) for v in listed)


def names_classes(value: Any) -> bool:
    """Whether a value is names of classes, or a mapping from some to others; a class may be called by a number."""
    parts = [*value, *value.values()] if isinstance(value, Mapping) else value
    parts = parts if isinstance(parts, (list, tuple)) else [parts]
    named = lambda v: isinstance(v, (str, int)) and not isinstance(v, bool) and str(v).strip()  # noqa: E731
    return bool(parts) and all(named(v) or (v is None and isinstance(value, Mapping)) for v in parts)


def is_teacher(value: Any) -> bool:
    """Whether a value is a mapping that names a file."""
    return isinstance(value, Mapping) and isinstance(value.get("file"), (str, os.PathLike))


def is_pair(value: Any) -> bool:
    """Whether a value is a list of two finite numbers above 0, the second not below the first."""
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return False
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in value)
    return numbers and 0 < value[0] <= value[1] < math.inf


def is_budget(value: Any) -> bool:
    """Whether a value is a number above 0, or one with `ms` behind it."""
    found = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*ms\s*", value) if isinstance(value, str) else None
    number = float(found[1]) if found else value
    plain = isinstance(number, (int, float)) and not isinstance(number, bool)
    return plain and 0 < number <= MOST_BUDGET


def _words(what: str, low: float, high: float, single: tuple[Any, ...], many: bool) -> str:
    bounds = (
        ""
        if low == -math.inf
        else f" from {low:g} up"
        if high in (MANY, math.inf)
        else f" from {low:g} to {high:,.15g}"
    )
    others = [v for v in single if v is not None]
    return what + bounds + (" or a list of them" if many else "") + (f", or {joined(others)}" if others else "")


def joined(values: Iterable[Any], by: str = "or") -> str:
    """`a, b or c`."""
    *first, last = dict.fromkeys(map(str, values))
    return f"{', '.join(first)} {by} {last}" if first else last


PART = re.compile(r"(?:\[[^\]]*\]|\{[^}]*\}|[^,])+")  # what stands between commas that are in no brackets
NOTHING = Values("nothing")  # of an option that no command reads
FLAG = Values("True or False", single=(True, False))
SHARE = Values("a number from 0 to 1", 0.0, 1.0)
NOT_ABOVE_ONE = Values("a number above 0 and up to 1", 0.0, 1.0, single=(None,), rule=lambda n: n > 0)
TEXT = Values("a name", 1, 10**9, text=True, single=(None,))  # a number is a name as well: name=7
PATH = name("a file or folder", None)
DEVICE = re.compile(
    r"(cpu|mps|tpu|(cuda|npu|xpu|dla|vulkan)(:\d{1,3}(,\d{1,3})*)?|intel:\w+|(-1|\d{1,3})(,(-1|\d{1,3}))*)", re.I
)


def is_scales(value: Any) -> bool:
    """Whether a value is a list of sizes beside imgsz, above 0 and up to 8; one is 1 and none is there twice."""
    good = isinstance(value, (list, tuple)) and all(type(s) in (int, float) and 0 < s <= 8 for s in value)
    return good and 1 in value and len(set(value)) == len(value)


def is_device(value: Any) -> bool:
    """Whether a value is written as a device: text, or an object of torch."""
    if isinstance(value, str):
        return bool(DEVICE.fullmatch(value.replace(" ", "").replace("cuda:", "")))
    return hasattr(value, "type") and hasattr(value, "index") and not callable(value.type) and bool(value.type)
