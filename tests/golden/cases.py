"""Fixed cases through the public door, each a mapping of names to arrays: what a move of code must leave as it is.

They name nothing below `YOLO` and the command line, so they run unchanged whatever the rooms are called.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from ultralytics.utils import DEFAULT_CFG_DICT

from tests.detectors import awake, pictures
from tests.tiny_data import COLOURS, QUICK, add_picture
from yolotiny import YOLO
from yolotiny.cli import main as cli
from yolotiny.detector import Detector

QUIET = {"imgsz": 128, "verbose": False, "device": "cpu", "project": "unused", "max_det": 300}
STILL = {"mosaic": 0.0, "degrees": 0.0, "translate": 0.0, "scale": 0.0, "fliplr": 0.0}
CROPS = {
    "none": {"crops": "none"},
    "grid": {"crops": "grid", "tile": 64, "overlap": 0.25},
    "lsm": {"crops": "lsm", "k": 2, "infer.crops.min_area": 0},
    "auto": {"crops": "auto", "pixel_scale": 2.0, "infer.crops.threshold": 0.28},
}
Arrays = dict[str, np.ndarray]


def model() -> YOLO:
    """A detector with drawn weights that sees something."""
    torch.manual_seed(0)
    found = YOLO("yolov5n-p2p3.yaml")
    found.model = awake(Detector("yolov5n-p2p3.yaml", nc=2), share=0.03)
    found.model.args = {**DEFAULT_CFG_DICT, **found.overrides}
    found.model.names = {0: "a", 1: "b"}
    return found


def sees_squares() -> YOLO:
    """The same with a network that finds bright squares, most of them nearly, and a false one in a corner."""
    found = model()
    found.model._predict_once = squares
    return found


def squares(x: torch.Tensor, *args: Any, **kwargs: Any) -> tuple[torch.Tensor, None]:
    """(B, 3, H, W) pictures -> (B, 4 + 2, A) boxes xywh and scores."""
    out = torch.zeros(len(x), 6, 40)
    for k, image in enumerate(x):
        mask = (image.amax(0) > 0.6).byte().numpy()
        _, _, stats, centres = cv2.connectedComponentsWithStats(mask)
        for a, (box, centre) in enumerate(zip(stats[1:39], centres[1:39], strict=True)):
            red, blue = (float(image[c, int(centre[1]), int(centre[0])]) for c in (0, 2))
            scores = [0.9 - a / 100, 0.05] if red > blue else [0.05, 0.8 - a / 100]
            out[k, :, a] = torch.tensor([centre[0] + 0.5, centre[1] + 0.5 + a % 2, box[2] * 1.1, box[3], *scores])
        out[k, :, 39] = torch.tensor([4.0, 4, 4, 4, 0.5, 0])
    return out, None


def picture(seed: int = 0) -> np.ndarray:
    """(192, 256, 3) uint8."""
    return (pictures(1, (192, 256), seed)[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)


def data(to: Path) -> Path:
    """Eight and four pictures with squares of two classes and an ignore region each; returns the data YAML."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 4)):
        for i in range(count):
            image, rows = rng.integers(40, 80, (128, 160, 3), dtype=np.uint8), []
            for _ in range(6):
                (w, h), x, y, c = rng.integers(4, 12, 2), rng.integers(148), rng.integers(40, 116), int(rng.integers(2))
                image[y : y + h, x : x + w] = COLOURS[c]
                rows.append((c, (x + w / 2) / 160, (y + h / 2) / 128, w / 160, h / 128))
            add_picture(to, split, f"{i}.png", image, rows, ignore=[(0.5, 0.1, 0.8, 0.2)])
    file = to / "data.yaml"
    file.write_text(f"path: {to.resolve()}\ntrain: images/train\nval: images/val\nnames:\n  0: a\n  1: b\n")
    return file


