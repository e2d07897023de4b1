"""The one reader of YAML: plain values, and limits on what a file may make of a few bytes.

A YAML of a stranger may multiply by anchors (ten lines, a billion values), nest deeper than Python can follow, or be no
file at all but a device that never ends. All of it is refused before anything is built.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any

import yaml

from .errors import InputError

LARGEST = 1 << 20  # bytes; the longest of ours has 7,000
MOST = 30_000  # values, each alias counted with all that it stands for; 10,000 numbered classes are 20,000
DEEPEST = 50  # levels; a model has 6
DIGITS = 100  # of a whole number
LONGEST = 1 << 16  # characters of one value
PLAIN = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "seq", "map")}
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times as fast and not built everywhere


class _Loader(_Base):
    """Safe YAML that reads 1e-4 as a number (PyYAML alone gives a string) and refuses a key written twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is there twice", key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        if len(node.value) > DIGITS:  # Python cannot print it, so no message could name it
            raise yaml.constructor.ConstructorError(
                None, None, f"a whole number of more than {DIGITS} digits", node.start_mark
            )
        return super().construct_yaml_int(node)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("+-0123456789")
)


def read_yaml(file: str | Path, what: str) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Args:
        file: the file.
        what: what it should be, for messages ("a model").

    Returns:
        Its content: dicts, lists, strings, numbers, booleans, dates and None.

    Raises:
        InputError: no such file, no regular file, no UTF-8 text, no YAML, no mapping, a key written twice, or more
            than a configuration can need; the message begins with the file.
    """
    content = parse_yaml(_text(Path(file)), str(file))
    if not isinstance(content, dict):
        raise InputError(f"{file} is not {what}: it holds no mapping of keys to values")
    return content


def parse_yaml(text: str, where: str) -> Any:
    """Read YAML text by the rules of `read_yaml`; `where` begins every message."""
    try:
        _measure(text)
        return yaml.load(text, _Loader)  # _Loader is a SafeLoader
    except yaml.YAMLError as e:
        mark, problem = getattr(e, "problem_mark", None), getattr(e, "problem", None) or getattr(e, "reason", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise InputError(f"{where} is not readable YAML: {problem or 'it cannot be parsed'}{line}") from None
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as e:  # "2024-99-99", "!!int ''"
        raise InputError(f"{where} is not readable YAML: {str(e).splitlines()[0] or type(e).__name__}") from None


def regular_file(file: Path, largest: int | None = None) -> None:
    """Raise InputError where a path is no regular file (a device or a pipe may never end), or one too large."""
    try:
        found = file.stat()
    except (OSError, ValueError) as e:
        raise InputError(f"cannot read {file}: {getattr(e, 'strerror', None) or e}") from None
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a device or a pipe"
        raise InputError(f"cannot read {file}: it is {kind}, not a file")
    if largest is not None and found.st_size > largest:
        raise InputError(f"{file} has {found.st_size:,} bytes; at most {largest:,} are read")


def _text(file: Path) -> str:
    regular_file(file, LARGEST)
    try:
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = e.object[: e.start].count(b"\n") + 1
        raise InputError(f"{file}, line {line}: byte {e.object[e.start]:#04x} is not UTF-8 text") from None
    except OSError as e:
        raise InputError(f"cannot read {file}: {e.strerror or e}") from None


def _measure(text: str) -> None:
    """Raise yaml.YAMLError where the text holds too much: it is only parsed, nothing is built of it.

    Each open list or mapping counts its values; what an anchor stands for is known when it closes.
    """
    sizes: dict[str, int] = {}
    open_: list[tuple[str | None, int]] = [(None, 0)]  # (anchor, values so far)

    def refuse(what: str, event: yaml.Event) -> None:
        raise yaml.MarkedYAMLError(problem=what, problem_mark=event.start_mark)

    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, size = open_.pop()
        elif isinstance(event, yaml.CollectionStartEvent):
            open_.append((event.anchor, 1))
            size, anchor = 0, None
        elif isinstance(event, yaml.ScalarEvent):
            size, anchor = 1, event.anchor
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor in {a for a, _ in open_}:
                refuse(f"*{event.anchor} stands inside what it stands for", event)
            size, anchor = sizes.get(event.anchor, 1), None
        else:
            continue
        if getattr(event, "tag", None) and event.tag not in PLAIN | {"!"}:
            refuse(f"the tag {event.tag} is not read; write plain values", event)
        if len(getattr(event, "value", "")) > LONGEST:
            refuse(f"a value has more than {LONGEST:,} characters", event)
        if anchor:
            sizes[anchor] = size
        open_[-1] = (open_[-1][0], open_[-1][1] + size)
        if len(open_) > DEEPEST:
            refuse(f"it is nested more than {DEEPEST} levels deep", event)
        if open_[-1][1] > MOST:
            refuse(f"it holds more than {MOST:,} values", event)
