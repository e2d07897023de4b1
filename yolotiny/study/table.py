"""What the runs of a study gave: mean and spread of each arm, differences over the seeds, and what was expected."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev

from ..errors import InputError
from ..files import write_text
from .definition import Arm, Study
from .figures import figures_of
from .records import Run

LEAST = 3  # pairs of seeds that an interval is given for
# Of Student's t: where 95 % lie within, by pairs of seeds; of more than ten that of ten, which is a little too wide.
STUDENT = {3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
Figures = dict[str, float | None]


@dataclass(frozen=True)
class Row:
    """An arm, seen in one way.

    Attributes:
        arm, look: which.
        of: figures of each seed that is done, in points.
        runs: those seeds' runs.
    """

    arm: str
    look: str
    of: dict[int, Figures]
    runs: dict[int, Run]

    @property
    def name(self) -> str:
        """As `expected` has it."""
        return f"{self.arm}/{self.look}" if self.look else self.arm


def rows_of(study: Study, folder: Path) -> list[Row]:
    """What is done of a study.

    Raises:
        InputError: nothing is.
    """
    folder = folder.expanduser().resolve()
    rows: list[Row] = []
    told: set[str] = set()
    for name, look in study.rows:
        arm = next(arm for arm in study.arms if arm.name == name)
        runs = {seed: run for seed in study.seeds_of(arm) if (run := _trained(study, folder, arm, seed))}
        seen = {seed: run.report(look) for seed, run in runs.items() if run.looked(look)}
        of = {seed: figures_of(report, study.figures) for seed, report in seen.items() if report}
        told |= {key for report in seen.values() if report for key in report}
        rows.append(Row(name, look, of, runs))
    if not any(row.of for row in rows):
        raise InputError(
            f"no run of {study.name}, profile {study.profile}, is done in {folder}: run it by yolotiny study run, or "
            "give its folder to="
        )
    if missing := [name for name in study.figures if name not in told]:
        raise InputError(f"{study.name}: figure {missing[0]!r} is not in the reports of its runs")
    return rows


def _trained(study: Study, folder: Path, arm: Arm, seed: int) -> Run | None:
    """The run of an arm and a seed, where it is trained; InputError where it is of another study."""
    asked = folder / f"{arm.name}-{seed}.json"
    run = replace(Run.read(asked), looks=study.looks) if asked.is_file() else None
    if run is None or not run.trained:
        return None
    if (other := _other(study, arm, run)) is not None:
        raise InputError(
            f"{run.name} in {folder} is no run of {study.name} ({other} is another); give the folder of that "
            "study to=, or the file that the run was made by"
        )
    return run


def _other(study: Study, arm: Arm, run: Run) -> str | None:
    """What an arm says itself and the run was not trained with, None where they agree."""
    said = study.options | arm.options
    model = said.pop("model", run.model)
    if arm.changes and Path(run.model).name.rpartition("-")[0] != arm.name or not arm.changes and run.model != model:
        return "model"
    if run.after != (f"{arm.after}-{run.seed}" if arm.after else ""):
        return "after"
    return next((k for k, v in arm.options.items() if k != "model" and run.options.get(k) != v), None)


def differences(a: Row, b: Row, figure: str) -> dict[int, float]:
    """b minus a for each seed that both have, in points."""
    out = {}
    for seed in sorted(a.of.keys() & b.of.keys()):
        one, two = a.of[seed].get(figure), b.of[seed].get(figure)
        if one is not None and two is not None:
            out[seed] = two - one
    return out


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % interval of the mean of differences, by Student's t over the seeds; None for too few."""
    if len(values) < LEAST:
        return None
    half = STUDENT[min(len(values), max(STUDENT))] * stdev(values) / len(values) ** 0.5
    return mean(values) - half, mean(values) + half


def tables(study: Study, rows: Sequence[Row]) -> str:
    """All of it, in Markdown."""
    first = next(figures for row in rows for figures in row.of.values())
    names = list(first)
    parts = [f"**{study.name}**, profile {study.profile}" + (f". {study.source}" if study.source else "")]
    parts.append(_means(rows, names))
    base = next((row for row in rows if row.arm == study.baseline), None)
    if base is not None and any(row is not base for row in rows):
        parts.append(_pairs(study, rows, names))
    names_of_rows = {row.name for row in rows}
    if any({e.arm, e.over} <= names_of_rows for e in study.expected):
        parts.append(_expectations(study, rows))
    return "\n\n".join([*parts, _notes(study, rows)])


