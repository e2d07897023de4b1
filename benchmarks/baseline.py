"""The arm that the results page compares with: ultralytics' own anchor-free yolov5n, its trainer and its defaults.

It starts from the same public COCO tensors as ours, wherever name and shape agree, and its predictions are scored by
our evaluator, so that both sides stand under one protocol.

    python benchmarks/baseline.py data=datasets/hit-uav/data.yaml pretrained=yolov5n.pt seed=0 to=runs/baseline
"""

import sys
from pathlib import Path

import torch
import yaml
from ultralytics import YOLO

from yolotiny import metrics

OPTIONS = {"data": None, "pretrained": None, "to": "runs/baseline", "model": "yolov5n.yaml", "protocol": "aitod"}
OPTIONS |= {"imgsz": 320, "batch": 16, "epochs": 20, "seed": 0, "iou": 0.6}
for word in sys.argv[1:]:
    key, _, value = word.partition("=")
    if key not in OPTIONS:
        sys.exit(f"unknown option {key!r}; there are: {', '.join(OPTIONS)}")
    OPTIONS[key] = type(OPTIONS[key])(value) if isinstance(OPTIONS[key], (int, float)) else value
if not OPTIONS["data"]:
    sys.exit("data=FILE.yaml is needed")

model = YOLO(OPTIONS["model"])
if OPTIONS["pretrained"]:
    there = torch.load(OPTIONS["pretrained"], weights_only=True)
    own = model.model.state_dict()
    fits = {k: v for k, v in there.items() if k in own and own[k].shape == v.shape}
    print(f"{len(fits)} of {len(own)} tensors from {OPTIONS['pretrained']}")
    model.model.load_state_dict(fits, strict=False)
    model.ckpt = {"model": model.model}  # else its trainer builds the network anew

to = Path(OPTIONS["to"]).resolve()
keys = {k: OPTIONS[k] for k in ("data", "imgsz", "batch")} | {"device": "cpu", "plots": False, "project": str(to)}
model.train(**keys, epochs=OPTIONS["epochs"], seed=OPTIONS["seed"], name="train", exist_ok=True)

best = YOLO(to / "train" / "weights" / "best.pt")
best.val(**keys, iou=OPTIONS["iou"], max_det=1500, save_json=True, name="val", exist_ok=True)
data = yaml.safe_load(Path(OPTIONS["data"]).read_text(encoding="utf-8"))
report = metrics.evaluate(
    Path(data["path"]) / data["annotations"]["val"], to / "val" / "predictions.json", OPTIONS["protocol"]
)
print(metrics.table(report))
