"""Time and memory of the evaluator beside pycocotools, in one run, on generated boxes as many as in VisDrone's val set.

548 images, 38,759 objects and 160,000 detections in ten classes, five size ranges, up to 1,500 detections per class and
image. `evaluate` is the whole call, checks of every row, data hash and oLRP included; `with analysis` adds recall by
size, errors and counting; `intervals` the bootstrap of 500 samples; `from files` parses the JSON as well; `core` is
matching and accumulation alone. Seconds of the processor (cpu s) are what other programs on the machine change less.

    python benchmarks/eval.py rounds=3
"""

import contextlib
import io
import json
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.words import options_of  # noqa: E402
from yolotiny.metrics import PROTOCOLS, evaluate, evaluate_scene  # noqa: E402
from yolotiny.metrics.inputs import read  # noqa: E402
from yolotiny.metrics.matching import ALL  # noqa: E402

IMAGES, OBJECTS, DETECTIONS, CLASSES = 548, 38_759, 160_000, 10
SIZES = {"all": ALL, **PROTOCOLS["aitod"].sizes}
CAPS = [1, 100, 1500]
CORE = replace(PROTOCOLS["aitod"], olrp=False)
rounds = options_of(sys.argv[1:], {"rounds": 3})["rounds"]


def data():
    """COCO ground truth and detections: noisy copies of objects, and false alarms."""
    r = np.random.default_rng(0)
    image, label = r.integers(1, IMAGES + 1, OBJECTS), r.integers(1, CLASSES + 1, OBJECTS)
    boxes = np.c_[r.uniform(0, 1300, (OBJECTS, 2)), r.lognormal(2.7, 0.7, (OBJECTS, 2)).clip(2, 300)]
    gt = {
        "images": [{"id": i} for i in range(1, IMAGES + 1)],
        "categories": [{"id": k, "name": f"class {k}"} for k in range(1, CLASSES + 1)],
        "annotations": [
            {"id": i, "image_id": int(m), "category_id": int(k), "bbox": b, "area": b[2] * b[3], "iscrowd": 0}
            for i, (m, k, b) in enumerate(zip(image, label, boxes.tolist(), strict=True), 1)
        ],
    }
    of = r.integers(0, OBJECTS, DETECTIONS)
    found = boxes[of] + r.normal(0, 0.15, (DETECTIONS, 4)) * boxes[of][:, [2, 3, 2, 3]]
    false = r.random(DETECTIONS) < 0.4
    found[false, :2] = r.uniform(0, 1300, (int(false.sum()), 2))
    found[:, 2:] = found[:, 2:].clip(1)
    rows = zip(image[of].tolist(), label[of].tolist(), found.tolist(), r.random(DETECTIONS).tolist(), strict=True)
    return gt, [{"image_id": m, "category_id": k, "bbox": b, "score": s} for m, k, b, s in rows]


def by_pycocotools(gt, pred):
    """The same five ranges and caps."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = gt
        coco.createIndex()
        run = COCOeval(coco, coco.loadRes([dict(row) for row in pred]), "bbox")
        run.params.areaRng, run.params.areaRngLbl = [list(v) for v in SIZES.values()], list(SIZES)
        run.params.maxDets = CAPS
        run.evaluate()
        run.accumulate()
    return float(run.eval["precision"][..., 0, -1][run.eval["precision"][..., 0, -1] > -1].mean())


def peak():
    """Highest memory of the process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


gt, pred = data()
scene = read(gt, pred)
folder = tempfile.TemporaryDirectory()
files = [Path(folder.name) / name for name in ("gt.json", "pred.json")]
for file, content in zip(files, (gt, pred), strict=True):
    file.write_text(json.dumps(content))
arms = {
    "evaluate": lambda: evaluate(gt, pred)["AP"],
    "with analysis": lambda: evaluate(gt, pred, analysis=True)["AP"],
    "with intervals": lambda: evaluate_scene(lambda: read(gt, pred), samples=500).report["AP"],
    "from files": lambda: evaluate(*files)["AP"],
    "core": lambda: CORE(scene)["AP"],
    "faster-coco-eval": lambda: evaluate(gt, pred, backend="faster-coco-eval")["AP"],
    "hotcoco": lambda: evaluate(gt, pred, backend="hotcoco")["AP"],
    "visdrone": lambda: evaluate(gt, pred, "visdrone")["AP"],
    "pycocotools": lambda: by_pycocotools(gt, pred),
}
times, cpu = {name: [] for name in arms}, {name: [] for name in arms}
memory, value = {}, {}
start = peak()
for _ in range(rounds):
    for name, arm in arms.items():
        t, busy = time.perf_counter(), time.process_time()
        value[name] = arm()
        times[name].append(time.perf_counter() - t)
        cpu[name].append(time.process_time() - busy)
        memory.setdefault(name, peak())
base, base_cpu = (statistics.median(x["pycocotools"]) for x in (times, cpu))
heads = f"{'s':>8}{'times faster':>14}{'cpu s':>8}{'times faster':>14}{'peak MB':>9}{'AP':>10}"
print(f"{'arm':20}{heads}   (before: {start:.0f} MB)")
for name, row in times.items():
    s, c = statistics.median(row), statistics.median(cpu[name])
    ap = "" if value[name] is None else f"{value[name]:.6f}"
    print(f"{name:20}{s:8.2f}{base / s:14.1f}{c:8.2f}{base_cpu / c:14.1f}{memory[name]:9.0f}{ap:>10}")
