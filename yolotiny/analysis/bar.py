"""How far a loop is, and how long the rest will take, for a person who looks."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from ultralytics.utils import TQDM

T = TypeVar("T")


def bar(things: Iterable[T], what: str, total: int, unit: str = "picture") -> Iterator[T]:
    """Yield the things; on a terminal a bar with the time left goes with them.

    Args:
        things: any.
        what: is done with them.
        total: how many there are.
        unit: what one of them is.
    """
    yield from TQDM(things, desc=what, total=total, unit=unit, file=sys.stderr, disable=not sys.stderr.isatty())
