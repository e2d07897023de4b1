"""Kill small trainings at any moment, resume each, and count what was lost.

    python benchmarks/kill.py kills=100 aimed=35 to=runs/kills

`aimed` kills hit the moments of saving, stripping and the last validation, one after the other; the rest come after a
random share of the processor time that a run takes (Linux only, as it is read from /proc). A run is judged by one that
was never killed: by its rows of results.csv and, bit by bit, its weights.
"""

from __future__ import annotations

import csv
import importlib
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # trainings are forked from this process, which threads do not survive

import torch

from yolotiny import YOLO, checkpoint
from yolotiny.data import write_demo
from yolotiny.train.resumable import ResumableTrainer
from yolotiny.val.validator import Validator

NETWORK = """# three convolutions and a head: the files matter here
nc: 80
backbone:
  - [-1, 1, Conv, [8, 3, 2]]
  - [-1, 1, Conv, [8, 3, 2], p2]
  - [-1, 1, Conv, [16, 3, 2], p3]
head:
  - [[p2, p3], 1, AnchorDetect, [nc, anchors]]
anchors: auto
coder: {type: v5}
assigner: {type: wh_ratio}
loss: {box: {type: ciou, weight: 0.05}, obj: {weight: 1.0, balance: [4.0, 1.0]}, cls: {weight: 0.5}}
"""
TRAINING = {"imgsz": 64, "batch": 2, "nbs": 6, "epochs": 3, "close_mosaic": 1, "plots": False, "device": "cpu"}
TRAINING |= {"optimizer": "AdamW", "lr0": 0.002, "warmup_epochs": 1}
COUNTED = ("unreadable files", "not finished by resume", "rows lost or doubled", "other weights at the end")


def train(folder: Path, data: Path) -> None:
    """Begin a run, or go on with what is there."""
    last = folder / "weights" / "last.pt"
    if last.exists():
        YOLO(last).train(resume=True)
    else:
        place = {"project": str(folder.parent), "name": folder.name, "exist_ok": True}
        YOLO(data.with_name("tiny.yaml")).train(data=str(data), **place, **TRAINING)


