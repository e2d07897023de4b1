"""The command line: `yolotiny COMMAND key=value ...`. An error is one line and exit code 2; `debug=True` shows it all.

It reads a command line and says what is wrong with it; what a command does stands in `commands`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import traceback
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from typing import Any

from .. import plugins
from .._compat import several_processes
from ..config import option_table
from ..errors import InputError, did_you_mean
from ..text import printable
from . import help as cli_help
from .commands import RUN
from .table import COMMANDS, COMMON, Command

HELP = {"-h", "--help", "help"}
# Options that name something: "007" and "2024-01-31" stay as written. A list in brackets is still a list.
TEXT = {"model", "data", "source", "project", "name", "to", "gt", "pred", "out", "report", "images"}
TEXT |= {"format", "formats", "protocol", "split", "baseline", "plugins", "file", "profile", "only", "figures"}
TEXT |= {"labels", "class_field"}
LISTS = {"augment_scales"}  # lists of numbers, which need no brackets
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
# What a wrong file, value or option ends in: our errors, and those that ultralytics, torch and the system raise.
USER_ERRORS = (OSError, LookupError, ValueError, TypeError, RuntimeError, SyntaxError, ImportError, AssertionError)
USER_ERRORS += (MemoryError,)  # more was asked for than this machine has


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return the exit code.

    0 done, 1 a bug or what `data check` was asked to find, 2 a mistake of the user, 130 interrupted, in training 143 by
    SIGTERM and 129 by SIGHUP.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    raising, logging.raiseExceptions = logging.raiseExceptions, False  # a log that nobody reads any more is no error
    for stream in (sys.stdout, sys.stderr):
        _show_anything(stream)
    try:
        with _one_voice():
            code = run(argv) or 0
        if sys.stdout is not None:
            sys.stdout.flush()  # while an error can still be told
        return code
    except KeyboardInterrupt as stop:
        if os.environ.get("RANK", "0") == "0":
            with contextlib.suppress(OSError):  # the terminal may be gone
                print("; ".join(["yolotiny: interrupted", *map(str, stop.args)]), file=sys.stderr)
        return getattr(stop, "code", 130)
    except BrokenPipeError:  # whoever read the output, such as `head`, has seen enough
        _drop_output()
        return 0
    except Exception as error:
        if any(a.lower() == "debug=true" for a in argv):
            traceback.print_exc()
        ours = isinstance(error, USER_ERRORS)
        hint = "" if ours else f" ({type(error).__name__}, debug=True shows where)"
        print(f"yolotiny: error: {one_line(error)}{hint}", file=sys.stderr)
        if sys.stdout is not None:
            _drop_output()  # it may be what could not be written, and would be tried again at the end
        return 2 if ours else 1
    finally:
        logging.raiseExceptions = raising


def _show_anything(stream: Any) -> None:
    """Let a terminal show what it has no letters for: names of files may be any bytes, and a bar is no ASCII."""
    if hasattr(stream, "reconfigure"):
        unicode = str(stream.encoding).lower().startswith("utf")
        stream.reconfigure(errors="backslashreplace" if unicode else "replace")


def _drop_output() -> None:
    """Send what is still to be printed nowhere, where the output does not take it."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):  # no file
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _one_voice() -> AbstractContextManager[None]:
    """Of several processes that torchrun started, one says what is wrong."""
    if not several_processes():
        return nullcontext()
    from ..train.processes import one_voice

    return one_voice()


def run(argv: list[str]) -> int | None:
    """Find the command, check its options, run it; a command may give an exit code."""
    if not argv or argv[0] in HELP:
        return show_help(argv[1:])
    if argv[0] in ("version", "--version", "-V"):
        print(cli_help.versions())
        return None
    group = cli_help.group(argv[0])
    words = 2 if group and len(argv) > 1 and "=" not in argv[1] else 1
    name, rest = " ".join(argv[:words]), argv[words:]
    if HELP & {*rest, *argv[1:words]}:
        named = [word for word in rest if word.startswith("plugins=")]
        return show_help([argv[0] if group and name not in COMMANDS else name, *named])
    if group and words == 1 and name not in COMMANDS:
        seconds = " or ".join(n.split()[1] for n in group)
        raise InputError(f"{name} needs a second word: {seconds}, as in: {COMMANDS[group[0]].example}")
    command = cli_help.find_command(name)
    options = parse(rest, name)
    check(name, command, options)
    options.pop("debug", None)
    if name != "train" and several_processes():
        raise InputError(f"{name} runs in one process; torchrun is for train")
    load_plugins(options)
    try:
        return RUN[name](**options)
    except KeyboardInterrupt as stop:
        stop.args = stop.args or (command.left,)
        raise


