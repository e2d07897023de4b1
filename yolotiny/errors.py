"""The one error a user sees: a single line that says what is wrong, where, and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class InputError(ValueError):
    """Something the user wrote or pointed at cannot be used.

    The command line prints the message as one line and exits with code 2; Python callers catch it as a ValueError.
    """


def did_you_mean(name: str, options: Iterable[str], n: int = 3) -> str:
    """Return `"; did you mean 'a' or 'b'?"`, or the list of options when none is close.

    Args:
        name: what was written.
        options: what exists.
        n: how many suggestions at most.
    """
    options = [str(o) for o in options]
    near = difflib.get_close_matches(str(name), options, n=n, cutoff=0.55)
    if near:
        return "; did you mean " + " or ".join(repr(o) for o in near) + "?"
    shown = ", ".join(sorted(options)[:12]) + (", ..." if len(options) > 12 else "")
    return f"; there are: {shown}" if shown else ""


def above_zero(value: Any, what: str, example: float) -> float:
    """`value` when it is a finite number above 0.

    Args:
        value: as given by a user.
        what: what it is and where, for the message.
        example: a value that would do.

    Raises:
        InputError: anything else.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise InputError(f"{what} must be a number above 0, not {value!r}; write for example {example}")
    return value


def number(value: Any, what: str, low: float = 0.0, high: float = float("inf")) -> float:
    """`value` when it is a number from `low` to `high`, both included; not a bool, not NaN.

    Args:
        value: as given by a user.
        what: what it is and where, for the message.
        low, high: bounds.

    Raises:
        InputError: anything else.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        bounds = f"from {low:g} up" if high == float("inf") else f"from {low:g} to {high:g}"
        raise InputError(f"{what}={value!r} must be a number {bounds}")
    return value


def whole(value: Any, what: str, low: int = 0, high: float = float("inf")) -> int:
    """`value` when it is a whole number from `low` to `high`, both included; not a bool. See `number`.

    Raises:
        InputError: anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        bounds = f"from {low} up" if high == float("inf") else f"from {low} to {high:g}"
        raise InputError(f"{what}={value!r} must be a whole number {bounds}")
    return value
