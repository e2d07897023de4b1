"""The short schedule (600 pictures, 12 epochs) with several arms and seeds side by side on one device."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import arms
from benchmarks.gpu_parts.setting import ROOT, Setting

LANES = 6  # runs at the same time: one of a nano model leaves most of a large card idle
WORKERS = 2  # of each, for pictures


def chosen(setting: Setting) -> list[str]:
    """The arms, in their order."""
    return ["default", "yolox-rka"] if setting.toy else list(arms.SETS["gpu"])


def seeds(setting: Setting) -> list[str]:
    """All arms are run with the first before any is with the next."""
    return ["0"] if setting.toy else ["0", "1"]


def words(setting: Setting, folder: Path) -> list[str]:
    """The call of `benchmarks/arms.py`."""
    size = {"imgsz": 640, "batch": 16, "epochs": 12, "workers": WORKERS, "cache": "ram", "amp": True}
    if setting.toy:
        size |= {"imgsz": 64, "batch": 4, "epochs": 1, "workers": 0, "cache": False, "amp": False}
    size |= {
        "set": "gpu",
        "only": ",".join(chosen(setting)),
        "seeds": ",".join(seeds(setting)),
        "data": setting.data,
        "to": folder,
        "device": setting.option,
    }
    size |= {"pretrained": setting.weights} if setting.weights else {}
    return [sys.executable, str(ROOT / "benchmarks" / "arms.py"), *(f"{k}={v}" for k, v in size.items())]


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
            figures = {k: round(100 * (report.get(k) or 0), 1) for k in arms.FIGURES}
            setting.record("schedule", arm=arm, seed=int(seed), **figures)


def main(setting: Setting) -> None:
    """A row a run, and `schedule.md`, means and spreads to be pasted into a page."""
    folder, seen = setting.out / "schedule", set()
    folder.mkdir(exist_ok=True)
    command, environment = words(setting, folder), os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": _path()}
    lanes = [
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        for _ in range(2 if setting.toy else LANES)
    ]
    while any(lane.poll() is None for lane in lanes) and setting.left > 8:
        time.sleep(0.5)
        collect(setting, folder, seen)
    collect(setting, folder, seen)
    table = subprocess.run([*command, "table=only"], env=environment, capture_output=True, text=True).stdout
    (setting.out / "schedule.md").write_text(table, encoding="utf-8")
    for name in (f"{arm}-{seed}" for seed in seeds(setting) for arm in chosen(setting)):
        if name not in seen:
            setting.record("schedule", arm=name, result=why(folder, name))


def why(folder: Path, name: str) -> str:
    """What became of a run that has no figures. `benchmarks/arms.py` gives the claim on one that failed back."""
    log = folder / f"{name}.log"
    if not log.exists():
        return "not begun: no time left"
    if (folder / f"{name}.claimed").exists():
        return "cut: no time left"
    said = log.read_text(encoding="utf-8", errors="replace").splitlines() or [""]
    return f"failed: {said[-1][:160]}"


def _path() -> str:
    """The tree first, and what the caller's own path has."""
    return os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