def moments(reached: Callable[[str], None], half: Callable[[str], bool]) -> None:
    """Call `reached` before and after each thing that writes a run's files, and in the last validation.

    Args:
        reached: told the name of a moment.
        half: asked before a file is written whether only half of it is to be.
    """
    write, move, strip = Path.write_bytes, checkpoint.move, checkpoint.strip
    validate, postprocess = ResumableTrainer.final_eval, Validator.update_metrics
    ending = []

    def written(self: Path, content: bytes) -> int:
        if half(f"half of {self.name}"):
            write(self, content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return write(self, content)

    def moved(part: Path, file: Path) -> None:
        reached(f"{file.name} written, not yet in place")
        move(part, file)
        reached(f"{file.name} in place")

    def stripped(file: Path, **updates: Any) -> None:
        reached(f"before {file.name} is stripped")
        strip(file, **updates)

    def validated(self: Any) -> None:
        ending.append(True)
        validate(self)
        ending.clear()
        reached("after the last validation")

    def counted(self: Any, *args: Any) -> None:
        if ending:
            reached("in the last validation")
        postprocess(self, *args)

    Path.write_bytes, checkpoint.move, checkpoint.strip = written, moved, stripped
    ResumableTrainer.final_eval, Validator.update_metrics = validated, counted


def forked(task: Callable[[], None], log: Path) -> int:
    """Start `task` in a process of its own; gives its number."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        with log.open("a") as out:
            os.dup2(out.fileno(), 1)
            os.dup2(out.fileno(), 2)
            task()
            code = 0
    finally:
        os._exit(code)


def wait(process: int) -> int:
    """The exit code of a process; negative where a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def used(process: int) -> float:
    """Seconds of processor time that a process has taken; infinite when it has ended."""
    state, *fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return float("inf") if state == "Z" else (int(fields[10]) + int(fields[11])) / os.sysconf("SC_CLK_TCK")


def damage(folder: Path) -> list[Path]:
    """Files of a run that cannot be read."""
    bad = []
    for file in (folder / "weights").glob("*.pt"):
        try:
            torch.load(file, weights_only=True)
        except Exception:
            bad.append(file)
    table = folder / "results.csv"
    if table.exists() and (len({len(row) for row in rows(table)}) != 1 or not table.read_text().endswith("\n")):
        bad.append(table)
    return bad


def rows(table: Path) -> list[list[str]]:
    """The rows of results.csv, without the time that each took."""
    with table.open() as file:
        return [row[:1] + row[2:] for row in csv.reader(file)]


def weights_of(file: Path) -> dict[str, torch.Tensor]:
    """The tensors of a finished checkpoint."""
    return torch.load(file, weights_only=True)["model"]


def judge(folder: Path, whole: Path, code: int) -> list[str]:
    """What is wrong with a run that was resumed to its end, in the words of COUNTED."""
    wrong = []
    files = [f / "weights" / name for f in (folder, whole) for name in ("best.pt", "last.pt")]
    if code or not all(f.exists() for f in files) or not (folder / "report.json").exists():
        return ["not finished by resume"]
    if torch.load(files[1], weights_only=True).get("optimizer") is not None:
        wrong.append("not finished by resume")
    if rows(folder / "results.csv") != rows(whole / "results.csv"):
        wrong.append("rows lost or doubled")
    for ours, theirs in zip(files[:2], files[2:], strict=True):
        mine, other = weights_of(ours), weights_of(theirs)
        if mine.keys() != other.keys() or not all(torch.equal(mine[k], other[k]) for k in mine):
            wrong.append("other weights at the end")
            break
    return wrong


class Killer:
    """Kills runs and keeps count.

    Args:
        to: a folder for data and runs.
    """

    def __init__(self, to: Path):
        self.to, self.log, self.whole = to, to / "log.txt", to / "whole"
        shutil.rmtree(to, ignore_errors=True)
        self.data = write_demo(to / "data", train=4, val=2, imgsz=96)
        self.data.with_name("tiny.yaml").write_text(NETWORK)
        names, modules = to / "moments.txt", to / "modules.txt"

        def note(name: str) -> bool:
            with names.open("a") as file:
                file.write(name + "\n")
            return False

        def task() -> None:
            moments(note, note)
            train(self.whole, self.data)
            modules.write_text("\n".join(sys.modules))

        if wait(forked(task, self.log)):
            sys.exit(f"the first training failed; see {self.log}")
        for name in modules.read_text().splitlines():  # else each training would import them anew
            with suppress(Exception):
                importlib.import_module(name)
        process, self.seconds = forked(lambda: train(to / "timed", self.data), self.log), 0.0
        while (seconds := used(process)) < float("inf"):
            self.seconds = seconds
            time.sleep(0.02)
        wait(process)
        found = names.read_text().splitlines()
        self.moments = [(name, found[:i].count(name)) for i, name in enumerate(found)]
        self.counts: Counter[str] = Counter()

    def kill(self, folder: Path, moment: tuple[str, int] | None) -> bool:
        """One training, killed at the n-th time that a moment comes, or at a random time; whether it was killed."""
        seen: Counter[str] = Counter()

        def due(name: str) -> bool:
            seen[name] += 1
            return moment == (name, seen[name] - 1)

        def reached(name: str) -> None:
            if due(name):
                os.kill(os.getpid(), signal.SIGKILL)

        def task() -> None:
            if moment:
                moments(reached, due)
            train(folder, self.data)

        process = forked(task, self.log)
        if moment is None:
            end = random.uniform(0, self.seconds)
            while used(process) < end:
                time.sleep(0.005)
            os.kill(process, signal.SIGKILL)
        return wait(process) == -signal.SIGKILL

    def one(self, number: int, moment: tuple[str, int] | None) -> None:
        """Kill a training, look at what is left, resume it, and judge it."""
        folder = self.to / f"run{number}"
        while not self.kill(folder, moment):  # it was faster than the one that was timed
            shutil.rmtree(folder)
        last = folder / "weights" / "last.pt"
        done = last.exists() and torch.load(last, weights_only=True).get("optimizer") is None
        self.counts["aimed" if moment else "at random"] += 1
        self.counts["of these before the first checkpoint, begun anew"] += not last.exists()
        self.counts["of these when all was done"] += done
        wrong = ["unreadable files"] * bool(damage(folder))
        code = 0 if done else wait(forked(lambda: train(folder, self.data), self.log))
        wrong += judge(folder, self.whole, code)
        self.counts.update(wrong)
        print(f"{number} {moment or 'random'}: {', '.join(wrong) or 'nothing lost'}", flush=True)
        if not wrong:
            shutil.rmtree(folder)


def run(to: Path, kills: int = 100, aimed: int = 35, seed: int = 0) -> Counter[str]:
    """Kill so many trainings, print a table, and give the counts."""
    random.seed(seed)
    killer = Killer(to)
    print(
        f"one run takes {killer.seconds:.1f} s of processor time and has {len(killer.moments)} moments to aim at",
        flush=True,
    )
    for i in range(kills):
        killer.one(i, killer.moments[i * len(killer.moments) // aimed % len(killer.moments)] if i < aimed else None)
    counts = killer.counts
    print(f"\n{kills} kills")
    for name in [*(k for k in counts if k not in COUNTED), *COUNTED]:
        print(f"{name:<50}{counts[name]:>5}")
    return counts


if __name__ == "__main__":
    options: dict[str, Any] = {"kills": 100, "aimed": 35, "to": "runs/kills", "seed": 0}
    for word in sys.argv[1:]:
        key, _, value = word.partition("=")
        if key not in options:
            sys.exit(f"unknown option {key!r}; there are: {', '.join(options)}")
        options[key] = type(options[key])(value)
    found = run(Path(options.pop("to")).resolve(), **options)
    sys.exit(any(found[name] for name in COUNTED))
