"""A page run from its first block to its last, in a folder that has the files it names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from glob import glob
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.pages.checks import command_of, complete
from tests.pages.reading import Command, Part, commands, parts
from tests.pages.room import MY_PARTS, furnish, shipped
from tests.plugging import forget_plugins
from tests.serve.conftest import Service
from tests.tiny_data import QUICK, ROOT
from yolotiny import study
from yolotiny.cli import main as cli
from yolotiny.runtime import cli as runtime
from yolotiny.runtime import serve_command

# Of a line's text, and why such a line is checked without being run.
NOT_RUN = {
    r"^(make|pip|python -m venv) ": "builds and installs",
    r"^(docker|scp|sbatch|srun|mount|tensorboard|torchrun|export) ": "other machines, rights, programs or shells",
    r"^(trtexec|g\+\+|detect) |best\.engine|format=engine|--provider tensorrt": "TensorRT, compilers",
    r"^pytest ": "tests run by themselves",
    r"engine=ray|rtsp://|resume=": "a cluster, a camera, a training that was cut",
    r"^python benchmarks/(bulk|geo|gpu|sampler)\.py|layers=True": "minutes, gigabytes, a card",
}
# What is cheap enough for a test: words that stand instead of a line's own, or behind it.
CHEAP = {
    "tune-crops": "limit=1",
    "benchmark": "formats=onnx rounds=1",
    "data split": "together=False",  # a test has few pictures, which may all be of one scene
    "study run": "epochs=1 imgsz=64 batch=2 device=cpu workers=0 seeds=0",
    "analyze gradients": "imgsz=64 batch=2 iterations=1",
    "python benchmarks/crops.py": "pictures=1 rounds=1",
    "python benchmarks/export.py": "graphs=yolov5 size=64 imgsz=64 rounds=1 to=export.md",
    "python benchmarks/int8.py": "imgsz=64",
    "python benchmarks/train.py": "imgsz=64 batch=2 fraction=1.0 rounds=1",
}
TRAINING = QUICK | {"batch": 2, "workers": 0}


class Reader:
    """Somebody who tries a page.

    Args:
        page: the page.
        folder: an empty one, which gets the files that the page names, and where the reader works.

    Attributes:
        names: what Python blocks have in common. Fragments take a camera, a function and so on for granted.
        service: the last that was started.
    """

    def __init__(self, page: Path, folder: Path):
        self.parts = list(parts(page))
        self.folder = folder
        self.made = furnish(folder, "\n".join(part.text for part in self.parts if runs(part)))
        self.names = {"__name__": "page", "camera": [shipped()[0][0]] * 2, "detect": nothing}
        exec(MY_PARTS.partition("register(")[0], self.names)
        self.service: Service | None = None

    def read(self) -> Iterator[Part]:
        """Run part by part; each is given before it is run, so that a failure can be placed."""
        variables: dict[str, str] = {}
        for part in self.parts:
            if named := re.match(r"# ([\w.]+\.(?:py|yaml))\n", part.text):
                (self.folder / named[1]).write_text(part.text, encoding="utf-8")  # a file that the reader keeps
            if runs(part):
                yield part
                for command in commands(part, variables):
                    self.do(command)
                if part.language == "python":
                    exec(compile(part.text, part.place, "exec"), self.names)
                    forget_plugins()  # of this block; a command names the file

    def do(self, command: Command) -> None:
        """Run a command line, unless `NOT_RUN` says why not; beside the page where it speaks of `../`."""
        if any(re.search(pattern, command.text) for pattern in NOT_RUN) or not all(map(find_spec, loggers_of(command))):
            return
        ways = {"yolotiny": self.yolotiny, "yolotiny-run": self.runtime, "python": self.python}
        with pytest.MonkeyPatch.context() as patch:
            if "../" in command.text:
                beside = self.folder / command.part.page.parent.relative_to(ROOT)
                shutil.copytree(command.part.page.parent, beside, dirs_exist_ok=True)
                patch.chdir(beside)
            for name, value in command.set.items():
                patch.setenv(name, value)
            ways.get(command.kind, self.shell)(command.words)

    def yolotiny(self, words: list[str]) -> None:
        """Ours, in this process."""
        words = words[1:]
        name = command_of(words)
        options = given(words)
        self.make_place(name, options)
        cheap = CHEAP.get(name, "") + (f" only={one_arm(options)}" if name == "study run" else "")
        code = cli.main(with_words(words, cheap, device="cpu"))
        assert code == 0 or (name, code) == ("data check", 1), f"exit code {code}: yolotiny {' '.join(words)}"
        for short in [self.folder / "best.pt", self.folder / "last.pt"] if name == "train" else []:
            if short in self.made:  # the page means what it has trained
                trained = self.folder.glob(f"runs/**/weights/{short.name}")
                shutil.copy(max(trained, key=lambda file: file.stat().st_mtime), short)

    def make_place(self, name: str, options: dict[str, str]) -> None:
        """Take away what was made for the page and its own command is to make, and what an alternative has made."""
        target = f"runs/detect/{options.get('name', 'train')}" if name == "train" else options.get("to", "")
        where = self.folder / target
        old = {made for made in self.made if where in (made, *made.parents)} if target else set()
        if old or (target and name in ("data export", "data suggest")):
            shutil.rmtree(where, ignore_errors=True)
            self.made -= old

    def runtime(self, words: list[str]) -> None:
        """The runtime in this process, a service in one of its own with a free port."""
        if words[1] == "serve":
            self.end()
            asked = serve_command.parser("serve").parse_args(words[2:])
            self.service = Service(Path(asked.model).resolve(), *re.sub(r"--port \d+", "", " ".join(words[3:])).split())
        elif words[1] != "--help":
            assert runtime.main(words[1:]) == 0, words

    def python(self, words: list[str]) -> None:
        """A program beside the page, or one of the repository."""
        self.make_place(words[1], given(words))
        words = [sys.executable, *with_words(words[1:], CHEAP.get(f"python {words[1]}", ""))]
        if not words[1].startswith("-") and not Path(words[1]).is_file():
            words[1] = str(ROOT / words[1])
        self.shell(words)

    def shell(self, words: list[str]) -> None:
        """A program of the system, which finds the package and the service; an HTTP error is one of curl's."""
        if self.service:
            words = [word.replace("http://127.0.0.1:8000", self.service.address) for word in words]
        words[1:1] = ["--fail"] if words[0] == "curl" else []
        words = [name for word in words for name in (sorted(glob(word)) if "*" in word else [word])]
        subprocess.run(words, check=True, timeout=300, env=os.environ | {"PYTHONPATH": str(ROOT)})

    def end(self) -> None:
        """End the service."""
        if self.service:
            self.service.end()


