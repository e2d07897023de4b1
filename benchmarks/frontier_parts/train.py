"""Train what is missing, one process a run; a run that was cut goes on from its last epoch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.frontier_parts.arms import STARTS, Run

ROOT = Path(__file__).resolve().parents[2]
SHARED = {"batch": 16, "plots": False, "val": False, "exist_ok": True}


def options(run: Run, given: dict[str, str]) -> dict[str, Any]:
    """Of a training, by ours and by ultralytics' trainer alike."""
    told = {"model": run.arm.model, "data": given["data"], "imgsz": run.arm.imgsz, "epochs": STARTS[run.start]}
    told |= SHARED | {"seed": run.seed, "project": run.folder.parent, "name": run.folder.name}
    told |= {"device": given["device"], "workers": given["workers"], "cache": given["cache"]}
    return told | ({"pretrained": given["pretrained"]} if run.start == "coco" else {})


def command(run: Run, given: dict[str, str]) -> list[str]:
    """What trains it, or goes on."""
    words = [f"{k}={v}" for k, v in options(run, given).items()]
    if run.arm.theirs:
        return [sys.executable, str(ROOT / "benchmarks" / "baseline.py"), "train", *words]
    if run.weights.exists():
        return [sys.executable, "-m", "yolotiny", "train", f"resume={run.weights}"]
    return [sys.executable, "-m", "yolotiny", "train", *words, f"amp={given['amp']}", *run.arm.options.split()]


def train(run: Run, given: dict[str, str]) -> bool:
    """Whether it is trained now; `trained.json` says how and in how many seconds, over all tries."""
    run.folder.mkdir(parents=True, exist_ok=True)
    spent, begun = run.folder / "seconds.txt", time.monotonic()
    before = float(spent.read_text()) if spent.exists() else 0.0
    words = command(run, given)
    with open(run.folder.with_suffix(".log"), "a", encoding="utf-8") as log:
        try:
            code = subprocess.run(words, stdout=log, stderr=subprocess.STDOUT, env=environment(given)).returncode
        finally:
            seconds = before + time.monotonic() - begun
            spent.write_text(f"{seconds:.1f}")
    if code == 0:
        told = {"command": " ".join(words), "seconds": seconds, "threads": given["threads"]}
        run.done.write_text(json.dumps(told, indent=1), encoding="utf-8")
    return code == 0


def environment(given: dict[str, str]) -> dict[str, str]:
    """Of the processes."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return os.environ | {"OMP_NUM_THREADS": given["threads"], "PYTHONPATH": path, "YOLO_OFFLINE": "1"}


def train_all(todo: list[Run], given: dict[str, str]) -> list[str]:
    """Train for as long as there are hours; what failed."""
    begun, ended, failed = time.monotonic(), 0, []
    todo = [r for r in todo if not r.done.exists()]
    for number, run in enumerate(todo, 1):
        used = (time.monotonic() - begun) / 3600
        left = f", about {used / ended * (len(todo) - ended):.1f} h left" if ended else ""
        if used >= float(given["hours"]):
            print(f"{len(todo) - number + 1} runs are left: hours={given['hours']} are used")
            break
        print(f"{number}/{len(todo)} {run.start} {run.arm.name} seed {run.seed}, {used:.1f} h{left}", flush=True)
        if train(run, given):
            ended += 1
        else:
            failed.append(f"{run.folder.with_suffix('.log')}")
    return failed
