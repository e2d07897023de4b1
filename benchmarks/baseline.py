"""What users would pick instead: a network of ultralytics, by its own trainer and defaults, scored by our evaluator.

    python benchmarks/baseline.py train model=yolov5n.yaml pretrained=yolov5n.pt data=datasets/hit-uav/data.yaml
        imgsz=320 epochs=20 batch=16 seed=0 project=runs/baseline name=train
    python benchmarks/baseline.py val weights=runs/baseline/train/weights/last.pt data=datasets/hit-uav/data.yaml
        imgsz=320 to=report.json

`train` starts from the tensors in `pretrained`, wherever name and shape agree, goes on where a run was cut, and hands
all other options to that trainer. `val` writes the report of the AI-TOD protocol, with up to 1,500 boxes a picture and
suppression at .6, as ours; with `theirs=False` the weights are ours.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
DEFAULTS = {
    "train": {"model": "yolov5n.yaml", "device": "cpu", "plots": False, "project": "runs/baseline", "name": "train"},
    "val": {"weights": "", "data": "", "imgsz": 320, "to": "report.json", "theirs": True},
}


def parsed(words: list[str]) -> dict[str, Any]:
    """`key=value` words; what reads as a number, a truth value or a list is one."""
    told: dict[str, Any] = {}
    for word in words:
        key, _, value = word.partition("=")
        try:
            told[key] = ast.literal_eval(value)
        except (SyntaxError, ValueError):
            told[key] = value
    return told


def train(told: dict[str, Any]) -> None:
    """By ultralytics' trainer."""
    import torch
    from ultralytics import YOLO

    last = Path(told["project"]).resolve() / str(told["name"]) / "weights" / "last.pt"
    if last.exists():
        YOLO(last).train(resume=True)
        return
    model, start = YOLO(told.pop("model")), told.pop("pretrained", "")
    if start:
        there, own = torch.load(start, weights_only=True), model.model.state_dict()
        fits = {k: v for k, v in there.items() if k in own and own[k].shape == v.shape}
        print(f"{len(fits)} of {len(own)} tensors from {start}")
        model.model.load_state_dict(fits, strict=False)
        model.ckpt = {"model": model.model}  # else its trainer builds the network anew
    told["project"] = str(Path(told["project"]).resolve())
    model.train(**told | {"device": str(told["device"])})


def val(told: dict[str, Any]) -> None:
    """Score weights on the data's val split."""
    to = Path(told["to"]).resolve()
    run = {"data": told["data"], "imgsz": told["imgsz"], "batch": 16, "device": "cpu", "plots": False, "verbose": False}
    run |= {"project": str(to.parent), "name": f"val-{told['imgsz']}", "exist_ok": True, "workers": 0}
    if told["theirs"]:
        report = of_theirs(told, run)
    else:
        from yolotiny import YOLO

        report = YOLO(told["weights"]).val(**run).report
    to.write_text(json.dumps(report, default=float), encoding="utf-8")


def of_theirs(told: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    """The report on what ultralytics' validator finds."""
    from ultralytics import YOLO

    YOLO(told["weights"]).val(**run, iou=0.6, max_det=1500, save_json=True)
    from yolotiny import metrics  # now: its checkpoints are read in another way
    from yolotiny.data_file import read_data_file

    data = read_data_file(Path(told["data"]))
    truth = Path(data.root) / data.content["annotations"]["val"]
    return metrics.evaluate(truth, Path(run["project"]) / run["name"] / "predictions.json", "aitod")


def main(words: list[str]) -> int:
    """The exit code."""
    name = words[0] if words else ""
    if name not in DEFAULTS:
        print("write `train` or `val`, and options as key=value", file=sys.stderr)
        return 2
    told = DEFAULTS[name] | parsed(words[1:])
    if unknown := [k for k in told if name == "val" and k not in DEFAULTS["val"]]:
        print(f"unknown option {unknown[0]!r} of val; there are: {', '.join(DEFAULTS['val'])}", file=sys.stderr)
        return 2
    if not Path(str(told.get("data", ""))).is_file():
        print("data=FILE.yaml is needed", file=sys.stderr)
        return 2
    (train if name == "train" else val)(told)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
