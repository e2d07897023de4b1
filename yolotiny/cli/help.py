"""The help of the command line, made from the table of commands. Imports no torch."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from .. import __version__
from ..config.option_table import GROUPS, read_by
from ..errors import InputError, did_you_mean
from .table import COMMANDS, COMMON, Command


def group(word: str) -> list[str]:
    """Return the commands of two words that begin with this one."""
    return [name for name in COMMANDS if name.startswith(f"{word} ")]


def find_command(name: str) -> Command:
    """Return a command; raise InputError with the nearest names when there is none."""
    if name not in COMMANDS:
        raise InputError(f"unknown command {name!r}{did_you_mean(name, COMMANDS)}")
    return COMMANDS[name]


def known_options(name: str) -> set[str]:
    """Return the names of all options a command takes, those of the model aside."""
    command = COMMANDS[name]
    return {*command.options, *COMMON, *(read_by(name, shell=True) if command.of_model else ())}


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
    several = group(name)
    if several and name not in COMMANDS:
        return "\n\n".join(map(describe, several))
    command = find_command(name)
    lines = [f"yolotiny {name}: {command.summary}", f"example: {command.example}"]
    if command.required:
        lines.append("required: " + ", ".join(command.required))
    if name == "train":
        lines.append("a setting of the model is given by its path in the model file: loss.box.weight=0.1")
        lines.append("null takes a setting or a section out: loss.recon=null")
    tables = {"options": {k: v.help for k, v in {**command.options, **COMMON}.items()}}
    if command.of_model:
        read = read_by(name, shell=True)
        tables = {title: {k: v.help for k, v in group.items() if k in read} for title, group in GROUPS.items()}
    for heading, options in tables.items():
        if options:
            lines += ["", heading, *(f"  {key:<16} {text}" for key, text in options.items())]
    return "\n\n".join(["\n".join(lines), *map(describe, several)])


def versions() -> str:
    """Return the version of the package and of the packages it stands on, without importing them."""
    lines = [f"yolotiny {__version__}"]
    for package in ("ultralytics", "torch", "torchvision"):
        try:
            lines.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            lines.append(f"{package} not installed")
    return "\n".join(lines)
