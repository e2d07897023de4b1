"""A bundle for a CUDA machine without a network: wheels that it lacks, pictures, and the weights to start from."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import yaml

from benchmarks.gpu_parts.setting import ROOT, git
from yolotiny.data import Conversion, convert
from yolotiny.errors import InputError

# What training, validation, prediction and the tests import beyond torch, torchvision, numpy, OpenCV, matplotlib,
# PyYAML, requests, psutil, timm and pytest. Not polars (54 MB), which ultralytics takes for plots alone (plots=False),
# and not albumentations, without which training leaves out blur and grey at a probability of 1 % each.
WHEELS = ("ultralytics", "ultralytics-thop", "pycocotools", "faster-coco-eval")
PLATFORMS = [f"manylinux_2_{n}_x86_64" for n in (28, 27, 24, 17)] + ["manylinux2014_x86_64", "manylinux1_x86_64"]
ABOUT = "about.json"
TRAIN = 600  # pictures of the short schedule; of val all


def wheels(to: Path) -> list[str]:
    """Fetch the wheels, in the versions that are installed here, for Python 3.12 on Linux; return `name==version`."""
    wanted = [f"{name}=={importlib.metadata.version(name)}" for name in WHEELS]
    what = ["--no-deps", "--only-binary=:all:", "--python-version", "3.12", "--implementation", "cp"]
    what += [word for platform in PLATFORMS for word in ("--platform", platform)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "-q", *what, "-d", str(to), *wanted], capture_output=True, text=True
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip failed"]
        raise InputError(f"the wheels could not be fetched: {said[-1].removeprefix('ERROR: ')}")
    return wanted


def dataset(source: Path, to: Path, quality: int) -> int:
    """Write HIT-UAV small: grey JPEGs, labels and ignore regions, and a data YAML that may be moved.

    Args:
        source: HIT-UAV as it was downloaded; a `train600.txt` in it says which pictures of train, else the first.
        to: the folder to write.
        quality: of the JPEGs, 1 to 100.
    Returns:
        How many pictures were written.
    """
    with tempfile.TemporaryDirectory() as folder:
        whole = convert(Conversion("hit-uav", source), Path(folder) / "data").data.parent
        pictures = {split: sorted((whole / "images" / split).iterdir()) for split in ("train", "val")}
        named = source / "train600.txt"
        if named.is_file():
            names = set(named.read_text(encoding="utf-8").split())
            pictures["train"] = [p for p in pictures["train"] if p.name in names]
        pictures["train"] = pictures["train"][:TRAIN]
        for split, files in pictures.items():
            for kind in ("images", "labels", "ignore"):
                (to / kind / split).mkdir(parents=True)
            for file in files:
                image = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
                cv2.imwrite(str(to / "images" / split / f"{file.stem}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, quality])
                for kind in ("labels", "ignore"):
                    text = whole / kind / split / f"{file.stem}.txt"
                    if text.exists():
                        shutil.copy(text, to / kind / split)
        content = yaml.safe_load((whole / "data.yaml").read_text(encoding="utf-8"))
    moved = {k: v for k, v in content.items() if k in {"train", "val", "names", "protocol"}}  # no path: seen from here
    (to / "data.yaml").write_text(yaml.safe_dump(moved, sort_keys=False), encoding="utf-8")
    return sum(map(len, pictures.values()))


def tree() -> int:
    """Bytes of the files that git tracks or would: what travels beside the bundle."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    return size(ROOT / name for name in listed if name)


def size(files: Any) -> int:
    """Bytes of those of the paths that are files."""
    return sum(f.stat().st_size for f in files if f.is_file())


def check(data: str, weights: str, to: str, quality: str) -> None:
    """Raise InputError for what cannot be, before anything is fetched or written."""
    for split in ("train", "val"):
        file = Path(data).expanduser() / "annotations" / f"{split}.json"
        if not file.is_file():
            raise InputError(f"data={data} is no HIT-UAV folder: there is no {file}")
    if weights and not Path(weights).is_file():
        raise InputError(f"weights={weights} does not exist")
    if Path(to).exists() and not (Path(to) / ABOUT).is_file():
        raise InputError(f"to={to} is there and is no bundle; give a new folder")
    if not 1 <= int(quality) <= 100:
        raise InputError(f"quality={quality} must lie in 1..100, such as 80")


def pack(data: str, weights: str, to: str, limit: str, quality: str) -> None:
    """Write the bundle, or leave what was there where it would be too large.

    Args:
        data: HIT-UAV as it was downloaded.
        weights: tensors that arms start from, or nothing.
        to: the folder to write; a bundle in it is replaced.
        limit: most megabytes of bundle and tree together.
        quality: of the JPEGs.
    """
    check(data, weights, to, quality)
    target = Path(to)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f"{target.name}-") as folder:
        part = Path(folder) / "bundle"
        (part / "wheels").mkdir(parents=True)
        about: dict[str, Any] = {"wheels": wheels(part / "wheels")}
        about["pictures"] = dataset(Path(data).expanduser(), part / "data", int(quality))
        about["commit"] = git("rev-parse", "HEAD").strip()
        if weights:
            shutil.copy(weights, part / "weights.pt")
        (part / ABOUT).write_text(json.dumps(about, indent=2), encoding="utf-8")
        total = (size(part.rglob("*")) + tree()) / 1e6
        if total > float(limit):
            raise InputError(f"bundle and tree have {total:.1f} MB, more than limit={limit}; give a lower quality=")
        shutil.rmtree(target, ignore_errors=True)
        part.rename(target)
    print(f"{to}: {about['pictures']} pictures and {len(WHEELS)} wheels, with the tree {total:.1f} MB; there:")
    print(f"  python3 -m pip install -q --no-index --no-deps --target /tmp/site {to}/wheels/*.whl")
    print("  PYTHONPATH=/tmp/site python3 benchmarks/gpu.py run out=runs/gpu")
