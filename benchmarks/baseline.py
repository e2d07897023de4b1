"""What users would pick instead: a network of ultralytics, by its own trainer and defaults, scored by our evaluator.

    python benchmarks/baseline.py train model=yolov5n.yaml pretrained=yolov5n.pt data=datasets/hit-uav/data.yaml
        imgsz=320 epochs=20 batch=16 seed=0 project=runs/baseline name=train
    python benchmarks/baseline.py val weights=runs/baseline/train/weights/last.pt data=datasets/hit-uav/data.yaml
        imgsz=320 to=report.json

`train` starts from the tensors in `pretrained`, wherever name and shape agree, goes on where a run was cut, and hands
all other options to that trainer. `val` writes the report of the AI-TOD protocol, with up to 1,500 boxes a picture and
suppression at .6, as ours; with `theirs=False` the weights are ours. `export weights= imgsz=[256,320] to=model.onnx` is
for the frontier: a process that has imported yolotiny reads checkpoints as data, which those of ultralytics are not.
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
    "export": {"weights": "", "imgsz": [256, 320], "to": "model.onnx", "theirs": True, "rounds": 10},
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


def export(told: dict[str, Any]) -> None:
    """Write an ONNX file, and as JSON beside it the median milliseconds of a forward by torch on one thread."""
    import shutil
    import statistics
    import time

    import torch

    if told["theirs"]:
        from ultralytics import YOLO
    else:
        from yolotiny import YOLO
    from ultralytics.nn.autobackend import AutoBackend

    torch.set_num_threads(1)
    to, x, taken = Path(told["to"]), torch.rand(1, 3, *told["imgsz"]), []
    network = AutoBackend(str(told["weights"]), device=torch.device("cpu"), verbose=False).eval()
    with torch.inference_mode():
        for _ in range(told["rounds"]):
            begun = time.process_time()
            network(x)
            taken.append(1e3 * (time.process_time() - begun))
    copy = to.with_suffix(".pt")
    shutil.copy(told["weights"], copy)
    shutil.move(YOLO(str(copy)).export(format="onnx", imgsz=list(told["imgsz"]), verbose=False), to)
    copy.unlink()
    to.with_suffix(".json").write_text(json.dumps({"eager": statistics.median(taken)}), encoding="utf-8")


def main(words: list[str]) -> int:
    """The exit code."""
    name = words[0] if words else ""
    if name not in DEFAULTS:
        print("write `train`, `val` or `export`, and options as key=value", file=sys.stderr)
        return 2
    told = DEFAULTS[name] | parsed(words[1:])
    if unknown := [k for k in told if name != "train" and k not in DEFAULTS[name]]:
        print(f"unknown option {unknown[0]!r} of {name}; there are: {', '.join(DEFAULTS[name])}", file=sys.stderr)
        return 2
    needed = "weights" if name == "export" else "data"
    if not Path(str(told.get(needed, ""))).is_file():
        print(f"{needed}=FILE is needed", file=sys.stderr)
        return 2
    {"train": train, "val": val, "export": export}[name](told)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
