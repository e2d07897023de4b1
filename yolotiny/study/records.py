"""One run of a study on disk: what was asked, whether it is taken or done, and what came of it.

In the folder of a study lie, for each run, `ARM-SEED.json` (what is asked of it), `ARM-SEED.lock`, `ARM-SEED.log` and
the run folder `ARM-SEED`, in which `study.json` says that it is trained. A lock is the system's: it goes with its
process, however that ends.
"""

from __future__ import annotations

import csv
import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

from ..files import write_text

CAME, LOOKED = "study.json", "look.json"


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        folder: of the study.
        arm, seed: whose it is.
        model: the model file.
        options: of training, `seed` and the places aside.
        settings: all that its figures depend on, by dotted name, as plain values.
        looks: ways to validate it, by name.
        after: the name of the run that it starts from, "" for none.
        measured: what is measured on that run's weights, by the option that it becomes.
    """

    folder: Path
    arm: str
    seed: int
    model: str
    options: dict[str, Any]
    settings: dict[str, Any]
    looks: dict[str, dict[str, Any]]
    after: str = ""
    measured: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.arm}-{self.seed}"

    @property
    def place(self) -> Path:
        """Its folder, that of a training by `yolotiny train`."""
        return self.folder / self.name

    @property
    def asked(self) -> Path:
        """The file that says what is asked of it."""
        return self.folder / f"{self.name}.json"

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.folder / f"{self.name}.log"

    @property
    def last(self) -> Path:
        """Its checkpoint."""
        return self.place / "weights" / "last.pt"

    @property
    def lock(self) -> FileLock:
        """Held by the process that works on it."""
        return FileLock(self.folder / f"{self.name}.lock", timeout=0)

    @property
    def call(self) -> dict[str, Any]:
        """All options of `YOLO.train`."""
        start = {"pretrained": str(self.folder / self.after / "weights" / "last.pt")} if self.after else {}
        place = {"seed": self.seed, "project": str(self.folder), "name": self.name, "exist_ok": True}
        return self.options | start | place

    @property
    def command(self) -> str:
        """The same as a command line."""
        words = [f"{k}={_word(v)}" for k, v in {"model": self.model, **self.call}.items()]
        return " ".join(["yolotiny train", *map(shlex.quote, words)])

    @property
    def trained(self) -> bool:
        """Whether its training is done."""
        return (self.place / CAME).is_file()

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do."""
        return self.trained and all(map(self.looked, self.looks))

    @property
    def begun(self) -> bool:
        """Whether there is something that could be lost: a checkpoint, or a process that works on it."""
        return self.trained or self.last.exists() or not self.free

    def looked(self, look: str) -> bool:
        """Whether the figures of a look are there, and come from the options that it has now."""
        return not look or read_json(self.place / look / LOOKED).get("options") == self.looks[look]

    @property
    def free(self) -> bool:
        """Whether no process works on it."""
        lock = self.lock
        try:
            lock.acquire()
        except TimeoutError:
            return False
        lock.release()
        return True

    @property
    def came(self) -> dict[str, Any]:
        """What is written once it is trained: commit, machine, `seconds`, `peak_mb` and the like; {} before."""
        return read_json(self.place / CAME)

    def report(self, look: str = "") -> dict[str, Any]:
        """The report of a look, or of the validation at the end of training; {} where it is not there."""
        return read_json(self.place / look / "report.json")

    def write(self) -> None:
        """Write down what is asked."""
        about = {"arm": self.arm, "seed": self.seed, "model": self.model, "options": self.options}
        about |= {"looks": self.looks, "after": self.after, "measured": self.measured}
        about |= {"command": self.command, "settings": self.settings}
        write_text(self.asked, json.dumps(about, indent=1) + "\n")

    @classmethod
    def read(cls, asked: Path) -> Run:
        """From what `write` wrote."""
        about = json.loads(asked.read_text(encoding="utf-8"))
        about.pop("command")
        return cls(folder=asked.parent.resolve(), **about)


def read_json(file: Path) -> dict[str, Any]:
    """The content of a file; {} where it is not there or is not whole."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def epochs_of(run: Run) -> tuple[int, float]:
    """Epochs that a run has behind it, and the seconds they took, those before a kill included."""
    try:
        with open(run.place / "results.csv", newline="", encoding="utf-8") as text:
            times = [float(row["time"] or 0) for row in csv.DictReader(text)]
    except (OSError, KeyError, TypeError, ValueError):
        return 0, 0.0
    before = [0.0, *times[:-1]]  # the clock begins anew where a run was taken up again
    return len(times), sum(t - b if t >= b else t for b, t in zip(before, times, strict=True))


def _word(value: Any) -> str:
    """A value as a command line has it."""
    if value is None:
        return "null"
    return json.dumps(value, separators=(",", ":")) if isinstance(value, (list, dict)) else str(value)