def _means(rows: Sequence[Row], names: Sequence[str]) -> str:
    """Mean and spread (the largest minus the smallest) of every figure; minutes and memory of a run."""
    lines = [_line(["arm", "n", *names, "min", "MB"]), _line(["---"] * (len(names) + 4))]
    for row in rows:
        cells = [_mean([f[k] for f in row.of.values() if f.get(k) is not None]) for k in names]
        came = [run.came for run in row.runs.values()]
        minutes = mean(c["seconds"] / 60 for c in came) if came else None
        peaks = [c["peak_mb"] for c in came if c.get("peak_mb")]
        tail = ["-" if minutes is None else f"{minutes:.1f}", f"{max(peaks):,}" if peaks else "-"]
        lines.append(_line([row.name, str(len(row.of)), *cells, *tail]))
    return "\n".join(lines)


def _pairs(study: Study, rows: Sequence[Row], names: Sequence[str]) -> str:
    """Differences from the baseline, seen in the same way, over the seeds that both have."""
    lines = [_line([f"minus {study.baseline}", "n", *names]), _line(["---"] * (len(names) + 2))]
    for row in rows:
        base = next(r for r in rows if r.arm == study.baseline and r.look == row.look)
        if row is base:
            continue
        pairs = {k: list(differences(base, row, k).values()) for k in names}
        lines.append(_line([row.name, str(max(map(len, pairs.values()))), *map(_difference, pairs.values())]))
    return "\n".join(lines)


def _expectations(study: Study, rows: Sequence[Row]) -> str:
    """What was expected, and what came."""
    by_name = {row.name: row for row in rows}
    lines = [_line(["expected", "figure", "in the source", "here", "seeds of that sign"]), _line(["---"] * 5)]
    for e in study.expected:
        if e.arm not in by_name or e.over not in by_name:
            continue  # not among the arms that were asked for
        found = list(differences(by_name[e.over], by_name[e.arm], e.figure).values())
        same = sum(round(v, 1) * e.by > 0 for v in found)  # what is shown as none is none
        told = f"{same} of {len(found)}" if found and e.by else "-"
        lines.append(_line([f"{e.arm} over {e.over}", e.figure, f"{e.by:+.1f}", _difference(found), told]))
    return "\n".join(lines)


def _notes(study: Study, rows: Sequence[Row]) -> str:
    """How the numbers are to be read, and what is missing."""
    out = ["In brackets behind a mean: the largest minus the smallest; behind a difference of less than "]
    out[0] += f"{LEAST} seeds: each of them."
    n = max((len(row.of) for row in rows), default=0)
    if n >= LEAST:
        out.append("* a difference whose 95 % interval over the seeds (Student's t) leaves out zero.")
    if n == 2:
        out.append(
            "Two seeds are too few for an interval: by chance, both differ in the same direction every second time."
        )
    if n < 2:
        out.append("One seed says nothing of the spread: a difference may be chance.")
    missing = [
        f"{arm.name}-{seed}"
        for arm in study.arms
        for seed in study.seeds_of(arm)
        if not all(seed in row.of for row in rows if row.arm == arm.name)
    ]
    if missing:
        shown = ", ".join(missing[:8]) + (", ..." if len(missing) > 8 else "")
        out.append(f"Not done yet: {shown}.")
    return "\n".join(out)


def _mean(values: Sequence[float]) -> str:
    if not values:
        return "-"
    return f"{mean(values):.1f}" + (f" ({max(values) - min(values):.1f})" if len(values) > 1 else "")


def _difference(values: Sequence[float]) -> str:
    """Mean difference, with each one where they are few, else with its interval and a star where that is clear."""
    if not values:
        return "-"
    if (ends := interval(values)) is not None:
        star = "*" if ends[0] > 0 or ends[1] < 0 else ""
        return f"{mean(values):+.1f}{star} ({ends[0]:+.1f} to {ends[1]:+.1f})"
    return f"{mean(values):+.1f}" + (f" ({', '.join(f'{v:+.1f}' for v in values)})" if len(values) > 1 else "")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def write(study: Study, rows: Sequence[Row], folder: Path) -> str:
    """Write `table.md`, and every run with its figures, time, memory, commit and command to `runs.csv`; the table."""
    text = tables(study, rows)
    write_text(folder / "table.md", text + "\n")
    lines: list[Mapping[str, object]] = []
    for row in rows:
        for seed, figures in row.of.items():
            came = row.runs[seed].came
            about = {k: came.get(k) for k in ("seconds", "peak_mb", "peak_gpu_mb", "machine", "commit", "version")}
            lines.append(
                {"arm": row.arm, "look": row.look, "seed": seed, **figures, **about, "command": came["command"]}
            )
    out = io.StringIO()
    table = csv.DictWriter(out, list(lines[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(lines)
    write_text(folder / "runs.csv", out.getvalue())
    return text
