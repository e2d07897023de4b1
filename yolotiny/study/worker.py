"""The process of one run: train or go on, look in each way that is asked for, and say what it took.

    python -m yolotiny.study.worker FOLDER/ARM-SEED.json

It holds the lock of the run as long as it lives, so a run has one process, whoever started it; what a kill leaves is
taken up from the last checkpoint.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import torch

from .. import __version__, checkpoint
from ..errors import InputError
from ..files import write_text
from ..model import YOLO
from .measured import with_measured
from .records import CAME, LOOKED, Run, epochs_of

TAKEN = 75  # exit code: another process works on this run
OF_PLACE = ("device", "workers", "cache")  # a run may go on with other ones
OF_LOOK = ("data", "imgsz", "device", "workers", "protocol", "batch")  # options of training that its looks share


def work(run: Run) -> bool:
    """Do what is left of a run; False where another process has it."""
    lock = run.lock
    try:
        lock.acquire()
    except TimeoutError:
        return False
    with lock:
        if not run.trained:
            begun, run = time.monotonic(), with_measured(run)
            train(run)
            write_text(run.place / CAME, json.dumps(came(run, time.monotonic() - begun), indent=1) + "\n")
        for name in run.looks:
            if not run.looked(name):
                look(run, name)
    return True


def train(run: Run) -> None:
    """Train from the beginning or from the last checkpoint, or find that nothing is left to train."""
    if not run.last.exists():
        shutil.rmtree(run.place, ignore_errors=True)  # rows of an epoch that was cut off
        YOLO(run.model).train(**run.call)
    elif checkpoint.read(run.last).get("optimizer") is not None:
        YOLO(run.last).train(resume=True, **{k: v for k, v in run.options.items() if k in OF_PLACE})


def look(run: Run, name: str) -> None:
    """Validate the last weights in one more way."""
    shared = {k: run.options[k] for k in OF_LOOK if run.options.get(k) is not None}
    place = {"project": str(run.place), "name": name, "exist_ok": True, "plots": False}
    YOLO(run.last).val(**shared | place | run.looks[name])
    write_text(run.place / name / LOOKED, json.dumps({"options": run.looks[name]}) + "\n")


def came(run: Run, seconds: float) -> dict[str, Any]:
    """What a run is known by once it is trained."""
    epochs, trained = epochs_of(run)
    card = torch.cuda.is_available() and run.options.get("device") != "cpu"
    about = {"command": run.command, "version": __version__, "commit": commit()}
    about |= {"date": datetime.now().astimezone().isoformat(" ", "seconds"), "torch": torch.__version__}
    about |= {"machine": torch.cuda.get_device_name() if card else f"CPU {platform.machine()}"}
    about |= {"threads": torch.get_num_threads(), "epochs": epochs, "seconds": round(trained, 1)}
    about |= {"seconds_of_last_try": round(seconds, 1), "peak_mb": peak_mb()}
    return about | ({"peak_gpu_mb": round(torch.cuda.max_memory_allocated() / 2**20)} if card else {})


def peak_mb() -> int | None:
    """Most memory that this process has had, resident, in MB; None where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (2**20 if sys.platform == "darwin" else 2**10))


def commit() -> str | None:
    """The commit that the package is at, with a + where files of it were changed since; None where it is installed."""
    package = Path(__file__).resolve().parents[1]

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", str(package), *words], capture_output=True, text=True, check=True).stdout

    with suppress(OSError, subprocess.CalledProcessError):
        git("ls-files", "--error-unmatch", "__init__.py")  # not a package that lies in a repository of somebody else
        return git("rev-parse", "HEAD").strip() + ("+" if git("status", "--porcelain", "-uno", ".").strip() else "")
    return None


def main(asked: str) -> int:
    """Work on the run of one file; the log ends with the line that says what went wrong."""
    run = Run.read(Path(asked))
    print(f"\n{datetime.now().astimezone().isoformat(' ', 'seconds')}, {commit() or __version__}: {run.command}")
    try:
        return 0 if work(run) else TAKEN
    except KeyboardInterrupt as stop:
        print(f"interrupted; {stop}", file=sys.stderr)
        return getattr(stop, "code", 130)
    except Exception as error:
        if not isinstance(error, InputError):
            traceback.print_exc()
        print(f"error: {' '.join(str(error).split()) or type(error).__name__}", file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
