"""Time and memory of SimOTA on crowded pictures of 1280 px: the sparse form, and the dense form it replaces.

    python benchmarks/assign.py

Each row runs in a process of its own. Memory is how far the peak rises above what the process held before the call.
The dense form is the plain one the tests check against; it is left out where its largest arrays would pass DENSE_LIMIT.
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
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SIZE, CLASSES, REPEATS, PATIENCE = 1280, 10, 10, 2.0  # pixels, classes, calls at most, seconds after which no more
DENSE_LIMIT = 4e9  # bytes


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


def measure(form: str, objects: int, p2: bool, radius: float, threads: int) -> dict[str, float] | None:
    """Seconds per image and MB above the baseline of one form, or None where the dense form does not fit."""
    sys.path.insert(0, str(ROOT))
    import torch

    from yolotiny.assigners.nearby import nearby_priors
    from yolotiny.assigners.simota import SimOTA

    torch.set_num_threads(threads)
    scenes = runpy.run_path(str(ROOT / "tests" / "assigners" / "test_simota.py"))
    assign = SimOTA(radius) if form == "sparse" else lambda *scene: scenes["dense_simota"](*scene, radius)
    assign(*scenes["random_scene"](20, 128))  # loads what torch loads on a first call
    scene = scenes["random_scene"](objects, SIZE, (4, 8, 16, 32) if p2 else (8, 16, 32), classes=CLASSES)
    if form == "dense":
        near, valid = nearby_priors(scene[2].boxes, scene[0].priors, radius)
        # The cross-entropy of every pair and class, one array in and one out, float32.
        if objects * len(near[valid].unique()) * CLASSES * 4 * 2 > DENSE_LIMIT:
            return None
    forget_peak()
    before, seconds = peak(), []
    with torch.no_grad():
        while len(seconds) < REPEATS and sum(seconds) < PATIENCE:
            start = time.perf_counter()
            assign(*scene)
            seconds.append(time.perf_counter() - start)
    return {"seconds": min(seconds), "mb": peak() - before}


def row(form: str, objects: int, p2: bool, radius: float, threads: int) -> dict[str, float] | None:
    """`measure` in a fresh process."""
    settings = ["--radius", str(radius), "--threads", str(threads)]
    command = [sys.executable, __file__, *settings, "--row", form, str(objects), str(int(p2))]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--radius", type=float, default=1.5, help="cells round an object's centre (default 1.5)")
    parser.add_argument("--threads", type=int, default=1, help="threads torch may use (default 1: steady times)")
    parser.add_argument("--row", nargs=3, metavar=("FORM", "OBJECTS", "P2"), help="measure one row, print JSON")
    args = parser.parse_args()
    if args.row:
        form, objects, p2 = args.row
        print(json.dumps(measure(form, int(objects), p2 == "1", args.radius, args.threads)))
        return
    print(f"SimOTA, one {SIZE} px image, {CLASSES} classes, radius {args.radius}, {args.threads} CPU thread(s)")
    print(f"{'levels':>8} {'objects':>8} | {'sparse s':>9} {'MB':>7} | {'dense s':>9} {'MB':>7} | dense / sparse")
    for p2 in (False, True):
        for objects in (100, 500, 1500):
            sparse, dense = (row(f, objects, p2, args.radius, args.threads) for f in ("sparse", "dense"))
            line = f"{'P2-P5' if p2 else 'P3-P5':>8} {objects:>8} | {sparse['seconds']:9.3f} {sparse['mb']:7.0f} | "
            if dense is None:
                line += f"{'-':>9} {'-':>7} | would not fit in {DENSE_LIMIT / 1e9:.0f} GB"
            else:
                ratios = f"{dense['seconds'] / sparse['seconds']:.0f}x time, {dense['mb'] / max(1, sparse['mb']):.0f}x"
                line += f"{dense['seconds']:9.3f} {dense['mb']:7.0f} | {ratios} memory"
            print(line, flush=True)


if __name__ == "__main__":
    main()
