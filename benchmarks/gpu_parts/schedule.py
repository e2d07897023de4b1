"""The short schedule (600 pictures, 12 epochs) with several arms and seeds side by side on one device."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.gpu_parts.setting import ROOT, Setting
from yolotiny import study

LANES = 6  # runs at the same time: one of a nano model leaves most of a large card idle
WORKERS = 2  # of each, for pictures
FIGURES = ("AP", "AP50", "AP75", "AP_vt", "AP_t", "AP_s", "AP_m")


def given(setting: Setting) -> dict[str, object]:
    """Which part of the study is run, with which options."""
    options: dict[str, object] = {"data": setting.data, "device": setting.option}
    options |= {"pretrained": setting.weights} if setting.weights else {}
    if setting.toy:
        return options | {"profile": "toy", "only": "default,yolox-rka"}
    return options | {"workers": WORKERS, "cache": "ram"}


def words(setting: Setting, command: str, folder: Path, options: dict[str, object]) -> list[str]:
    """A command line of a study."""
    words = {"file": "gpu", "to": folder} | options
    return [sys.executable, "-m", "yolotiny", "study", command, *(f"{k}={v}" for k, v in words.items())]


def names(setting: Setting) -> list[str]:
    """The runs, in their order."""
    asked = study.read("gpu", "toy" if setting.toy else "small", {"only": given(setting).get("only")})
    return [f"{arm.name}-{seed}" for seed in asked.seeds for arm in asked.arms]


def collect(setting: Setting, folder: Path, seen: set[str]) -> None:
    """Record the runs that have ended since the last look."""
    for file in sorted(folder.glob("*/report.json")):
        name = file.parent.name
        try:
            report = json.loads(file.read_text(encoding="utf-8"))
        except json.JSONDecodeError:
            continue  # being written
        if name not in seen:
            seen.add(name)
            arm, _, seed = name.rpartition("-")
            figures = {k: round(100 * (report.get(k) or 0), 1) for k in FIGURES}
            setting.record("schedule", arm=arm, seed=int(seed), **figures)


def main(setting: Setting) -> None:
    """A row a run, and `schedule.md`, means and spreads to be pasted into a page."""
    folder, seen, options = setting.out / "schedule", set(), given(setting)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": _path()}
    jobs = {"jobs": 2 if setting.toy else LANES}
    driver = subprocess.Popen(words(setting, "run", folder, options | jobs), env=environment, stdout=subprocess.DEVNULL)
    while driver.poll() is None and setting.left > 8:
        time.sleep(0.5)
        collect(setting, folder, seen)
    driver.terminate()
    collect(setting, folder, seen)
    which = {k: options[k] for k in ("profile", "only") if k in options}
    table = subprocess.run(
        words(setting, "table", folder, which), env=environment, capture_output=True, text=True
    ).stdout
    (setting.out / "schedule.md").write_text(table, encoding="utf-8")
    for name in names(setting):
        if name not in seen:
            setting.record("schedule", arm=name, result=why(folder, name))


def why(folder: Path, name: str) -> str:
    """What became of a run that has no figures."""
    log = folder / f"{name}.log"
    if not log.exists():
        return "not begun: no time left"
    last = (log.read_text(encoding="utf-8", errors="replace").splitlines() or [""])[-1]
    return f"failed: {last[:160]}" if last.startswith("error: ") else "cut: no time left"


def _path() -> str:
    """The tree first, and what the caller's own path has."""
    return os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
