"""The first five minutes: generated pictures, a trained nano model, its figures, and a picture to look at."""

from __future__ import annotations

import time
from pathlib import Path

from ... import YOLO
from ...data import write_demo
from ...errors import InputError

MODEL = "yolotiny-n.yaml"
# From scratch on 64 pictures: many small steps, little augmentation, or nothing is learnt in minutes.
TRAINING = {"epochs": 40, "batch": 4, "nbs": 4, "optimizer": "AdamW", "lr0": 0.002, "warmup_epochs": 1, "mosaic": 0.0}
TRAINING |= {"scale": 0.2, "flipud": 0.5, "warmup_bias_lr": 0.0, "momentum": 0.9, "close_mosaic": 0, "anchors": "auto"}
IMGSZ = 320


def run(to: str = "runs/demo", seed: int = 0) -> dict[str, float | str]:
    """Generate, train, validate, predict, and print what came out.

    Args:
        to: the folder for data and run; a run that is there is replaced.
        seed: of the pictures and of the training.

    Returns:
        AP and AP50 on the validation pictures (AI-TOD protocol), seconds, and the picture's path.
    """
    start = time.perf_counter()
    root = Path(to)
    if root.exists() and not root.is_dir():
        raise InputError(f"demo: {root} is a file; give to=FOLDER")
    data = write_demo(root / "data", seed=seed, force=True)
    model = YOLO(MODEL)
    options = {"data": str(data), "imgsz": IMGSZ, "project": str(root.resolve()), "exist_ok": True}
    model.train(**options, **TRAINING, name="train", seed=seed, device="cpu", val=False)
    report = model.val(**options, name="val").report
    pictures = sorted((data.parent / "images" / "val").iterdir())
    crowded = max(
        pictures, key=lambda p: len((data.parent / "labels" / "val" / f"{p.stem}.txt").read_text().split("\n"))
    )
    shown = model.predict(str(crowded), imgsz=IMGSZ, conf=0.25)[0]
    picture = root / "detections.jpg"
    shown.save(str(picture), labels=False, conf=False, line_width=1)
    seconds = time.perf_counter() - start
    print(
        f"\nAP {100 * report['AP']:.1f}, AP50 {100 * report['AP50']:.1f} (AI-TOD protocol, {len(pictures)} generated"
        f" pictures), {seconds:.0f} s\n{len(shown.boxes)} objects found in {picture}"
        f"\nweights {root / 'train' / 'weights' / 'best.pt'}; your own data: yolotiny help train"
    )
    return {"AP": report["AP"], "AP50": report["AP50"], "seconds": seconds, "picture": str(picture)}
