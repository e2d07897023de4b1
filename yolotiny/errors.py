"""The one error a user sees: a single line that says what is wrong, where, and what to write instead."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import Any

MOST = 1_000_000_000  # of a number that has no bound of its own


class InputError(ValueError):
    """Something the user wrote or pointed at cannot be used.

    The command line prints the message as one line and exits with code 2; Python callers catch it as a ValueError.
    """


def did_you_mean(name: str, options: Iterable[str], n: int = 3, near: float = 0.55) -> str:
    """Return `"; did you mean 'a' or 'b'?"`, or the list of options when none is close.

    Args:
        name: what was written.
        options: what exists.
        n: how many suggestions at most.
        near: how close one has to be, from 0 to 1, equal.
    """
    options = [str(o) for o in options]
    found = difflib.get_close_matches(str(name), options, n=n, cutoff=near)
    if found:
        return "; did you mean " + " or ".join(repr(o) for o in found) + "?"
    shown = ", ".join(sorted(options)[:12]) + (", ..." if len(options) > 12 else "")
    return f"; there are: {shown}" if shown else ""


def number(
    value: Any, what: str, low: float = 0.0, high: float = math.inf, ends: str = "[]", example: Any = None
) -> float:
    """`value` when it is a finite number from `low` to `high`; not a bool.

    Args:
        value: as given by a user.
        what: what it is and where, for the message.
        low, high: bounds.
        ends: which of them count, as intervals are written: "[]" both, "(]" all but `low`, "[)" all but `high`, "()".
        example: a value that would do, for the message.

    Raises:
        InputError: anything else.
    """
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < math.inf
    if not good or not low <= value <= high or (value == low and ends[0] == "(") or (value == high and ends[1] == ")"):
        raise InputError(f"{what}={value!r} must be a number {_bounds(low, high, ends)}{_such_as(example)}")
    if high == math.inf:
        _check_most(value, what)
    return value


def above_zero(value: Any, what: str, example: float) -> float:
    """`value` when it is a finite number above 0; see `number`."""
    return number(value, what, ends="(]", example=example)


def whole(value: Any, what: str, low: int = 0, high: float = math.inf, example: Any = None) -> int:
    """`value` when it is a whole number from `low` to `high`, both included; not a bool. See `number`.

    Raises:
        InputError: anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(f"{what}={value!r} must be a whole number {_bounds(low, high, '[]')}{_such_as(example)}")
    if high == math.inf:
        _check_most(value, what)
    return value


def _check_most(value: float, what: str) -> None:
    """Raise InputError for more than anything here can be counted or measured in; nothing overflows below."""
    if value > MOST:
        raise InputError(f"{what}={value!r} is above {MOST:,}")


def _bounds(low: float, high: float, ends: str) -> str:
    """An interval in words."""
    first, last = (f"{bound:,}" if isinstance(bound, int) else f"{bound:g}" for bound in (low, high))
    if high == math.inf:
        return f"above {first}" if ends[0] == "(" else f"from {first} up"
    if ends[0] == "(":
        return f"above {first} and {'up to' if ends[1] == ']' else 'below'} {last}"
    return f"from {first} {'to' if ends[1] == ']' else 'up to below'} {last}"


def _such_as(example: Any) -> str:
    return "" if example is None else f"; write for example {example}"