def loggers_of(command: Command) -> list[str]:
    """The libraries that a line asks to be logged to; a developer has them by `[dev]`, not everybody else."""
    return [name for name in command.set.get("YOLOTINY_LOGGERS", "").split(",") if name]


def runs(part: Part) -> bool:
    """Whether it is to be run: a block of commands or Python, or a whole command between backticks."""
    if part.language == "span":
        return any(complete(command) for command in commands(part, {}))
    return part.language in ("bash", "python")


def nothing(images: np.ndarray) -> list[np.ndarray]:
    """A detector of the reader's own."""
    return [np.zeros((0, 6), np.float32)] * len(images)


def given(words: list[str]) -> dict[str, str]:
    """The options of a line."""
    return dict(word.split("=", 1) for word in words if "=" in word)


def with_words(words: list[str], others: str, **where_given: str) -> list[str]:
    """Words of a line with `others` instead of those of the same key, else behind them."""
    new = given(others.split()) | {k: v for k, v in where_given.items() if k in given(words)}
    kept = [word for word in words if word.split("=")[0] not in new]
    return [*kept, *(f"{k}={v}" for k, v in new.items())]


def one_arm(options: dict[str, str]) -> str:
    """The first arm of a study, or of those of its arms that are asked for."""
    arms = [arm.name for arm in study.read(options["file"], options.get("profile", "small"), {}).arms]
    asked = options["only"].split(",") if "only" in options else arms
    assert set(asked) <= set(arms), f"{options['file']} has {arms}"
    return asked[0]
