"""The seam of results: which of their fields a choice of boxes or a move to a device takes along."""

from __future__ import annotations

from ultralytics.engine.results import Results


def carry(results: Results, field: str) -> None:
    """From now on index and move `field` of `results`, a tensor with a row for each box, with the boxes."""
    results._keys = (*results._keys, field)
