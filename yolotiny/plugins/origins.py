"""Where the parts of a model came from: names of files as text, so that a message can say which plugin is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from ..errors import InputError
from .loading import failed
from .parts import PARTS

LONGEST = 255  # characters of a file's name
TYPO = 0.75  # likeness, as difflib counts it, of a name and a mistake in writing it
_noted: dict[str, str] = {}


def parts_from(config: Mapping[str, Any]) -> dict[str, str]:
    """The plugin's parts that a configuration speaks of: {name: file or module they came from}."""
    sources = {part.name: part.source for part in PARTS.values()}
    return {word: sources[word] for word in _words(config) if word in sources}


def note(of: Any, where: str) -> None:
    """Keep what a configuration says under `parts_from`, for `hint`; nothing is imported.

    Raises:
        InputError: no mapping of names to names.
    """
    if of is None:
        return
    texts = [text for pair in of.items() for text in pair] if isinstance(of, Mapping) else [None]
    if not all(map(_may_be_repeated, texts)):
        raise InputError(f"parts_from in {where} must be a mapping such as {{mine: my_parts.py}}, which is only a note")
    _noted.update(of)


def hint(name: Any, known: Iterable[str]) -> str:
    """What else to say of a name that is in no table: the plugin that had it, and installed ones that failed.

    Args:
        name: what was looked for.
        known: the names there are; one that is nearly the same was meant.
    """
    if source := _noted.get(str(name)):
        said = f"; it came from {source}: give plugins={source}"
    else:
        said = "" if get_close_matches(str(name), known, 1, TYPO) else "; one of your own comes with plugins=FILE"
    return "; ".join([said, *failed])


def _may_be_repeated(text: Any) -> bool:
    """Whether a text, which anybody may have written, is a bare name that a message can show."""
    return isinstance(text, str) and 0 < len(text) <= LONGEST and text.isprintable() and not {*text} & {*"/\\"}


def _words(value: Any) -> Iterator[str]:
    """Every text in a nested value, keys aside."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _words(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _words(inner)
