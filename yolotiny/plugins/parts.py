"""Registering a part under a name, and making one."""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError, did_you_mean
from .kinds import KINDS, Kind, locate

NAME = re.compile(r"[A-Za-z_][\w-]*")
WORDS = {"none", "null", "true", "false", "yes", "no", "on", "off"}  # a YAML or an option means something else by them
SHOWN = "docs/own_parts.md shows one"
PARTS: dict[tuple[str, str], Part] = {}  # by kind and name
loading: list[str] = []  # the plugins that are being imported, as the user named them, the innermost last


@dataclass(frozen=True)
class Part:
    """One registered part.

    Attributes:
        kind, name: what it was registered as.
        target: the class, function or object.
        source: the plugin that it came from, as a user would name it: a file without its folder, or a module.
        module, file: where `register` was called.
    """

    kind: str
    name: str
    target: Any
    source: str
    module: str
    file: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} of {self.source}"

    def make(self, **arguments: Any) -> Any:
        """Make one.

        Raises:
            InputError: its constructor raises, or what it makes lacks something.
        """
        try:
            made = self.target(**arguments)
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"{self} cannot be made: {describe(error)}") from error
        _has(self, made)
        return made

    def is_again(self, old: Part | None) -> bool:
        """Whether `old` is the same call: of a reload, of a cell run twice, of a program that is its own plugin."""
        if old is None or (old.file != self.file and old.module != self.module):
            return False
        return _title(old) == _title(self)


def register(kind: str, name: str, part: Any) -> None:
    """Put a part of your own into the table of its kind; from there on a YAML, an option or a call finds its name.

    A constructor asks for what it needs by the names of its parameters (`c1`, `ch`, `nc`, `strides`, `object_size`,
    ...), as ours do; a YAML supplies the rest.

    Args:
        kind: a word of `KINDS`.
        name: new among the parts of its kind.
        part: the class or function that makes one; for a protocol and a converter (a `data.formats.Format`) the object.

    Raises:
        InputError: an unknown kind, a name that exists or cannot be one, a part that does not fit its kind.
    """
    if kind not in KINDS:
        raise InputError(f"unknown kind of part {kind!r}{did_you_mean(kind, KINDS)}")
    if not isinstance(name, str) or not NAME.fullmatch(name) or name.lower() in WORDS:
        raise InputError(f"{name!r} cannot name a {kind}; take a word such as 'mine'")
    new, described = Part(kind, name, part, *_caller()), KINDS[kind]
    tables = [locate(place) for place in described.tables]
    for table in tables:
        if name in table and not new.is_again(table.own.get(name)):
            from_ = f" of {table.own[name].source}" if name in table.own else ""
            raise InputError(f"there is a {table.kind} {name!r}{from_} already; take another name")
    if described.others and not any(name in table for table in tables) and locate(described.others)(name):
        raise InputError(f"ultralytics has a layer {name!r}; take another name")
    _check(new, described)
    for table in tables:
        table.add(new)
    PARTS[kind, name] = new


def forget(parts: list[Part]) -> None:
    """Take parts out again: their plugin failed before its end."""
    for part in parts:
        PARTS.pop((part.kind, part.name), None)
        for place in KINDS[part.kind].tables:
            table = locate(place)
            table.own.pop(part.name, None)
            table.pop(part.name, None)


def listing() -> str:
    """The registered parts, a line each, by kind; empty when there are none."""
    parts = [part for kind in KINDS for part in PARTS.values() if part.kind == kind]
    lines = [f"  {part.kind:<13} {part.name:<20} {part.source}" for part in parts]
    return "\n".join(["parts of plugins", *lines] if lines else [])


def describe(error: BaseException) -> str:
    """An exception of somebody's own code in one line."""
    if isinstance(error, SystemExit):
        return "it calls sys.exit while it is loaded"
    said = (str(error).strip().splitlines() or [""])[0]
    if isinstance(error, InputError):
        return said
    if isinstance(error, SyntaxError):
        said = str(error.msg)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _check(part: Part, kind: Kind) -> None:
    """Raise InputError for a part that cannot be of its kind."""
    base = locate(kind.base) if kind.base else None
    if kind.made:
        if base and not isinstance(part.target, base):
            raise InputError(f"{part} has to be a {base.__name__}, not {_said(part.target)}; {SHOWN}")
        _has(part, part.target)
        return
    if base and not (isinstance(part.target, type) and issubclass(part.target, base)):
        raise InputError(f"{part} has to be a subclass of {base.__name__}, not {_said(part.target)}; {SHOWN}")
    if not callable(part.target):
        raise InputError(f"{part} has to be a class, not {_said(part.target)}; {SHOWN}")
    try:
        names = inspect.signature(part.target).parameters
    except (TypeError, ValueError):
        raise InputError(f"{part} does not say what parameters it takes; {SHOWN}") from None
    if missing := [k for k in kind.takes if k not in names]:
        raise InputError(f"{part} takes no {missing[0]!r}, which is always passed; {SHOWN}")


def _has(part: Part, made: Any) -> None:
    """Raise InputError where something is missing that is read of a part of this kind."""
    if missing := [k for k in KINDS[part.kind].has if not hasattr(made, k)]:
        raise InputError(f"{part} has no {missing[0]!r}, which is read of it; {SHOWN}")


def _said(target: Any) -> str:
    return f"the class {target.__name__}" if isinstance(target, type) else repr(target)[:60]


def _title(part: Part) -> str:
    return getattr(part.target, "__qualname__", type(part.target).__qualname__)


def _caller() -> tuple[str, str, str]:
    """Source, module and file of whoever called `register`."""
    frame = sys._getframe(2)
    module, file = str(frame.f_globals.get("__name__")), frame.f_globals.get("__file__")
    file = str(Path(file).resolve()) if file else frame.f_code.co_filename  # a cell of a notebook has none
    if loading:
        return loading[-1], module, file
    return (module if "." in module else Path(file).name), module, file
