"""A data set of bright squares on dark ground, and models trained on it for a moment: enough to see wiring."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
QUICK = {"epochs": 1, "imgsz": 64, "batch": 4, "plots": False, "verbose": False, "device": "cpu", "warmup_epochs": 0.0}
COLOURS = [(60, 250, 250), (250, 60, 60), (60, 250, 60)]
_rooms: list[tempfile.TemporaryDirectory] = []  # kept until the interpreter ends


def write_tiny(to: Path, train: int = 8, val: int = 4, size: int = 96, boxes: int = 6, nc: int = 2) -> Path:
    """Write pictures `size` pixels square with `boxes` squares of 4-11 px each; return the data YAML."""
    rng = np.random.default_rng(0)
    for split, count in (("train", train), ("val", val)):
        for i in range(count):
            image = rng.integers(40, 80, (size, size, 3), dtype=np.uint8)
            rows = []
            for _ in range(boxes):
                (w, h), (x, y), c = rng.integers(4, 12, 2), rng.integers(0, size - 12, 2), int(rng.integers(nc))
                image[y : y + h, x : x + w] = COLOURS[c]
                rows.append((c, (x + w / 2) / size, (y + h / 2) / size, w / size, h / size))
            add_picture(to, split, f"{i}.png", image, rows)
    file = to / "data.yaml"
    names = "\n".join(f"  {i}: {'abc'[i]}" for i in range(nc))
    file.write_text(f"path: {to.resolve()}\ntrain: images/train\nval: images/val\nnames:\n{names}\n")
    return file


def add_picture(to: Path, split: str, name: str, image: np.ndarray, rows: Iterable[tuple], ignore: Any = ()) -> Path:
    """Write one picture with its label rows and ignore regions; return the picture's path."""
    for folder in ("images", "labels", *(["ignore"] if len(ignore) else [])):
        (to / folder / split).mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(to / "images" / split / name), image)
    texts = {"labels": rows, **({"ignore": ignore} if len(ignore) else {})}
    for folder, table in texts.items():
        text = "".join(" ".join(map(str, row)) + "\n" for row in table)
        (to / folder / split / name).with_suffix(".txt").write_text(text)
    return to / "images" / split / name


def room() -> Path:
    """A folder that lasts as long as the tests."""
    _rooms.append(tempfile.TemporaryDirectory(prefix="yolotiny-tests-", ignore_cleanup_errors=True))
    return Path(_rooms[-1].name)


@functools.cache
def trained(model: str = "yolov5n.yaml") -> SimpleNamespace:
    """One two-epoch run, shared by all tests: `data`, `run` (its folder), `best` and `last`."""
    from yolotiny import YOLO

    to = room()
    data = write_tiny(to / "data")
    YOLO(model).train(data=str(data), project=str(to), name="run", **(QUICK | {"epochs": 2}))
    weights = to / "run" / "weights"
    return SimpleNamespace(data=data, run=to / "run", best=weights / "best.pt", last=weights / "last.pt")


def start(*words: Any, code: str | None = None, cwd: Path | None = None) -> subprocess.Popen:
    """Start the command line (or a piece of Python) in a process of its own."""
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "yolotiny"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*command, *map(str, words)], cwd=cwd or ROOT, env=environment, **pipes)
