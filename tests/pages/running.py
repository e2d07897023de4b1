"""A page run from its first block to its last, in a folder that has the files it names."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

from tests.pages.checks import complete, yolotiny
from tests.pages.reading import Command, Part, commands, parts
from tests.pages.room import MY_PARTS, furnish
from tests.plugging import forget_plugins
from tests.tiny_data import QUICK, ROOT

# Of a line's text, and why such a line is checked without being run.
NOT_RUN = {
    r"^(make|pip|python -m (pip|venv)) ": "builds and installs",
    r"^(docker|scp|sbatch|srun|mount|tensorboard|torchrun) ": "other machines, rights or programs",
    r"^(trtexec|g\+\+|detect|export) |best\.engine|format=engine|--provider tensorrt": "TensorRT, compilers",
    r"^(pytest|python -m pytest) ": "tests run by themselves",
    r"engine=ray|rtsp://": "a cluster, a camera",
    r"^python benchmarks/(bulk|geo|gpu|vehicles)\.py": "minutes, gigabytes, raw data of others",
}
# What is cheap enough for a test: words that stand instead of a line's own, or behind it.
CHEAP = {
    "tune-crops": "limit=1",
    "benchmark": "formats=onnx rounds=1",
    "study run": "epochs=1 imgsz=64 batch=2 device=cpu workers=0 seeds=0",
    "analyze gradients": "imgsz=64 batch=2 iterations=1",
    "python benchmarks/crops.py": "pictures=1 rounds=1",
    "python benchmarks/int8.py": "imgsz=64",
    "python benchmarks/train.py": "imgsz=64 batch=2 fraction=1.0 rounds=1",
    "python benchmarks/sampler.py": "imgsz=128",
}
TRAINING = QUICK | {"batch": 2, "workers": 0, "amp": False, "cache": False}


class Reader:
    """Somebody who tries a page.

    Args:
        page: the page.
        folder: an empty one, where the reader works.

    Attributes:
        names: what Python blocks have in common. Fragments take a model, a camera, and so on, for granted.
        service: the last that was started.
    """

    def __init__(self, page: Path, folder: Path):
        from yolotiny import YOLO

        self.parts = list(parts(page))
        self.folder, self.service = folder, None
        shown = "\n".join(part.text for part in self.parts if part.language in ("bash", "python") or self.inline(part))
        self.made = furnish(folder, shown)
        frame = cv2.imread(str(ROOT / "cfg/pictures/0_80_30_0_06917.jpg"))
        self.names: dict[str, Any] = {"__name__": "page", "YOLO": YOLO}
        exec(MY_PARTS.partition("register(")[0], self.names)
        self.names |= {"camera": [frame] * 2, "detect": lambda images: [[] for _ in images]}

    @staticmethod
    def inline(part: Part) -> bool:
        """Whether it is a command between backticks that can be run."""
        return part.language == "span" and any(complete(command) for command in commands(part, {}))

    def read(self) -> Iterator[Part]:
        """Run block by block; each is given before it is run, so that a failure can be placed."""
        variables: dict[str, str] = {}
        for part in self.parts:
            if part.language == "bash" or self.inline(part):
                yield part
                for command in commands(part, variables):
                    self.do(command)
            elif part.language in ("python", "yaml"):
                yield part
                self.write_or_run(part)

    def write_or_run(self, part: Part) -> None:
        """A block whose first line names a file is that file; other Python is run, and leaves no plugin behind."""
        if named := re.match(r"# ([\w.]+\.(?:py|yaml))\n", part.text):
            (self.folder / named[1]).write_text(part.text, encoding="utf-8")
        elif part.language == "python":
            exec(compile(part.text, part.place, "exec"), self.names)
            forget_plugins()

    def do(self, command: Command) -> None:
        """Run a command line, unless `NOT_RUN` says why not."""
        if any(re.search(pattern, command.text) for pattern in NOT_RUN):
            return
        with pytest.MonkeyPatch.context() as patch:
            for name, value in command.set.items():
                patch.setenv(name, value)
            words = command.words[1:]
            if command.kind == "yolotiny":
                self.yolotiny(words)
            elif command.kind == "yolotiny-run":
                self.runtime(words)
            elif command.kind == "python" and words[0].startswith("benchmarks/"):
                words = with_words(words[1:], CHEAP[f"python {words[0]}"])
                patch.setattr(sys, "argv", [command.words[1], *words])
                runpy.run_path(str(ROOT / command.words[1]), run_name="__main__")
            else:
                program = {"python": sys.executable}.get(command.kind, command.words[0])
                address = self.service.address if self.service else ""
                words = [word.replace("http://127.0.0.1:8000", address) for word in words]
                line = " ".join([program, *(word if "*" in word else f"'{word}'" for word in words)])
                subprocess.run(line, shell=True, check=True, timeout=120)

    def yolotiny(self, words: list[str]) -> None:
        """Ours, in this process."""
        from yolotiny.cli import main as cli

        name = yolotiny(words)
        options = dict(word.split("=", 1) for word in words if "=" in word)
        self.make_place(name, options)
        cheap = CHEAP.get(name, "")
        if name == "study run" and "only" not in options:
            cheap += f" only={first_arm(options)}"
        if name == "demo":
            return
        code = cli.main(with_words(words, cheap, device="cpu"))
        assert code == 0 or (name, code) == ("data check", 1), f"exit code {code}: yolotiny {' '.join(words)}"

    def make_place(self, name: str, options: dict[str, str]) -> None:
        """Take away what the page has from elsewhere where its own command is to make it."""
        target = f"runs/detect/{options.get('name', 'train')}" if name == "train" else options.get("to", "")
        ours = any((self.folder / target) in (made, *made.parents) for made in self.made)
        if target and (ours or name in ("data export", "data suggest")):
            shutil.rmtree(self.folder / target, ignore_errors=True)
            self.made = {made for made in self.made if self.folder / target not in (made, *made.parents)}

    def runtime(self, words: list[str]) -> None:
        """The runtime, in this process; a service in one of its own."""
        from tests.serve.conftest import Service
        from yolotiny.runtime.cli import main

        if words[0] == "serve":
            self.end()
            port = words.index("--port")
            self.service = Service(self.folder / words[1], *words[2:port], *words[port + 2 :])
        elif words != ["--help"]:
            assert main(words) == 0, words

    def end(self) -> None:
        """End the service."""
        if self.service:
            self.service.end()


def with_words(words: list[str], others: str, **where_given: str) -> list[str]:
    """Words of a line with `others` instead of those of the same key, else behind them."""
    given = dict(word.split("=", 1) for word in others.split())
    given |= {k: v for k, v in where_given.items() if any(word.startswith(f"{k}=") for word in words)}
    kept = [word for word in words if word.split("=")[0] not in given]
    return [*kept, *(f"{k}={v}" for k, v in given.items())]


def first_arm(options: dict[str, str]) -> str:
    """The first arm of a study."""
    from yolotiny import study

    return study.read(options["file"], options.get("profile", "small"), {}).arms[0].name
