"""Tables of components, and the rule that builds them: a parameter's name is its contract.

`build({"type": "simota", "radius": 2.5}, ASSIGNERS, nc=10)` looks up "simota", passes `radius` from the spec and, from
the context, only those values whose names the constructor asks for. Layers, losses, assigners and coders all use it.
Parts of users stand in the same tables, see `plugins`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from . import plugins
from .errors import InputError, did_you_mean


class Registry(dict):
    """A dict from names to components that explains a missing name.

    Args:
        kind: what the table holds, for messages ("loss", "assigner", ...).
        entries: the visible table.

    Attributes:
        own: those of plugins among the entries, by name.
    """

    def __init__(self, kind: str, entries: Mapping[str, Any]):
        super().__init__(entries)
        self.kind = kind
        self.own: dict[str, plugins.Part] = {}

    def add(self, part: plugins.Part) -> None:
        """Take in a part of a plugin; `plugins.register` has looked whether its name is free."""
        self[part.name] = part.target
        self.own[part.name] = part

    def find(self, name: str, where: str = "") -> Any:
        """Return the entry called `name`; raise InputError with the nearest names when there is none."""
        if name not in self:
            plugins.more()
        if name not in self:
            out = "; null takes it out" if name == "none" and where else ""  # a section of a file, not an option
            place = f" in {where}" if where else ""
            near = f"{did_you_mean(name, self)}{out}{plugins.hint(name, self)}"
            raise InputError(f"unknown {self.kind} {name!r}{place}{near}")
        return self[name]


def parameters(target: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the named parameters a class or function takes, in order, without `self`."""
    return {
        k: p for k, p in inspect.signature(target).parameters.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    }


def build(spec: str | Mapping[str, Any], table: Registry, *, where: str = "", **context: Any) -> Any:
    """Build the component that `spec` names.

    Args:
        spec: a name, or a mapping with `type` and the arguments of that type.
        table: where the name is looked up.
        where: the file or section, for messages.
        context: values offered by name; only those the constructor asks for are passed, the spec wins.

    Raises:
        InputError: unknown type, unknown argument, missing argument.
    """
    if not isinstance(spec, (str, Mapping)):
        raise InputError(f"{table.kind} in {where or 'the configuration'} must be a name or a mapping, not {spec!r}")
    spec = {"type": spec} if isinstance(spec, str) else dict(spec)
    if "type" not in spec:
        raise InputError(f"{table.kind} in {where or 'the configuration'} has no 'type'{did_you_mean('', table)}")
    name = spec.pop("type")
    if not isinstance(name, str):
        raise InputError(f"{table.kind} in {where or 'the configuration'}: type must be a name, not {name!r}")
    target = table.find(name, where)
    wanted = parameters(target)
    for key in spec:
        if key not in wanted:
            place = f" in {where}" if where else ""
            raise InputError(f"{table.kind} {name!r}{place} takes no argument {key!r}{did_you_mean(key, wanted)}")
    kwargs = {k: v for k, v in context.items() if k in wanted} | spec
    missing = [k for k, p in wanted.items() if p.default is p.empty and k not in kwargs]
    if missing:
        raise InputError(f"{table.kind} {name!r} needs {', '.join(missing)}{' in ' + where if where else ''}")
    return table.own[name].make(**kwargs) if name in table.own else target(**kwargs)


def name_of(spec: Any) -> str:
    """The name in a component's spec; "none" where there is none."""
    return str((spec.get("type") if isinstance(spec, Mapping) else spec) or "none")
