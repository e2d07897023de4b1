"""Seams: where a private step of a class of ultralytics is done otherwise here, or called.

A seamed class overrides the private step by a call of a public method, which does what ultralytics does until a
subclass overrides it. So the rooms know public names only, and a step that a new ultralytics has moved is missed here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Kind = TypeVar("Kind", bound=type)


def seam(*called: str) -> Callable[[Kind], Kind]:
    """Check, as soon as a class is made, that ultralytics still has the private steps that it stands on.

    A step that is gone would otherwise be overridden in vain: nobody would call it, and nothing would be said.

    Args:
        called: private names that the class calls and does not override.

    Raises:
        RuntimeError: a parent lacks one of these names, or of those that the class overrides.
    """

    def checked(kind: Kind) -> Kind:
        overridden = [name for name in vars(kind) if name.startswith("_") and not name.startswith("__")]
        for name in (*called, *overridden):
            if not any(name in vars(parent) for parent in kind.__mro__[1:]):
                theirs = kind.__bases__[0].__name__
                raise RuntimeError(f"ultralytics has no {theirs}.{name} any more; install ultralytics 8.4.190")
        return kind

    return checked