def predict(to: Path, crops: str) -> Arrays:
    """Boxes and crops of a picture."""
    found = model().predict(picture(), **QUIET, **CROPS[crops])[0]
    rows = found.boxes.data.numpy()
    return {"rows": rows, "crops": np.asarray(getattr(found, "crops", np.zeros((0, 4))), np.float32)}


def val(to: Path, crops: str) -> Arrays:
    """Figures of a set of pictures."""
    folder = {"project": str(to), "name": "val"}
    report = (
        sees_squares().val(data=str(data(to / "data")), workers=0, plots=False, **QUIET | folder, **CROPS[crops]).report
    )
    figures = {k: v for k, v in report.items() if isinstance(v, float)}
    return {"names": np.array(list(figures)), "figures": np.array(list(figures.values()))}


def train(to: Path, crops: str) -> Arrays:
    """Losses of two steps with ignore regions, figures of the row, and sums of the weights after them."""
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(0)
    steps: list[Any] = []
    trained = YOLO("yolov5n-p2p3.yaml")
    trained.add_callback("on_train_batch_end", lambda t: steps.append([float(v) for v in t.loss_items.values()]))
    extra = {} if crops == "none" else {"crop_train": crops, "crop_train.scale": 1.0}
    trained.train(data=str(data(to / "data")), project=str(to), name="run", workers=0, **QUICK | STILL | extra)
    with open(to / "run" / "results.csv", encoding="utf-8") as file:
        row = {k: float(v) for k, v in next(csv.DictReader(file)).items() if k.startswith(("train/", "val/"))}
    return {"steps": np.array(steps), "row": np.array(list(row.values()))}


def track(to: Path) -> Arrays:
    """Boxes with ids over three frames."""
    frames = [np.roll(cv2.imread(str(data(to).parent / "images/val/0.png")), 5 * i, 1) for i in range(3)]
    found = sees_squares().track(frames, **QUIET, conf=0.25)
    return {f"frame{i}": r.boxes.data.numpy() for i, r in enumerate(found)}


def export(to: Path) -> Arrays:
    """What an exported file finds."""
    made = model()
    made.model.yaml["yaml_file"] = str(to / "golden.yaml")  # the file lies where its model is called to lie
    made.model.pt_path = str(to / "golden.pt")
    file = made.export(format="onnx", imgsz=128, dynamic=True, verbose=False)
    found = YOLO(file).predict(picture(), **QUIET, **CROPS["grid"])[0]
    return {"rows": found.boxes.data.numpy()}


def convert(to: Path) -> Arrays:
    """Label and ignore rows of a converted set, tiled."""
    source = data(to / "data")
    words = f"data convert format=yolo source={source} to={to / 'out'} tile=96 overlap=20"
    assert cli.main(words.split()) == 0
    files = sorted((to / "out").rglob("*.txt"))
    rows = [[float(x) for x in line.split()][:4] for f in files for line in f.read_text().splitlines() if line]
    return {"rows": np.array(rows), "files": np.array([len(files)])}


def check(to: Path) -> Arrays:
    """What is said of a set with some problems."""
    file = data(to / "data")
    label = to / "data" / "labels" / "train" / "0.txt"
    label.write_text(label.read_text() * 2 + "0 0.5 0.5 1.2 0.1\n")
    said = StringIO()
    with redirect_stdout(said):
        code = cli.main(["data", "check", f"data={file}"])
    lines = said.getvalue().replace(str(to), "").splitlines()
    return {"code": np.array([code]), "lines": np.array(lines)}


CASES: dict[str, Callable[[Path], Arrays]] = {
    **{f"predict-{c}": lambda to, c=c: predict(to, c) for c in CROPS},  # type: ignore[misc]
    **{f"val-{c}": lambda to, c=c: val(to, c) for c in ("none", "grid", "auto")},  # type: ignore[misc]
    **{f"train-{c}": lambda to, c=c: train(to, c) for c in ("none", "grid", "lsm", "auto")},  # type: ignore[misc]
    "track": track,
    "export": export,
    "convert": convert,
    "check": check,
}
