"""The first five minutes: generated pictures, a trained nano model, its figures, and a picture to look at.

Beside it one of an infrared camera, with what the shipped weights find on it.
"""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np

from ... import YOLO
from ...data import write_demo
from ...errors import InputError
from ...picture_io import save_picture
from ...shipped import WEIGHTS, cfg_dir

MODEL = "yolotiny-n.yaml"
# From scratch on 64 pictures: many small steps, little augmentation, or nothing is learnt in minutes.
TRAINING = {"epochs": 40, "batch": 4, "nbs": 4, "optimizer": "AdamW", "lr0": 0.002, "warmup_epochs": 1, "mosaic": 0.0}
TRAINING |= {"scale": 0.2, "flipud": 0.5, "warmup_bias_lr": 0.0, "momentum": 0.9, "close_mosaic": 0, "anchors": "auto"}
IMGSZ = 320
INFRARED = "0_80_30_0_06917.jpg"  # of cfg/pictures


def run(to: str = "runs/demo", seed: int = 0) -> dict[str, float | str]:
    """Generate, train, validate, predict, and print what came out.

    Args:
        to: the folder for data and run; a run that is there is replaced.
        seed: of the pictures and of the training.

    Returns:
        AP and AP50 on the validation pictures (AI-TOD protocol), seconds, and the paths of the picture and of both.
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
    both, found = _beside(picture)
    seconds = time.perf_counter() - start
    print(
        f"\nAP {100 * report['AP']:.1f}, AP50 {100 * report['AP50']:.1f} (AI-TOD protocol, {len(pictures)} generated"
        f" pictures), {seconds:.0f} s\n{len(shown.boxes)} objects found in {picture}"
        f"\nbeside it an infrared picture, {found} objects found by the shipped {WEIGHTS}: {both}"
        f"\nweights {root / 'train' / 'weights' / 'best.pt'}; your own data: yolotiny help train"
    )
    return {"AP": report["AP"], "AP50": report["AP50"], "seconds": seconds, "picture": str(picture), "both": str(both)}


def _beside(picture: Path) -> tuple[Path, int]:
    """Write the generated scene and one of HIT-UAV, with what the shipped weights find, side by side.

    Returns:
        The file, and the number of objects found on the second.
    """
    found = YOLO(WEIGHTS).predict(str(cfg_dir() / "pictures" / INFRARED), verbose=False)[0]
    real = found.plot(labels=False, conf=False, line_width=1)
    scene = cv2.imread(str(picture))
    scene = cv2.resize(scene, (round(scene.shape[1] * real.shape[0] / scene.shape[0]), real.shape[0]))
    both = picture.with_name("both.jpg")
    save_picture(both, np.hstack((scene, real)))
    return both, len(found.boxes)
