"""What a part is told, and the files that its results go to: JSON lines and, made of them, Markdown tables."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TITLES = {
    "machine": "Machine",
    "tests": "Tests marked gpu",
    "steps": "A training step, 640 px: median ms and peak memory (float32 as torch has it: TF32 in convolutions)",
    "loader": "The loader beside the step, 640 px, float16",
    "looks": "Prediction: median milliseconds a picture, everything but reading it",
    "schedule": "The short schedule, side by side on one device",
    "parts": "Parts",
}


@dataclass(frozen=True)
class Setting:
    """One part of a run.

    Attributes:
        out: folder of the results.
        data: data YAML.
        weights: tensors that the YOLOv5 arms start from, or None.
        toy: small enough for a CPU.
        seconds: what the part may take from when this was made.
    """

    out: Path
    data: Path
    weights: Path | None
    toy: bool
    seconds: float
    begun: float = field(default_factory=time.monotonic)

    @property
    def device(self) -> str:
        """As torch names it."""
        return "cpu" if self.toy else "cuda"

    @property
    def option(self) -> str:
        """As `yolotiny` takes it."""
        return "cpu" if self.toy else "0"

    @property
    def left(self) -> float:
        """Seconds until the part has to end."""
        return self.seconds - (time.monotonic() - self.begun)

    def record(self, part: str, **row: Any) -> None:
        """Write a result now, so that a cut loses only what comes after it."""
        line = json.dumps({"part": part, **row})
        with open(self.out / "results.jsonl", "a", encoding="utf-8") as file:
            file.write(line + "\n")
        made = self.out / "results.md.part"
        made.write_text(page(read(self.out)), encoding="utf-8")
        os.replace(made, self.out / "results.md")
        print(line, flush=True)

    def each(self, part: str, cells: Iterable[dict[str, Any]], least: float = 5.0) -> Iterator[dict[str, Any]]:
        """The cells of a table for as long as there is time; the number of the rest is recorded."""
        rest = list(cells)
        while rest:
            if self.left < least:
                self.record(part, result=f"no time left for {len(rest)} more")
                return
            yield rest.pop(0)

    def attempt(self, part: str, cell: dict[str, Any], work: Callable[[], dict[str, Any]]) -> None:
        """Record what `work` finds out; too little memory is a result, and any other failure is one line."""
        import torch

        try:
            found = work()
        except torch.cuda.OutOfMemoryError:
            found = {"result": "oom"}
        except Exception as error:  # the rest goes on
            found = {"result": f"failed: {type(error).__name__}: {first_line(error)}"}
        if self.device == "cuda":
            torch.cuda.empty_cache()
        self.record(part, **cell, **found)


def git(*words: str) -> str:
    """What git says about the tree; nothing where there is no git or no repository."""
    try:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True).stdout
    except OSError:
        return ""


def first_line(error: BaseException) -> str:
    """The beginning of an error's text."""
    return next(iter(str(error).splitlines()), "")[:160]


def read(out: Path) -> list[dict[str, Any]]:
    """The results so far; a last line that was cut off does not count."""
    rows = []
    for line in (out / "results.jsonl").read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def page(rows: list[dict[str, Any]]) -> str:
    """A table for each part."""
    text = []
    for part in [p for p in TITLES if any(row["part"] == p for row in rows)]:
        own = [{k: v for k, v in row.items() if k != "part"} for row in rows if row["part"] == part]
        columns = list(dict.fromkeys(k for row in own for k in row))
        text += [f"## {TITLES[part]}", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
        text += [f"| {' | '.join(_cell(row.get(k, '')) for k in columns)} |" for row in own]
        text.append("")
    return "\n".join(text)


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "/")
