"""The help of the command line, made from the table of commands. Imports no torch."""

from __future__ import annotations

import importlib.util
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .. import __version__
from ..errors import InputError, did_you_mean
from .table import COMMANDS, DEBUG, PLUGINS, UNREAD, WORDS, Command


def group(word: str) -> list[str]:
    """Return the commands of two words that begin with this one."""
    return [name for name in COMMANDS if name.startswith(f"{word} ")]


def find_command(name: str) -> Command:
    """Return a command; raise InputError with the nearest names when there is none."""
    if name not in COMMANDS:
        raise InputError(f"unknown command {name!r}{did_you_mean(name, COMMANDS)}")
    return COMMANDS[name]


def ultralytics_options() -> dict[str, tuple[str, str]]:
    """Return the options of the installed ultralytics, name to (heading, description), read from its YAML as text."""
    spec = importlib.util.find_spec("ultralytics")
    if spec is None or not spec.submodule_search_locations:
        raise InputError("ultralytics is not installed; run: pip install 'ultralytics>=8.4.190,<8.5'")
    found, heading = {}, ""
    for line in Path(spec.submodule_search_locations[0], "cfg", "default.yaml").read_text("utf-8").splitlines():
        if title := re.match(r"# (\S+)( .*-{5,}|)$", line):
            heading = title[1]
        elif option := re.match(r"(\w+):[^#]*(?:# (.*))?$", line):
            found[option[1]] = (heading, option[2] or "")
    return found


def taken_from_ultralytics(command: Command) -> dict[str, str]:
    """Return the options of ultralytics that a command takes, name to description."""
    theirs = ultralytics_options() if command.sections else {}
    wanted = {
        k: WORDS.get(k, text)
        for k, (heading, text) in theirs.items()
        if heading in command.sections or k in command.single
    }
    return {k: text for k, text in wanted.items() if k not in UNREAD | set(command.without)}


def known_options(command: Command) -> set[str]:
    """Return the names of all options a command takes, those of the model aside."""
    return {*command.options, *PLUGINS, *DEBUG, *taken_from_ultralytics(command)}


def overview() -> str:
    """Return the list of commands."""
    width = max(map(len, COMMANDS))
    lines = ["yolotiny: detectors for tiny objects", "", "usage: yolotiny COMMAND key=value ...", ""]
    lines += [f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        [*lines, "", "yolotiny help COMMAND shows its options; debug=True shows the traceback of an error"]
    )


def describe(name: str) -> str:
    """Return the help of one command, or of every command of a group such as `data`."""
    if several := group(name):
        return "\n\n".join(map(describe, several))
    command = find_command(name)
    lines = [f"yolotiny {name}: {command.summary}", f"example: {command.example}"]
    if command.required:
        lines.append("required: " + ", ".join(command.required))
    tables = {"options": command.options | PLUGINS | DEBUG}
    if command.sections:
        if name == "train":
            lines.append("a setting of the model is given by its path in the model file: loss.box.weight=0.1")
            lines.append("null takes a setting or a section out: loss.recon=null")
        tables["options of ultralytics"] = taken_from_ultralytics(command)
    for heading, options in tables.items():
        if options:
            lines += ["", heading, *(f"  {key:<16} {text}" for key, text in options.items())]
    return "\n".join(lines)


def versions() -> str:
    """Return the version of the package and of the packages it stands on, without importing them."""
    lines = [f"yolotiny {__version__}"]
    for package in ("ultralytics", "torch", "torchvision"):
        try:
            lines.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            lines.append(f"{package} not installed")
    return "\n".join(lines)
