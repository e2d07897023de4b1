"""Names of other packages that something else is put in the place of, and what stood there before."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any

Place = tuple[str, str]  # module, name in it

originals: dict[Place, Any] = {}  # what ultralytics has in the places that are replaced


def replace(place: Place, value: Any) -> None:
    """Put `value` into a place for good; what was there first stays in `originals`.

    Raises:
        RuntimeError: the installed ultralytics has no such place.
    """
    module, name = place
    owner = importlib.import_module(module)
    if not hasattr(owner, name):
        raise RuntimeError(f"ultralytics has no {module}.{name} any more; install ultralytics 8.4.190")
    originals.setdefault(place, getattr(owner, name))
    setattr(owner, name, value)


@contextlib.contextmanager
def swapped(*places: tuple[str, str, Any]) -> Iterator[None]:
    """Other values for (module, name, value) places, for a while."""
    before = [getattr(importlib.import_module(module), name) for module, name, _ in places]
    for module, name, value in places:
        setattr(importlib.import_module(module), name, value)
    try:
        yield
    finally:
        for (module, name, _), value in zip(places, before, strict=True):
            setattr(importlib.import_module(module), name, value)
