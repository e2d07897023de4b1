"""Installs the wheel `yolotiny-runtime` into an empty environment and runs it there, beside the full package here.

    python packaging/runtime/check.py dist/yolotiny_runtime-*.whl

The network is YOLOv5n with official weights where `../shared/data` (or $YOLOTINY_DATA) has them, else a fresh one that
is made to see something, and the pictures are real ones from there or generated. What is checked: the boxes of every
kind of crops, that nothing needs torch, the size of the wheel and of its environment.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MOST_WHEEL, MOST_ENVIRONMENT = 1 << 20, 350 << 20  # bytes
CROPS = ("none", "grid", "lsm", "auto")
CONF = 0.1

sys.path.insert(0, str(ROOT))  # the checkout, whatever is installed


def main() -> None:
    """Check one wheel; the first argument."""
    wheel = Path(sys.argv[1]).resolve()
    data = Path(os.environ.get("YOLOTINY_DATA") or ROOT.parent / "shared" / "data")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        model, pictures = export(place, data), collect(place, data)
        wanted = {crops: by_full_package(model, pictures, crops) for crops in CROPS}
        run = install(wheel, place)
        for crops in CROPS:
            got = by_wheel(run, model, pictures, crops, place)
            compare(wanted[crops], got, crops)
            print(f"crops={crops}: {len(got)} boxes in {len(list(pictures.iterdir()))} pictures, as the full package")
        sizes(wheel, place / "environment")


def export(place: Path, data: Path) -> Path:
    """An ONNX file of YOLOv5n at 320 pixels."""
    from tests.detectors import awake
    from yolotiny import YOLO

    weights = data / "weights" / "yolov5n_coco_v6_state_dict.pt"
    model = YOLO("yolov5n.yaml")
    if weights.is_file():
        model.load(weights)
    else:
        awake(model.model)
    os.chdir(place)  # a model file is exported to the current folder
    return Path(model.export(format="onnx", imgsz=320)).resolve()


def collect(place: Path, data: Path) -> Path:
    """A folder of a few pictures, real where there are some."""
    from yolotiny.data.scenes import write_demo

    folder = place / "pictures"
    folder.mkdir()
    real = [data / "sahi-demo" / name for name in ("small-vehicles1.jpeg", "terrain2.png")]
    if not all(file.is_file() for file in real):
        real = sorted(write_demo(place / "demo", train=1, val=3, imgsz=320).parent.rglob("*.jpg"))[:3]
    for file in real:
        shutil.copy(file, folder)
    return folder


def by_full_package(model: Path, pictures: Path, crops: str) -> list[dict[str, Any]]:
    """Rows of predictions.json by `YOLO(model).predict`."""
    from yolotiny import YOLO
    from yolotiny.runtime.coco_rows import rows_of

    rows = []
    for found in YOLO(model).predict(pictures, crops=crops, conf=CONF, verbose=False, stream=True):
        boxes = found.boxes.cpu().numpy()
        rows += rows_of(boxes.xyxy, boxes.conf, boxes.cls, found.path, range(1, len(found.names) + 1))
    return rows


def install(wheel: Path, place: Path) -> Path:
    """An empty environment with the wheel; its command."""
    environment = place / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", wheel], check=True)
    code = "import importlib.util as u; print([n for n in ('torch', 'ultralytics', 'yolotiny') if u.find_spec(n)])"
    there = subprocess.run([python, "-c", code], cwd=place, env=clean(), capture_output=True, text=True, check=True)
    assert there.stdout.strip() == "[]", f"the environment has {there.stdout}"
    return environment / "bin" / "yolotiny-run"


def clean() -> dict[str, str]:
    """The environment variables without those that lead to this checkout."""
    return {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}


def by_wheel(run: Path, model: Path, pictures: Path, crops: str, place: Path) -> list[dict[str, Any]]:
    """The same rows by the installed command."""
    out = place / f"{crops}.json"
    words = [run, model, pictures, "--crops", crops, "--conf", str(CONF), "--json", out, "--quiet"]
    done = subprocess.run([*map(str, words)], cwd=place, env=clean(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text())


def compare(wanted: list[dict[str, Any]], got: list[dict[str, Any]], crops: str) -> None:
    """Row by row the same picture and class, boxes to a hundredth of a pixel, scores to 1e-5."""
    assert wanted and len(wanted) == len(got), f"crops={crops}: {len(wanted)} boxes here, {len(got)} there"
    for a, b in zip(wanted, got, strict=True):
        near = max(abs(p - q) for p, q in zip(a["bbox"], b["bbox"], strict=True)) <= 0.011  # rows are rounded
        same = a["image_id"] == b["image_id"] and a["category_id"] == b["category_id"]
        assert same and near and abs(a["score"] - b["score"]) <= 2.1e-5, f"crops={crops}: {a} here, {b} there"


def sizes(wheel: Path, environment: Path) -> None:
    """Say how large the wheel and its environment are, and fail where that is too much."""
    files = [f for f in environment.rglob("*") if f.is_file() and not f.is_symlink()]
    whole = sum(f.stat().st_size for f in files)
    print(f"wheel {wheel.stat().st_size / 1e6:.2f} MB, environment {whole / 2**20:.0f} MB")
    assert wheel.stat().st_size < MOST_WHEEL and whole < MOST_ENVIRONMENT


if __name__ == "__main__":
    main()
