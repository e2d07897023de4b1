"""What UGS costs: time and memory of a training step by part, and parameters and GFLOPs of the trained detector.

    python benchmarks/ugs.py [models=yolov5s,yolox-s] [imgsz=320] [batch=4] [rounds=7] [device=cpu]

Arms: off (the direct coder), CE, CE+UM, CE+UM+UR. A step is forward, loss and backward on one batch of grain with 60
objects a picture. The arms take turns, so a change of the machine's load meets all of them. Time is the
least of the rounds, of the processor on a CPU and of the clock on a GPU. Memory is the rise of the
peak within a step: of the process on a CPU (Linux), of torch's allocator on a GPU.
"""

from __future__ import annotations

import ctypes
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = {"models": "yolov5s,yolox-s", "imgsz": 320, "batch": 4, "rounds": 7, "device": "cpu"}
OFF = {"loss.bins.gamma": 0}
ARMS: dict[str, dict[str, Any] | None] = {
    "off": None,
    "CE": OFF | {"loss.bins.entropy": 0},
    "CE+UM": OFF,
    "CE+UM+UR": {},
}


def settle(cuda: bool) -> float:
    """Start the peak anew and return what is held now, MB."""
    import torch

    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated() / 2**20
    try:
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    except (AttributeError, OSError, TypeError):
        sys.exit("the peak of a process cannot be reset here: run it on Linux, or with device=0")
    return peak(False)


def peak(cuda: bool) -> float:
    """Most memory held since `settle`, MB."""
    import torch

    if cuda:
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def main() -> None:
    """Measure and print."""
    sys.path.insert(0, str(ROOT))
    import torch

    from benchmarks.words import options_of
    from yolotiny.config import load as config
    from yolotiny.detector import Detector

    options = options_of(sys.argv[1:], OPTIONS)
    imgsz, batch, rounds = (options[k] for k in ("imgsz", "batch", "rounds"))
    device = torch.device("cpu" if options["device"] == "cpu" else f"cuda:{options['device']}")
    cuda = device.type == "cuda"
    clock = time.perf_counter if cuda else time.process_time  # other programs do not count
    g, objects = torch.Generator().manual_seed(0), 60 * batch
    images = {
        "img": torch.rand(batch, 3, imgsz, imgsz, generator=g).to(device),
        "batch_idx": torch.arange(batch).repeat_interleave(60).float(),
        "cls": torch.randint(4, (objects, 1), generator=g).float(),
        "bboxes": torch.cat(
            (torch.rand(objects, 2, generator=g), (4 + 28 * torch.rand(objects, 2, generator=g)) / imgsz), 1
        ),
    }
    print(f"{batch} pictures of {imgsz} px, 60 objects each, {device}, {torch.get_num_threads()} thread(s)")
    for name in options["models"].split(","):
        arms = {}
        for arm, changes in ARMS.items():
            torch.manual_seed(0)
            cfg = config.load(name) if changes is None else config.load(f"{name}-ugs", changes)
            arms[arm] = Detector(cfg, nc=4).to(device).train()
        seconds: dict[str, list[float]] = {arm: [] for arm in arms}
        memory: dict[str, list[float]] = {arm: [] for arm in arms}
        for _ in range(rounds + 1):
            for arm, model in arms.items():
                model.zero_grad(set_to_none=True)
                held, start = settle(cuda), clock()
                model.loss(images)[0].sum().backward()
                high = peak(cuda)
                seconds[arm].append(clock() - start)
                memory[arm].append(high - held)
        print(f"\n| {name} | step s | ratio | MB | ratio | parameters | GFLOPs at 640 |\n|---|---|---|---|---|---|---|")
        for arm, model in arms.items():
            t, m = min(seconds[arm][1:]), statistics.median(memory[arm][1:])
            t0, m0 = min(seconds["off"][1:]), statistics.median(memory["off"][1:])
            _, parameters, _, gflops = model.cpu().info(verbose=False, imgsz=640)
            print(f"| {arm} | {t:.3f} | {t / t0:.2f} | {m:.0f} | {m / m0:.2f} | {parameters:,} | {gflops:.2f} |")


if __name__ == "__main__":
    main()
