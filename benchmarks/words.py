"""The command line of a benchmark that has several commands: `NAME key=value ...`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from yolotiny.errors import InputError, did_you_mean


def read_words(words: Sequence[str], commands: Mapping[str, Mapping[str, str]]) -> tuple[str, dict[str, str]]:
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
    given = dict(commands[name])
    for word in words[1:]:
        key, _, value = word.partition("=")
        if key not in given:
            raise InputError(f"unknown option {key!r} of {name}{did_you_mean(key, given)}")
        given[key] = value
    return name, given
