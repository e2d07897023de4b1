"""Time of a training epoch and of a validation pass, ours beside ultralytics' own yolov5n, in one run.

The arms take turns and the fastest of their rounds counts, so that another program on the machine disturbs little; the
last column is the ratio to the first arm. With threads=1 the seconds are those of the processor, which another program
disturbs less still. The validation of the two differs in work: ours keeps 1,500 boxes a picture and adds the AI-TOD
figures.

    python benchmarks/train.py data=datasets/hit-uav/data.yaml imgsz=320 batch=16 fraction=0.25 rounds=3 threads=2

With `teacher=FILE.pt` two other arms are timed: yolov5n-p2p3 alone, and with that teacher at twice the size.

Without `threads` each side takes the threads it takes for itself: ultralytics leaves a core idle, we use all.
"""

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import yolotiny._compat as compat  # noqa: E402 (before ultralytics is imported: it notes the user's OMP_NUM_THREADS)
from benchmarks.words import options_of  # noqa: E402

DEFAULTS = {"data": "", "imgsz": 320, "batch": 16, "fraction": 0.25, "rounds": 3, "threads": 0, "teacher": ""}
OPTIONS = options_of(sys.argv[1:], DEFAULTS, ["data"])

import ultralytics.utils.torch_utils as torch_utils  # noqa: E402
from ultralytics import YOLO as Ultralytics  # noqa: E402

OWN = torch_utils.NUM_THREADS  # what ultralytics takes; the next import changes it for the whole process

from yolotiny import YOLO  # noqa: E402

ARMS = {
    "ultralytics yolov5n": (Ultralytics, "yolov5n.yaml", {}),
    "yolov5n, official recipe": (YOLO, "yolov5n.yaml", {"recipe": "yolov5-official"}),
    "yolov5n, default recipe": (YOLO, "yolov5n.yaml", {}),
    "yolov5n-p2p3, default recipe": (YOLO, "yolov5n-p2p3.yaml", {}),
    "yolov5n-p2, default recipe": (YOLO, "yolov5n-p2.yaml", {}),
    "yolox-nano": (YOLO, "yolox-nano.yaml", {}),
}
if OPTIONS["teacher"]:
    ARMS = {
        "yolov5n-p2p3, alone": (YOLO, "yolov5n-p2p3.yaml", {}),
        "yolov5n-p2p3, with a teacher": (YOLO, "yolov5n-p2p3.yaml", {"teacher": OPTIONS["teacher"]}),
    }


def once(maker, model, extra):
    """Seconds of (training, validation) of one epoch."""
    clock, now = {}, time.process_time if OPTIONS["threads"] == 1 else time.perf_counter

    def mark(name):
        return lambda trainer: clock.setdefault(name, now())

    m = maker(model)
    for event in ("on_train_epoch_start", "on_train_epoch_end", "on_fit_epoch_end"):
        m.add_callback(event, mark(event))
    keys = {k: OPTIONS[k] for k in ("data", "imgsz", "batch", "fraction")}
    torch_utils.NUM_THREADS = OPTIONS["threads"] or (OWN if maker is Ultralytics else compat.cpu_threads())
    with tempfile.TemporaryDirectory() as run:
        m.train(**keys, **extra, epochs=1, device="cpu", plots=False, save=False, project=run, verbose=False)
    start, end, fit = (clock[k] for k in ("on_train_epoch_start", "on_train_epoch_end", "on_fit_epoch_end"))
    return end - start, fit - end


times = {name: [] for name in ARMS}
for _ in range(OPTIONS["rounds"]):
    for name, arm in ARMS.items():
        times[name].append(once(*arm))
base_train, base_val = (min(t[i] for t in times[next(iter(ARMS))]) for i in (0, 1))
print(f"\n{OPTIONS}\n{'arm':28}{'train s':>10}{'ratio':>8}{'val s':>10}{'ratio':>8}")
for name, rows in times.items():
    train, val = (min(r[i] for r in rows) for i in (0, 1))
    print(f"{name:28}{train:10.1f}{train / base_train:8.2f}{val:10.1f}{val / base_val:8.2f}")
