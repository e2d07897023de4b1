"""What a CUDA card shows in nine minutes on a machine without a network, and what such a machine has to be given.

    python benchmarks/gpu.py pack data=HIT-UAV weights=yolov5n.pt   # runs/bundle: wheels, small pictures, weights
    python benchmarks/gpu.py run out=runs/gpu                       # there, beside the bundle
    python benchmarks/gpu.py dry out=runs/dry                       # all of it at toy size on a CPU

`run` has four parts, most worth first: the tests marked gpu; time and memory of a training step, and the loader beside
it; prediction; the short schedule with several arms side by side. Each is a process with its own time limit and its own
log, and writes each result as it ends to `results.jsonl` and `results.md`; one that fails says so in its row, and the
rest goes on. `only=steps,looks` takes some parts, `limit=` is the time of all in seconds.

The machine needs Python 3.12, torch, torchvision, timm, OpenCV, matplotlib and pytest; `pack` prints the call that
installs the rest from the bundle.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.gpu_parts.setting import Setting, git  # noqa: E402
from yolotiny.errors import InputError, did_you_mean  # noqa: E402

PARTS = {"tests": 130, "steps": 120, "looks": 90, "schedule": 600}  # seconds at most; the last has what is left
LEAST = 10.0  # seconds: with less there is no use in beginning
OPTIONS = {
    "run": {"out": "runs/gpu", "data": "runs/bundle/data/data.yaml", "weights": "", "limit": "520", "only": ""},
    "dry": {"out": "runs/dry", "limit": "600", "only": ""},
    "pack": {"data": "", "weights": "", "to": "runs/bundle", "limit": "55", "quality": "80"},
    "part": {"name": "", "out": "", "data": "", "weights": "", "toy": "", "seconds": ""},  # what `run` starts
}


def read_options(command: str, words: list[str]) -> dict[str, str]:
    """The options of a command, each once and known."""
    given = dict(OPTIONS[command])
    for word in words:
        key, _, value = word.partition("=")
        if key not in given:
            raise InputError(f"unknown option {key!r} of {command}{did_you_mean(key, given)}")
        given[key] = value
    for key in ("limit", "quality"):
        if key in given and not given[key].isdigit():
            raise InputError(f"{key}={given[key]} must be a whole number, such as {OPTIONS[command][key]}")
    return given


def machine(toy: bool, data: Path, weights: Path | None) -> dict[str, str]:
    """What stands beside every figure: device, versions, commit."""
    import torch
    import torchvision
    import ultralytics

    about = data.parents[1] / "about.json"
    packed = json.loads(about.read_text(encoding="utf-8"))["commit"] if about.is_file() else "unknown"
    return {
        "device": "CPU, toy size" if toy else torch.cuda.get_device_name(0),
        "memory GB": "" if toy else f"{torch.cuda.get_device_properties(0).total_memory / 2**30:.0f}",
        "cores": str(os.cpu_count()),
        "commit": (git("rev-parse", "HEAD") or packed)[:10],
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "ultralytics": ultralytics.__version__,
        "weights": weights.name if weights else "none",
    }


def supervise(name: str, setting: Setting) -> str:
    """Run a part in a process of its own with all it starts; how it ended."""
    words = {"name": name, "out": setting.out, "data": setting.data, "weights": setting.weights or ""}
    words |= {"toy": "1" if setting.toy else "", "seconds": setting.seconds}
    command = [sys.executable, __file__, "part", *(f"{k}={v}" for k, v in words.items())]
    path = setting.out / f"{name}.log"
    with open(path, "w", encoding="utf-8") as log:
        run = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, start_new_session=True)
        try:
            code = run.wait(setting.seconds)
        except subprocess.TimeoutExpired:
            code = None
        finally:  # and what it started, if it is still there
            try:
                os.killpg(run.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            run.wait()
    if code is None:
        return f"cut after {setting.seconds:.3g} s"
    last = [line for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()][-1:]
    return "done" if code == 0 else f"failed ({code}): {''.join(last)[:160]}"


def run_all(out: Path, data: Path, weights: Path | None, toy: bool, limit: float, only: str) -> int:
    """All parts one after the other; 1 where one failed."""
    if unknown := [p for p in only.split(",") if p and p not in PARTS]:
        raise InputError(f"unknown part {unknown[0]!r}{did_you_mean(unknown[0], PARTS)}")
    if (out / "results.jsonl").exists():
        raise InputError(f"out={out} holds results already; give another folder")
    out.mkdir(parents=True, exist_ok=True)
    begun, failed = time.monotonic(), False
    Setting(out, data, weights, toy, 0).record("machine", **machine(toy, data, weights))
    for name, seconds in PARTS.items():
        if only and name not in only.split(","):
            continue
        left = limit - (time.monotonic() - begun)
        setting = Setting(out, data, weights, toy, min(seconds, left))
        result = supervise(name, setting) if left > LEAST else "not begun: no time left"
        failed |= result.startswith("failed")
        setting.record("parts", name=name, seconds=round(time.monotonic() - setting.begun), result=result)
    print((out / "results.md").read_text(encoding="utf-8"))
    return int(failed)


def run(options: dict[str, str]) -> int:
    """On a card."""
    data, weights = Path(options["data"]).absolute(), options["weights"]
    if not data.is_file():
        raise InputError(f"data={options['data']} does not exist; `pack` writes runs/bundle/data/data.yaml")
    if weights and not Path(weights).is_file():
        raise InputError(f"weights={weights} does not exist")
    import torch

    if not torch.cuda.is_available():
        raise InputError("run needs a CUDA device and torch sees none; `dry` does the same at toy size on a CPU")
    packed = data.parents[1] / "weights.pt"
    start = Path(weights).absolute() if weights else packed if packed.is_file() else None
    return run_all(Path(options["out"]).absolute(), data, start, False, float(options["limit"]), options["only"])


def dry(options: dict[str, str]) -> int:
    """At toy size, on generated squares."""
    from tests.tiny_data import write_tiny

    out = Path(options["out"]).absolute()
    data = out / "data" / "data.yaml"
    if not data.exists():
        write_tiny(out / "data", train=8, val=3)
    return run_all(out, data, None, True, float(options["limit"]), options["only"])


def part(options: dict[str, str]) -> int:
    """One part, in this process."""
    weights = Path(options["weights"]) if options["weights"] else None
    setting = Setting(
        Path(options["out"]), Path(options["data"]), weights, bool(options["toy"]), float(options["seconds"])
    )
    importlib.import_module(f"benchmarks.gpu_parts.{options['name']}").main(setting)
    return 0


def pack(options: dict[str, str]) -> int:
    """The bundle."""
    from benchmarks.gpu_parts import bundle

    if not options["data"]:
        raise InputError("pack needs data=HIT-UAV, the folder as it was downloaded")
    bundle.pack(**options)
    return 0


COMMANDS = {"run": run, "dry": dry, "pack": pack, "part": part}


def main(words: list[str]) -> int:
    """The exit code: 0, 1 where a part failed, 2 for what cannot be."""
    try:
        command = words[0] if words else ""
        if command not in COMMANDS:
            raise InputError(f"unknown command {command!r}{did_you_mean(command, ['run', 'dry', 'pack'])}")
        return COMMANDS[command](read_options(command, words[1:]))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
