"""What the user sees of a mistake: one line, word for word."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from yolotiny.errors import InputError


@contextmanager
def assert_says(message: str, more: bool = False) -> Iterator[None]:
    """An InputError in one line of exactly this text; with `more`, text may follow."""
    with pytest.raises(InputError) as caught:
        yield
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(message) if more else text == message
