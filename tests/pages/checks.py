"""What can be said of a command line without running it: are its program, options, files and packages there?"""

from __future__ import annotations

import configparser
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

from packaging.requirements import Requirement
from torch.distributed.run import get_args_parser

from tests.pages.reading import Command
from tests.tiny_data import ROOT
from yolotiny.cli import main as cli
from yolotiny.cli.help import find_command, group
from yolotiny.errors import InputError
from yolotiny.runtime import cli as runtime
from yolotiny.runtime import serve_command

LEFT_OUT = re.compile(r"(.*=)?(\.\.\.|[A-Z]+(\.\w+|/.*)?)|--")  # of a line that is shown in part


def check(command: Command) -> None:
    """Raise what is wrong with a line."""
    assert command.kind in CHECKS, f"add {command.kind!r} to CHECKS, and to NOT_RUN where it cannot run"
    CHECKS[command.kind](command)


def command_of(words: list[str]) -> str:
    """The name of one of our commands, which may have two words."""
    two = group(words[0]) and len(words) > 1 and "=" not in words[1]
    return " ".join(words[: 2 if two else 1])


def yolotiny(words: list[str], whole: bool = True) -> None:
    """The command exists, and has every option with such a value.

    Args:
        words: behind `yolotiny`.
        whole: nothing is left out of the line.
    """
    name = command_of(words)
    rest = words[len(name.split()) :]
    if not whole:
        rest = [word for word in rest if not LEFT_OUT.fullmatch(word)]
    if name == "help":
        assert all(group(word) or find_command(word) for word in rest)
        return
    try:
        cli.check(name, find_command(name), cli.parse(rest, name))
    except InputError as error:
        if whole or " needs " not in str(error):
            raise


def complete(command: Command) -> bool:
    """Whether a line in the middle of a text can be run as it stands."""
    if command.kind != "yolotiny" or any(LEFT_OUT.fullmatch(word) for word in command.words):
        return False
    try:
        yolotiny(command.words[1:])
    except InputError:
        return False
    return True


def _yolotiny(command: Command) -> None:
    yolotiny(command.words[1:], whole=command.part.language == "bash")


def _runtime(command: Command) -> None:
    words = command.words[1:]
    if words == ["--help"]:
        return
    if words and words[0] == "serve":
        serve_command.parser("yolotiny-run serve").parse_args(words[1:])
    elif command.part.language == "bash":
        runtime.parser("yolotiny-run").parse_args(words)


def _python(command: Command) -> None:
    """A module, or a script that reads each option by its name."""
    program, *words = command.words[1:]
    if program == "-c":
        compile(words[0], "-c", "exec")
    elif program == "-m":
        assert importlib.util.find_spec(words[0].partition(".")[0]) or words[0] in ELSEWHERE, words[0]
    else:
        text = (_here(command) / program).read_text(encoding="utf-8")
        for word in words:
            key = word.partition("=")[0].partition(".")[0]
            if "=" in word or word.startswith("--"):
                assert re.search(rf"(?<![\w-]){re.escape(key)}\b", text), f"{program} has no {key}"


def _here(command: Command) -> Path:
    """Where a reader types a line: beside the page where it speaks of files there, else in the repository."""
    beside = command.part.page.parent
    return beside if (beside / command.words[1]).is_file() else ROOT


def _pytest(command: Command) -> None:
    for word in command.words[1:]:
        assert "=" in word or word.startswith("-") or (ROOT / word).exists(), word


def _make(command: Command) -> None:
    targets = re.findall(r"^([\w.-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {word for word in command.words[1:] if "=" not in word} <= set(targets), f"the Makefile has {targets}"


def _pip(command: Command) -> None:
    """Extras are those of our packages, and the names of others are names."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    runtime_extras = (ROOT / "packaging/runtime/pyproject.toml").read_text(encoding="utf-8")
    for word in command.words[2:]:
        package, bracket, extras = word.rstrip("]").partition("[")
        for extra in filter(None, extras.split(",")) if bracket else ():
            if package in ("yolotiny", ".") or package.endswith("/yolotiny"):
                assert extra in setup["options.extras_require"], word
            else:
                assert re.search(rf"^{extra} = \[", runtime_extras, re.MULTILINE), word
        if re.fullmatch(r"[\w.<>=-]+", word) and not word.startswith("-"):
            Requirement(word)


def _torchrun(command: Command) -> None:
    asked = get_args_parser().parse_args(command.words[1:])
    if asked.module:
        assert asked.training_script == "yolotiny"
        yolotiny(asked.training_script_args)


def _docker(command: Command) -> None:
    """The file is there, and what the container is told is a command of ours."""
    words = command.words[1:]
    if words[0] == "build" and "-f" in words:
        assert (ROOT / words[words.index("-f") + 1]).is_file()
    elif words[0] == "run" and "yolotiny" in words:
        yolotiny(words[words.index("yolotiny") + 1 :])


def _sbatch(command: Command) -> None:
    script, *words = [word for word in command.words[1:] if not word.startswith("-")]
    assert (ROOT / script).is_file()
    yolotiny(["train", *words])


def _nothing(command: Command) -> None:
    """A program of the system, whose options are not ours to know."""


ELSEWHERE = {"modelopt.onnx.autocast"}  # modules that pages name and no extra brings
CHECKS: dict[str, Callable[[Command], None]] = {
    "yolotiny": _yolotiny,
    "yolotiny-run": _runtime,
    "python": _python,
    "pytest": _pytest,
    "make": _make,
    "pip": _pip,
    "torchrun": _torchrun,
    "docker": _docker,
    "sbatch": _sbatch,
}
TOOLS = ["cp", "curl", "detect", "export", "g++", "mount", "scp", "srun", "tensorboard", "trtexec"]
CHECKS |= dict.fromkeys(TOOLS, _nothing)