def show_help(words: Sequence[str]) -> None:
    """Print the help of a command, or of all, and the parts of plugins that are named with it."""
    load_plugins(parse([word for word in words if word.startswith("plugins=")], "help"))
    topic = " ".join(word for word in words if not word.startswith("plugins="))
    print(cli_help.describe(topic) if topic else cli_help.overview())
    if parts := plugins.listing():
        print(f"\n{parts}")


def load_plugins(options: dict[str, Any]) -> None:
    """Take `plugins` out of a command's options, and import them."""
    if "plugins" in options:
        given = options.pop("plugins")
        plugins.load("" if given is None else given)


def parse(words: Sequence[str], command: str) -> dict[str, Any]:
    """Turn `key=value` words into a dict; raise InputError for any other word and for a key given twice."""
    options: dict[str, Any] = {}
    named = cli_help.find_command(command).word
    if named and words and "=" not in words[0] and not words[0].startswith("-"):
        words = [f"{named}={words[0]}", *words[1:]]
    for word in words:
        key, equals, value = word.partition("=")
        if key.startswith("-"):
            raise InputError(f"options are written key=value without dashes: {key.lstrip('-')}={value or 'VALUE'}")
        if not equals or not key:
            raise InputError(f"expected key=value, got {word!r}, as in: {cli_help.find_command(command).example}")
        if key in options:
            raise InputError(f"option {key!r} is given twice")
        options[key] = parse_value(key, value)
    return options


def parse_value(key: str, text: str) -> Any:
    """Read a value as YAML would; `1e-3` is a number, `None` is nothing, names, dates and odd text stay as written.

    In settings of a model file `none` is a word, as it is there: `srtod.fusion=none`; `null` takes a setting out.
    """
    from ..yaml_file import parse_yaml

    if text == "none" and "." in key:
        return text
    if text.lower() in ("none", "null", ""):
        return None
    if key in TEXT and not text.startswith("["):
        return text
    if key in LISTS and "," in text and all(NUMBER.fullmatch(part) for part in text.split(",")):
        return [float(part) for part in text.split(",")]
    if NUMBER.fullmatch(text) and re.search("[.eE]", text):
        return float(text)
    try:
        value = parse_yaml(text, key)
    except InputError:
        return text
    return text if value is None or isinstance(value, date) else value


def check(name: str, command: Command, options: dict[str, Any]) -> None:
    """Raise InputError for an option the command does not have, and for a missing one."""
    known = cli_help.known_options(name)
    if command.of_model:
        option_table.check(name, options, shell=True)
        from ..config.load import split_overrides  # reads YAML, which `version` and `help` need not wait for

        split_overrides(options, known)
    for key, value in () if command.of_model else options.items():
        if argument := {**command.options, **COMMON}.get(key):
            argument.values.check(key, value)
        elif key.partition(".")[0] not in command.settings:
            raise InputError(f"unknown option {key!r} of {name}{did_you_mean(key, known)}")
    required = list(command.required)
    if name == "train" and options.get("resume"):  # the checkpoint knows its model and data
        required = ["model"] if options["resume"] is True else []  # True: the checkpoint that the model is
    if name == "val" and not str(options.get("model")).endswith(".pt"):  # only a checkpoint remembers its data
        required.append("data")
    missing = [key for key in required if options.get(key) is None]
    if missing:
        raise InputError(f"{name} needs {' and '.join(f'{key}=...' for key in missing)}, as in: {command.example}")


def one_line(error: BaseException) -> str:
    """Return the informative line of a message, without colours and decoration."""
    from .._compat.words import in_our_words

    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror + (f": {error.filename}" if error.filename else "")
    elif isinstance(error, KeyError) and error.args:
        text = str(error.args[0]) if " " in str(error.args[0]) else f"{error.args[0]!r} is missing"
    text = in_our_words(re.sub(r"\x1b\[[0-9;]*m", "", text))
    lines = [re.sub(r"^(ERROR|WARNING)[^\w/.~'\"]+", "", line.strip()) for line in text.splitlines()]
    lines = [line for line in lines if re.search(r"\w", line)] or [type(error).__name__]
    return printable(" ".join(lines[:2]) if lines[0].endswith(":") else lines[0])
