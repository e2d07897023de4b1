"""The runtime beside `YOLO("x.onnx").predict`, ultralytics' own, and sahi, each in a process of its own.

    python benchmarks/runtime.py model=best.onnx picture=4k.jpg [small=640.jpg] [rounds=5] [threads=2] [json=out.json]

Two tables. The first: seconds from the start of the process to the first box, pictures a second of a small picture
(`small`, else the large one scaled to 640 pixels), and peak memory. The second, on the large picture (scaled to 3840
pixels on its longer side) with every kind of crops: pictures a second, the share of time outside the network, forwards,
and memory; sahi slices with its default overlap and a full pass. Pictures are decoded before; what decoding takes
stands in a line of its own. The median of `rounds` counts. All give the same file to ONNX Runtime; `threads` is of the
runtime alone.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.words import options_of  # noqa: E402

OPTIONS = {"model": "", "picture": "", "small": "", "rounds": "5", "threads": "0", "json": ""}
LARGE, SMALL = 3840, 640  # pixels, longer side
CROPS = ("none", "grid", "lsm", "auto")
FIRST = {  # programs that print when the first box is there
    "runtime": "from yolotiny.runtime import Detector; r = Detector({model!r})({picture!r}); r[0].boxes",
    "yolotiny": "from yolotiny import YOLO; r = YOLO({model!r}).predict({picture!r}, verbose=False); r[0].boxes.xyxy",
    "ultralytics": "from ultralytics import YOLO; "
    "r = YOLO({model!r}, task='detect').predict({picture!r}, verbose=False); r[0].boxes.xyxy",
}


class Stopwatch:
    """Wall time inside a function, and how often it ran."""

    def __init__(self, run: Callable[..., Any]):
        self.run, self.seconds, self.calls = run, 0.0, 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        out = self.run(*args, **kwargs)
        self.seconds += time.perf_counter() - start
        self.calls += 1
        return out


def watched_session(session: Any) -> Stopwatch:
    """A stopwatch in the place of an ONNX Runtime session's `run`."""
    watch = Stopwatch(session.run)
    session.run = watch
    return watch


def by_runtime(model: str, crops: str, threads: int | None) -> tuple[Callable[[Any], Any], Stopwatch]:
    """The runtime, and its stopwatch."""
    from yolotiny.runtime import Detector

    detector = Detector(model, threads=threads)
    watch = detector.network.backend = watched(detector.network.backend)
    return lambda picture: detector(picture, crops=crops)[0].boxes, watch


def watched(backend: Any) -> Stopwatch:
    """A stopwatch that looks like the backend it is round."""
    watch = Stopwatch(backend)
    watch.signature = backend.signature  # type: ignore[attr-defined]
    return watch


def by_yolotiny(model: str, crops: str, threads: int | None) -> tuple[Callable[[Any], Any], Stopwatch]:
    """`YOLO(file).predict` of the full package."""
    import numpy as np

    from yolotiny import YOLO

    yolo = YOLO(model)
    yolo.predict(np.zeros((64, 64, 3), np.uint8), verbose=False)
    watch = watched_session(yolo.predictor.model.network.backend.session)
    return lambda picture: yolo.predict(picture, crops=crops, verbose=False)[0].boxes.xyxy, watch


def by_ultralytics(model: str, crops: str, threads: int | None) -> tuple[Callable[[Any], Any], Stopwatch]:
    """`YOLO(file).predict` of ultralytics, which has no crops."""
    import numpy as np
    from ultralytics import YOLO

    yolo = YOLO(model, task="detect")
    yolo.predict(np.zeros((64, 64, 3), np.uint8), verbose=False)
    watch = watched_session(yolo.predictor.model.backend.session)
    return lambda picture: yolo.predict(picture, verbose=False)[0].boxes.xyxy, watch


def by_sahi(model: str, crops: str, threads: int | None) -> tuple[Callable[[Any], Any], Stopwatch]:
    """sahi's slices of the same file, of the size of its input."""
    import numpy as np
    from sahi import AutoDetectionModel
    from sahi.predict import get_sliced_prediction

    made = AutoDetectionModel.from_pretrained(
        "ultralytics", model_path=model, task="detect", confidence_threshold=0.25, device="cpu"
    )
    made.perform_inference(np.zeros((64, 64, 3), np.uint8))
    watch = watched_session(made.model.predictor.model.backend.session)

    def run(picture: Any) -> Any:
        rgb = picture[..., ::-1]
        return get_sliced_prediction(rgb, made, slice_height=SMALL, slice_width=SMALL, verbose=0).object_prediction_list

    return run, watch


