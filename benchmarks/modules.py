"""Cost of SARL and SR-TOD: every variant beside its base, in one run on the CPU.

    python benchmarks/modules.py models=yolov5n,yolov5n-p2,yolox-nano imgsz=640 rounds=7 threads=2

Parameters, GFLOPs, milliseconds for one picture in evaluation and for one training step (forward, loss, backward) on
two pictures. The variants of a model take turns, so a busy machine slows all of them alike; the best of all rounds
counts, and the columns `x` are ratios to the base.
"""

import sys
import time
from pathlib import Path

import torch
from ultralytics.utils import DEFAULT_CFG

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.words import options_of  # noqa: E402
from yolotiny.config import load as config  # noqa: E402
from yolotiny.detector import Detector  # noqa: E402

MODELS = "yolov5n,yolov5n-p2,yolov5n-p2p3,yolox-nano,yolox-nano-p2"
OPTIONS = options_of(sys.argv[1:], {"models": MODELS, "imgsz": 640, "rounds": 7, "threads": 2})
VARIANTS = {  # suffix of the model's name, changes to it
    "base": ("", {}),
    "SARL": ("-sarl", {}),
    "RH only": ("-srtod", {"srtod.fusion": "none"}),
    "SR-TOD": ("-srtod", {}),
    "SR-TOD, rh_width .5": ("-srtod", {"srtod.rh_width": 0.5}),
    "SR-TOD, rh_width .25": ("-srtod", {"srtod.rh_width": 0.25}),
    "SARL + SR-TOD": ("-sarl-srtod", {}),
}


def build(model, suffix, changes):
    """A detector with random weights."""
    made = Detector(config.override(config.load(f"{model}{suffix}.yaml"), changes), nc=10)
    made.args = DEFAULT_CFG
    return made.to(memory_format=torch.channels_last)  # as trainer and predictor have it on a CPU


def evaluation(detector, batch):
    """Seconds of one picture."""
    detector.eval()
    x = batch["img"][:1]
    with torch.inference_mode():
        start = time.perf_counter()
        detector(x)
        return time.perf_counter() - start


def step(detector, batch):
    """Seconds of one training step."""
    detector.train().zero_grad()
    start = time.perf_counter()
    detector.loss(batch)[0].sum().backward()
    return time.perf_counter() - start


torch.manual_seed(0)
torch.set_num_threads(OPTIONS["threads"])
size = OPTIONS["imgsz"]
batch = {
    "img": torch.rand(2, 3, size, size).to(memory_format=torch.channels_last),
    "batch_idx": torch.arange(40) // 20,
    "cls": torch.randint(10, (40, 1)).float(),
    "bboxes": torch.cat((torch.rand(40, 2), torch.rand(40, 2) * 16 / size), 1),
}
print(OPTIONS)
for model in OPTIONS["models"].split(","):
    detectors = {name: build(model, *variant) for name, variant in VARIANTS.items()}
    best = {name: [float("inf")] * 2 for name in detectors}
    for i in range(OPTIONS["rounds"] + 1):
        for name, detector in detectors.items():
            times = evaluation(detector, batch), step(detector, batch)
            if i:  # the first round warms up
                best[name] = [min(a, b) for a, b in zip(best[name], times, strict=True)]
    cost = {name: detector.info(verbose=False, imgsz=size) for name, detector in detectors.items()}
    print(f"\n{model:22}{'parameters':>12}{'x':>6}{'GFLOPs':>9}{'x':>6}{'ms':>8}{'x':>6}{'ms step':>9}{'x':>6}")
    for name in detectors:
        row = [cost[name][1], cost[name][3], best[name][0] * 1e3, best[name][1] * 1e3]
        base = [cost["base"][1], cost["base"][3], best["base"][0] * 1e3, best["base"][1] * 1e3]
        n, flops, ms, train = ((a, a / b) for a, b in zip(row, base, strict=True))
        print(
            f"{name:22}{n[0]:12,}{n[1]:6.2f}{flops[0]:9.2f}{flops[1]:6.2f}"
            f"{ms[0]:8.1f}{ms[1]:6.2f}{train[0]:9.1f}{train[1]:6.2f}"
        )
