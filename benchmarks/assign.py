"""Time and memory of a training step's assignment on a crowded picture, for each assigner.

    python benchmarks/assign.py           # every assigner
    python benchmarks/assign.py --dense   # SimOTA beside the dense form that the tests check it against; a dash where
                                          # its largest arrays would pass DENSE_LIMIT

Each row runs in a process of its own. Time is that of the CPU, the least of several calls. Memory is how far the peak
rises above what the process held before the call. Predictions are made up and scattered round the objects as those of a
half-trained model; YOLOv5's assigners see three anchors a cell, the others one point.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import resource
import runpy
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SIZE, CLASSES, REPEATS, PATIENCE = 1280, 10, 10, 2.0  # pixels, classes, calls at most, seconds after which no more
DENSE_LIMIT = 4e9  # bytes
OBJECTS = (100, 500, 1500)
FORMS = {  # name -> assigner and whether it has three anchors a cell
    "wh_ratio": ("wh_ratio", True),
    "simota": ("simota", False),
    "simota nwd": ({"type": "simota", "metric": "nwd"}, False),
    "rka iou": ({"type": "rka", "metric": "iou"}, True),
    "rka nwd": ("rka", True),
    "rka nwd, points": ({"type": "rka", "scale": 4.0}, False),
    "dense": (None, False),
}


def peak() -> float:
    """Highest resident memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def forget_peak() -> None:
    """Give freed memory back and start the peak anew (Linux), so that a call cannot hide below what came before it."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    except (AttributeError, OSError, TypeError):
        print("the peak cannot be reset here: memory is a lower bound", file=sys.stderr)


def with_anchors(preds: Any) -> Any:
    """The scene's priors three times over, with sides of one, two and four cells; only geometric assigners see them."""
    import torch

    priors, parts, start = preds.priors, [], 0
    for count in priors.counts:
        level = slice(start, start + count)
        for factor in (1, 2, 4):
            parts.append((priors.centers[level], priors.sizes[level] * factor, priors.strides[level]))
        start += count
    shapes = tuple((3, h, w) for _, h, w in priors.shapes)
    return replace(preds, priors=type(priors)(*map(torch.cat, zip(*parts, strict=True)), shapes))


def measure(form: str, objects: int, p2: bool, radius: float, threads: int) -> dict[str, float] | None:
    """Seconds per image and MB above the baseline of one form, or None where the dense form does not fit."""
    sys.path.insert(0, str(ROOT))
    import torch

    from yolotiny.assigners import ASSIGNERS
    from yolotiny.assigners.nearby import nearby_priors
    from yolotiny.coders import V5Coder, YOLOXCoder
    from yolotiny.registry import build

    torch.set_num_threads(threads)
    scenes = runpy.run_path(str(ROOT / "tests" / "assigners" / "test_simota.py"))
    spec, anchors = FORMS[form]
    if form == "dense":
        assign = lambda *scene: scenes["dense_simota"](*scene, radius)  # noqa: E731
    else:
        coder = V5Coder() if anchors else YOLOXCoder()
        own = {"radius": radius} if "simota" in form else {}
        spec = {"type": spec} if isinstance(spec, str) else spec
        assign = build(spec | own, ASSIGNERS, coder=coder)

    def scene(objects: int, size: int, strides: tuple[int, ...] = (8, 16, 32)) -> tuple:
        preds, boxes, targets = scenes["random_scene"](objects, size, strides, classes=CLASSES)
        return (with_anchors(preds) if anchors else preds), boxes, targets

    assign(*scene(20, 128))  # loads what torch loads on a first call
    made = scene(objects, SIZE, (4, 8, 16, 32) if p2 else (8, 16, 32))
    if form == "dense":
        near, valid = nearby_priors(made[2].boxes, made[0].priors, radius)
        # The cross-entropy of every pair and class, one array in and one out, float32.
        if objects * len(near[valid].unique()) * CLASSES * 4 * 2 > DENSE_LIMIT:
            return None
    forget_peak()
    before, seconds = peak(), []
    clock = time.process_time if threads == 1 else time.perf_counter  # one thread: other programs do not count
    with torch.no_grad():
        while len(seconds) < REPEATS and sum(seconds) < PATIENCE:
            start = clock()
            assign(*made)
            seconds.append(clock() - start)
    return {"seconds": min(seconds), "mb": peak() - before}


def row(form: str, objects: int, p2: bool, radius: float, threads: int) -> dict[str, float] | None:
    """`measure` in a fresh process."""
    settings = ["--radius", str(radius), "--threads", str(threads)]
    command = [sys.executable, __file__, *settings, "--row", form, str(objects), str(int(p2))]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def cell(found: dict[str, float] | None) -> str:
    """Seconds and megabytes of one measurement."""
    return f"{'-':>7} s {'-':>5} MB" if found is None else f"{found['seconds']:>7.3f} s {found['mb']:>5.0f} MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dense", action="store_true", help="SimOTA beside its dense form, instead of all assigners")
    parser.add_argument("--radius", type=float, default=1.5, help="cells round an object's centre (default 1.5)")
    parser.add_argument("--threads", type=int, default=1, help="threads torch may use (default 1: steady times)")
    parser.add_argument("--row", nargs=3, metavar=("FORM", "OBJECTS", "P2"), help="measure one row, print JSON")
    args = parser.parse_args()
    if args.row:
        form, objects, p2 = args.row
        print(json.dumps(measure(form, int(objects), p2 == "1", args.radius, args.threads)))
        return
    forms = ("simota", "dense") if args.dense else tuple(f for f in FORMS if f != "dense")
    print(f"assignment of one {SIZE} px image, {CLASSES} classes, {args.threads} CPU thread(s), by number of objects")
    print(f"{'levels':>8} {'assigner':>16} |" + "".join(f"{n:>18} |" for n in OBJECTS))
    for p2 in (False, True):
        for form in forms:
            cells = [cell(row(form, n, p2, args.radius, args.threads)) for n in OBJECTS]
            print(f"{'P2-P5' if p2 else 'P3-P5':>8} {form:>16} |" + "".join(f"{c} |" for c in cells), flush=True)


if __name__ == "__main__":
    main()
