"""The command line of a benchmark, `key=value ...`, or `NAME key=value ...` where it has several commands."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from yolotiny.errors import InputError, did_you_mean


def options_of(words: Sequence[str], defaults: Mapping[str, Any], needed: Sequence[str] = ()) -> dict[str, Any]:
    """The options of a benchmark with one command; what is wrong with them ends the program in one line.

    Args:
        words: of the command line.
        defaults: of all options; where one is a number, so is what is given.
        needed: those that have to be given.
    """
    try:
        given = _read(words, defaults, "")
        if missing := [key for key in needed if not given[key]]:
            raise InputError(f"missing: {', '.join(f'{key}=...' for key in missing)}")
    except InputError as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}")
    return given


def read_words(words: Sequence[str], commands: Mapping[str, Mapping[str, Any]]) -> tuple[str, dict[str, Any]]:
    """The command and its options, each known.

    Args:
        words: of the command line.
        commands: options of each command with their defaults.
    Raises:
        InputError: a command or an option that is not there.
    """
    name = words[0] if words else ""
    if name not in commands:
        raise InputError(f"unknown command {name!r}; {' or '.join(commands)}")
    return name, _read(words[1:], commands[name], f" of {name}")


def _read(words: Sequence[str], defaults: Mapping[str, Any], whose: str) -> dict[str, Any]:
    given = dict(defaults)
    for word in words:
        key, is_, value = word.partition("=")
        if key not in given:
            raise InputError(f"unknown option {key!r}{whose}{did_you_mean(key, given)}")
        if not is_:
            raise InputError(f"expected {key}=VALUE, got {word!r}")
        given[key] = _like(defaults[key], key, value)
    return given


def _like(default: Any, key: str, value: str) -> Any:
    kind = type(default)
    if kind not in (int, float):
        return value
    try:
        return kind(value)
    except ValueError:
        raise InputError(f"{key}={value}: expected {'a whole number' if kind is int else 'a number'}") from None
