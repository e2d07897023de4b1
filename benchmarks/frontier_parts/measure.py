"""AP of what is trained, and milliseconds and memory of its exported files, all taking turns in one process."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.frontier_parts.arms import Run

PICTURE = (512, 640)  # height and width of the pictures of HIT-UAV
FEW = 50  # objects in val below which a class does not count in the mean
KEYS = ("AP", "AP50", "AP_vt", "AP_t", "AP_s", "AP_m")
MEMORY = """import re, sys; import numpy as np, onnxruntime as ort
o = ort.SessionOptions(); o.intra_op_num_threads = 1
s = ort.InferenceSession(sys.argv[1], o, providers=["CPUExecutionProvider"])
i = s.get_inputs()[0]; x = np.zeros(i.shape, np.float32)
for _ in range(3): s.run(None, {i.name: x})
print(int(re.search("VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1e3)"""


def shape(size: int) -> tuple[int, int]:
    """The input (height, width) of such a picture at a longer side of `size` pixels, in strides of 32."""
    return 32 * math.ceil(PICTURE[0] / max(PICTURE) * size / 32), 32 * math.ceil(size / 32)


def accuracy(run: Run, size: int, data: str) -> dict[str, float]:
    """Percent of the AI-TOD protocol: the mean of the classes with `FEW` objects and more, and of all as `AP, all`."""
    file = run.folder / "shown" / f"{size}.json"
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        of_baseline("val", run, file, f"data={data}", f"imgsz={size}")
    report = json.loads(file.read_text(encoding="utf-8"))
    rows = [row for row in report["per_class"].values() if row["n"] >= FEW]
    found = {k: 100 * statistics.mean(r[k] or 0.0 for r in rows if r.get(k) is not None) for k in KEYS}
    return found | {"AP, all": 100 * report["AP"]}


def exported(run: Run, size: int) -> Path:
    """Its ONNX file for pictures of `PICTURE`."""
    h, w = shape(size)
    file = run.folder / "shown" / f"{h}x{w}.onnx"
    if not file.with_suffix(".json").exists():
        file.parent.mkdir(exist_ok=True)
        of_baseline("export", run, file, f"imgsz=[{h},{w}]")
    return file


def of_baseline(command: str, run: Run, to: Path, *words: str) -> None:
    """What `benchmarks/baseline.py` does with the weights of a run, in a process of its own."""
    program = str(Path(__file__).parents[1] / "baseline.py")
    asked = [program, command, f"theirs={run.arm.theirs}", f"weights={run.weights}", f"to={to}", *words]
    with open(to.with_suffix(".log"), "w", encoding="utf-8") as log:
        subprocess.run([sys.executable, *asked], check=True, stdout=log, stderr=subprocess.STDOUT)


def milliseconds(files: list[Path], threads: int, rounds: int) -> list[list[float]]:
    """Of every file `rounds` times, all in turn; with one thread in processor time, which others disturb less."""
    import numpy as np
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    sessions = [ort.InferenceSession(str(f), options, providers=["CPUExecutionProvider"]) for f in files]
    feeds = []
    for s in sessions:
        entry = s.get_inputs()[0]
        feeds.append({entry.name: np.random.default_rng(0).random(entry.shape, dtype=np.float32)})
    clock = time.process_time if threads == 1 else time.perf_counter
    taken: list[list[float]] = [[] for _ in files]
    for turn in range(rounds + 2):
        for session, feed, row in zip(sessions, feeds, taken, strict=True):
            begun = clock()
            session.run(None, feed)
            if turn > 1:  # the first two warm up
                row.append(1e3 * (clock() - begun))
    return taken


def memory(file: Path) -> float:
    """Peak megabytes of a process that runs the file three times."""
    found = subprocess.run([sys.executable, "-c", MEMORY, str(file)], capture_output=True, text=True, check=True)
    return float(found.stdout)


def measure(trained: list[Run], given: dict[str, str]) -> list[dict[str, Any]]:
    """A row for each run and size that it is used at; times are those of its arm's first seed."""
    os.environ |= {"YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "0"}
    rows: list[dict[str, Any]] = []
    for run in trained:
        for size in run.arm.shown:
            print(f"AP of {run.start} {run.arm.name} seed {run.seed} at {size} px", flush=True)
            row = {"arm": run.arm.name, "start": run.start, "seed": run.seed, "trained": run.arm.imgsz, "shown": size}
            rows.append(row | accuracy(run, size, given["data"]))
    firsts = {(r.arm.name, size): r for r in reversed(trained) for size in r.arm.shown}
    files = {key: exported(run, key[1]) for key, run in firsts.items()}
    taken = {t: milliseconds(list(files.values()), t, int(given["rounds"])) for t in (1, 2)}
    for i, key in enumerate(firsts):
        found: dict[str, Any] = json.loads(files[key].with_suffix(".json").read_text()) | {"memory": memory(files[key])}
        for threads, values in taken.items():
            low, middle, high = statistics.quantiles(values[i], n=4)
            found |= {f"ms{threads}": middle, f"spread{threads}": high - low}
        for row in rows:
            if (row["arm"], row["shown"]) == key:
                row |= found
    return rows
