"""The one error a user sees: a single line that says what is wrong, where, and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


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
