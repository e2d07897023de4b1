"""The Pythons of this machine, and empty environments in which a wheel is installed and run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

VERSIONS = ("3.10", "3.11", "3.12", "3.13")
LEADS_ASTRAY = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "YOLOTINY_ONLINE")


def clean() -> dict[str, str]:
    """The environment variables without those that lead to this checkout, and offline."""
    kept = {key: value for key, value in os.environ.items() if key not in LEADS_ASTRAY}
    return kept | {"YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "0"}


def answer(*command: str | Path, cwd: Path | None = None) -> str:
    """What a command prints.

    Raises:
        AssertionError: it failed; with what it said.
    """
    done = subprocess.run([*map(str, command)], cwd=cwd, env=clean(), capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(map(str, command))} ended with {done.returncode}\n{done.stderr[-3000:]}"
    return done.stdout


def find_python(version: str) -> Path | None:
    """A Python of this version that runs: of the PATH, or of pyenv; None where there is none."""
    if version == ".".join(map(str, sys.version_info[:2])):
        return Path(sys.executable)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = shutil.which(f"python{version}")
    for candidate in [*([Path(found)] if found else []), *sorted(pyenv.glob(f"{version}.*/bin/python"))]:
        asked = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
        done = subprocess.run([candidate, "-c", asked], capture_output=True, text=True)
        if done.returncode == 0 and done.stdout.strip() == version:
            return candidate
    return None


class Environment:
    """An empty environment; pip works on it from outside.

    Args:
        python: the Python that it is of.
        place: the folder that it is made in, which is the current one of what runs there.
    """

    def __init__(self, python: Path, place: Path):
        self.place = place
        place.mkdir(parents=True)
        answer(python, "-m", "venv", "--without-pip", place / "environment")
        self.bin = place / "environment" / "bin"
        code = "import sysconfig; print(sysconfig.get_path('purelib'))"
        self.packages = Path(answer(self.bin / "python", "-c", code).strip())

    def pip(self, *words: str | Path) -> None:
        """`pip install` with these words."""
        pip = (sys.executable, "-m", "pip", "--python", self.bin / "python", "--disable-pip-version-check")
        answer(*pip, "install", "-q", *words, cwd=self.place)

    def run(self, command: str, *words: str | Path) -> str:
        """What a command of the environment prints."""
        return answer(self.bin / command, *words, cwd=self.place)

    def borrow(self) -> None:
        """Let it see the packages of the Python that runs this program, all but those in the form of a link."""
        lent = sysconfig.get_path("purelib")
        (self.packages / "borrowed.pth").write_text(f"{lent}\n", encoding="utf-8")

    def check_files(self, package: str) -> None:
        """Every module compiles on this Python."""
        self.run("python", "-m", "compileall", "-q", self.packages / package)

    def objects(self, look: Callable[[Path, Path], Path], pictures: Path) -> int:
        """The number of objects that a command finds in a copy of some pictures.

        Args:
            look: runs the command on a folder of pictures and another for its output; gives the rows of JSON it wrote.
            pictures: a folder of them.

        Raises:
            AssertionError: nothing in one of the pictures.
        """
        folder, out = self.place / "pictures", self.place / "out"
        folder.mkdir()
        for file in pictures.glob("*.jpg"):
            shutil.copy(file, folder)
        rows = json.loads(look(folder, out).read_text(encoding="utf-8"))
        seen = {row["file_name"] for row in rows}
        missed = sorted({file.name for file in folder.iterdir()} - seen)
        assert seen and not missed, f"nothing was found in {missed}"
        return len(rows)