SUBJECTS = {"runtime": by_runtime, "yolotiny": by_yolotiny, "ultralytics": by_ultralytics, "sahi": by_sahi}


def measure(subject: str, model: str, picture: str, side: int, crops: str, rounds: int, threads: int | None) -> None:
    """Print what one subject takes for one picture, as JSON; the process ends then."""
    start = time.perf_counter()
    image = cv2.imread(picture)
    decoding = time.perf_counter() - start
    ratio = side / max(image.shape[:2])
    image = cv2.resize(image, None, fx=ratio, fy=ratio)
    run, watch = SUBJECTS[subject](model, crops, threads)
    boxes = run(image)
    seconds, inside = [], []
    for _ in range(rounds):
        before, start = watch.seconds, time.perf_counter()
        run(image)
        seconds.append(time.perf_counter() - start)
        inside.append(watch.seconds - before)
    took = statistics.median(seconds)
    outside = statistics.median(1 - i / s for i, s in zip(inside, seconds, strict=True))
    found = {"subject": subject, "crops": crops, "side": side, "boxes": len(boxes), "seconds": took}
    found |= {"outside": outside, "forwards": watch.calls / (rounds + 1), "decoding": decoding, "memory": memory()}
    print(json.dumps(found))


def memory() -> float:
    """Peak of this process, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_process(*words: str) -> dict[str, Any]:
    """What `measure` prints in a process of its own."""
    done = subprocess.run([sys.executable, __file__, "measure", *words], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1])


def first_box(subject: str, model: str, picture: str, rounds: int) -> float:
    """Seconds from the start of a process to its first box, median."""
    code = FIRST[subject].format(model=model, picture=picture)
    env = os.environ | {"PYTHONPATH": str(ROOT), "YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "0"}
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-c", f"{code}; print('box', flush=True); import os; os._exit(0)"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=env,
        ) as process:
            assert process.stdout is not None
            if not any(line.startswith("box") for line in process.stdout):
                sys.exit(f"{subject} gave no box")
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main(options: dict[str, str]) -> None:
    """Both tables."""
    model, picture = str(Path(options["model"]).resolve()), str(Path(options["picture"]).resolve())
    small, rounds, threads = options["small"] or picture, options["rounds"], options["threads"]
    out = []
    print(f"{'':12}{'first box s':>12}{'per s at 640':>14}{'outside %':>11}{'MB':>7}")
    for subject in FIRST:
        start = first_box(subject, model, small, int(rounds))
        row = in_process(subject, model, small, str(SMALL), "none", str(4 * int(rounds)), threads) | {"start": start}
        out.append(row)
        speed = 1 / row["seconds"]
        print(f"{subject:12}{start:12.2f}{speed:14.1f}{100 * row['outside']:11.1f}{row['memory']:7.0f}", flush=True)
    print(f"\n{'at 4K':12}{'crops':>8}{'per s':>8}{'outside %':>11}{'forwards':>10}{'boxes':>7}{'MB':>7}")
    arms = [(s, c) for s in ("runtime", "yolotiny") for c in CROPS] + [("sahi", "grid")]
    for subject, crops in arms:
        row = in_process(subject, model, picture, str(LARGE), crops, rounds, threads)
        out.append(row)
        figures = f"{1 / row['seconds']:8.2f}{100 * row['outside']:11.1f}{row['forwards']:10.1f}"
        print(f"{subject:12}{crops:>8}{figures}{row['boxes']:7}{row['memory']:7.0f}", flush=True)
    print(f"\ndecoding the large picture: {1e3 * out[-1]['decoding']:.0f} ms")
    if options["json"]:
        Path(options["json"]).write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        subject, model, picture, side, crops, rounds, threads = sys.argv[2:]
        measure(subject, model, picture, int(side), crops, int(rounds), int(threads) or None)
    else:
        main(options_of(sys.argv[1:], OPTIONS, ["model", "picture"]))
