"""What YOLC costs: finding clusters, drawing targets, refining boxes, and the memory of its full-size heat map.

    python benchmarks/yolc.py

Maps of 1024x640 px and ten classes. Each memory row runs in a process of its own and is one training step on one
picture: of the heat branch alone (384 channels in, as on HRNet-W48), computed as one convolution and as the two it
equals; then of whole models, with the loss of 300 objects, without an optimizer.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
H, W, CLASSES, OBJECTS, REPEATS = 640, 1024, 10, 1500, 20
TWO = "heat branch, two convolutions"
sys.path.insert(0, str(ROOT))


def milliseconds(work: Callable[[], object]) -> str:
    """Least and median time of a call."""
    work()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        seconds.append(1e3 * (time.perf_counter() - start))
    return f"{min(seconds):8.2f} {statistics.median(seconds):8.2f}"


def times(threads: int) -> None:
    """A row per piece of work."""
    import numpy as np
    import torch
    import torch.nn.functional as F
    from torchvision.ops import deform_conv2d

    from yolotiny.nn.peaks import blur, is_peak, peaks
    from yolotiny.nn.refine import BoxConv, points_in_box
    from yolotiny.ops.gaussian import draw_gaussians, gaussian_radius
    from yolotiny.slicing import lsm

    torch.set_num_threads(threads)
    g = torch.Generator().manual_seed(0)
    heat = np.random.default_rng(0).random((H, W), dtype=np.float32) ** 6
    sizes = 2 ** (2 + 3 * torch.rand(OBJECTS, 2, generator=g))  # 4 to 32 px
    centre = (torch.rand(OBJECTS, 2, generator=g) * torch.tensor([W, H])).long()
    plane = torch.randint(CLASSES, (OBJECTS,), generator=g)
    maps = torch.rand(1, CLASSES, H, W, generator=g)
    x = torch.randn(1, 96, H // 4, W // 4, generator=g)
    points = points_in_box(torch.rand(1, 4, H // 4, W // 4), torch.rand(1, 18, H // 4, W // 4))
    conv = BoxConv(96, 4)
    away = points.flatten(1, 2) * 0
    rows: dict[str, Callable[[], object]] = {
        "clusters of a map (lsm)": lambda: lsm(heat),
        f"Gaussians of {OBJECTS} objects": lambda: draw_gaussians(
            CLASSES, (H, W), plane, centre, gaussian_radius(sizes).long()
        ),
        "blur": lambda: blur(maps, CLASSES),
        "peaks": lambda: is_peak(maps),
        "peaks by pooling": lambda: maps == F.max_pool2d(maps, 3, 1, 1),
        "peaks and the best 1000": lambda: peaks(maps, 1000),
        "refinement": lambda: conv(x, points),
        "refinement by deform_conv2d": lambda: deform_conv2d(x, away, conv.weight, padding=1),
    }
    print(f"{'milliseconds, ' + str(threads) + ' threads':32} {'least':>8} {'median':>8}")
    with torch.no_grad():
        for name, work in rows.items():
            print(f"{name:32} {milliseconds(work)}", flush=True)


def memory(form: str) -> None:
    """Peak of one training step above what was there before, and its time."""
    import torch

    from yolotiny.detector import Detector
    from yolotiny.nn.center_head import HeatBranch

    torch.manual_seed(0)
    work: Callable[[], torch.Tensor]
    if form.endswith(".yaml"):
        model, boxes = Detector(form, nc=CLASSES), torch.rand(300, 4) * torch.tensor([1, 1, 0.03, 0.03])
        batch = {"img": torch.rand(1, 3, H, W), "bboxes": boxes, "cls": torch.zeros(300, 1)}
        work = lambda: model.loss(batch | {"batch_idx": torch.zeros(300)})[0].sum()  # noqa: E731
    else:
        branch, x = HeatBranch(384, CLASSES), torch.randn(1, 384, H // 4, W // 4)
        work = lambda: branch(x).square().mean()  # noqa: E731
        if form == TWO:
            work = lambda: branch.out(branch.up2(branch.up1(branch.conv(x)).relu())).square().mean()  # noqa: E731
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    work().backward()
    took = time.perf_counter() - start
    unit = 2**20 if sys.platform == "darwin" else 2**10
    print(f"{form:32} {(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / unit:8.0f} {took:8.1f}")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--form", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.form:
        memory(options.form)
        return
    times(options.threads)
    print(f"\n{'one picture, forward, backward':32} {'MB':>8} {'seconds':>8}", flush=True)
    for form in ("heat branch, one convolution", TWO, "yolc-n.yaml", "yolc-w18.yaml", "yolc-w48.yaml"):
        subprocess.run([sys.executable, __file__, "--form", form], check=True)


if __name__ == "__main__":
    main()
