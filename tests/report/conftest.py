"""A small evaluation with one error of every kind, and its report on disk."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from yolotiny.cli import main as cli

# One image of 96x64 with everything, one of 64x64 that is right but for a miss, one without an error.
IMAGES = [("sub/a.png", 96, 64), ("b.png", 64, 64), ("c.png", 64, 64)]
NAMES = ("car</script><script>alert(1)</script>", "bus $x_1$")
OBJECTS = [  # image, class, box
    (1, 1, (4, 4, 10, 10)), (1, 1, (30, 4, 10, 10)), (1, 1, (70, 4, 10, 10)), (1, 2, (4, 40, 20, 12)),
    (2, 1, (10, 10, 6, 6)), (2, 1, (40, 40, 6, 6)), (3, 2, (20, 20, 20, 12)),
]  # fmt: skip
FOUND = [  # image, class, box, score
    (1, 1, (4, 4, 10, 10), 0.9),  # hit
    (1, 1, (5, 4, 10, 10), 0.8),  # duplicate
    (1, 1, (34, 4, 10, 10), 0.85),  # localisation, so the second object is missed; the third has nothing near it
    (1, 1, (4, 40, 20, 12), 0.8),  # class
    (1, 1, (50, 40, 9, 9), 0.8),  # background
    (1, 2, (4, 40, 20, 12), 0.9), (2, 1, (10, 10, 6, 6), 0.8), (3, 2, (20, 20, 20, 12), 0.7),  # hits
]  # fmt: skip
ERRORS = {
    "missed": 3,
    "localisation": 1,
    "class": 1,
    "duplicate": 1,
    "background": 1,
    "hit": 3,
    "truth": 6,
    "ignored": 1,
}


def write_files(to: Path) -> SimpleNamespace:
    """Ground truth, detections and pictures; `gt`, `pred` and `images`."""
    gt = {
        "images": [{"id": i, "file_name": f, "width": w, "height": h} for i, (f, w, h) in enumerate(IMAGES, 1)],
        "categories": [{"id": k, "name": name} for k, name in enumerate(NAMES, 1)],
        "annotations": [{"image_id": i, "category_id": k, "bbox": list(b)} for i, k, b in OBJECTS]
        + [{"image_id": 1, "category_id": 0, "bbox": [80, 40, 16, 24], "iscrowd": 1}],
    }
    pred = [{"image_id": i, "category_id": k, "bbox": list(b), "score": s} for i, k, b, s in FOUND]
    for file, width, height in IMAGES:
        path = to / "images" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((height, width, 3), 90, np.uint8))
    (to / "gt.json").write_text(json.dumps(gt))
    (to / "pred.json").write_text(json.dumps(pred))
    return SimpleNamespace(gt=to / "gt.json", pred=to / "pred.json", images=to / "images")


@pytest.fixture(scope="session")
def report(tmp_path_factory) -> Path:
    """The folder that `yolotiny eval report=...` wrote."""
    to = tmp_path_factory.mktemp("report")
    files = write_files(to)
    words = [f"gt={files.gt}", f"pred={files.pred}", f"images={files.images}", f"report={to / 'out'}"]
    assert cli.main(["eval", *words, "protocol=aitod", "imgsz=320", "model=best.pt"]) == 0
    return to / "out"
