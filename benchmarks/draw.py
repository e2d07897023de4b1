"""The pictures of the pages on papers, docs/images: each shows what a formula or a module does.

    python benchmarks/draw.py train data=datasets/hit-uav/hit600.yaml pretrained=yolov5n.pt
    python benchmarks/draw.py draw                    # or only=nwd-rka,sal, which need nothing trained

`train` makes the four small detectors behind them by the short schedule or less (69 minutes on a shared machine), into
runs/draw; what is there stays. `draw` takes the three pictures of HIT-UAV in cfg/pictures, which none was trained on.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from benchmarks.draw_parts import clusters, difference, distributions, relay, scale_weight, similarity  # noqa: E402
from benchmarks.words import read_words  # noqa: E402
from yolotiny.errors import InputError, did_you_mean  # noqa: E402

PICTURES = {
    "lsm": (clusters.draw, "yolc"),
    "difference": (difference.draw, "srtod"),
    "ugs": (distributions.draw, "ugs"),
    "relay": (relay.draw, "sarl"),
    "nwd-rka": (similarity.draw, None),
    "sal": (scale_weight.draw, None),
}
RUNS = {
    "yolc": "model=yolc-n.yaml epochs=12",
    "srtod": "model=yolov5n-p2p3-srtod.yaml epochs=8",
    "ugs": "model=yolov5n-p2p3-ugs.yaml epochs=12 loss.bins.entropy=0 loss.bins.gamma=0",
    "sarl": "model=yolov5n-p2p3-sarl.yaml epochs=8 sarl.gamma_init=1",  # gates that attend from the first step
}
SHARED = "imgsz=320 batch=16 seed=0 amp=bf16 val=False plots=False workers=0 device=cpu"
OPTIONS = {
    "train": {"data": "", "pretrained": "", "to": "runs/draw"},
    "draw": {"only": "", "from": "runs/draw", "to": str(ROOT / "docs" / "images")},
}


def read_options(words: list[str]) -> tuple[str, dict[str, str]]:
    """The command and its options, each known and none left out that has no default."""
    name, given = read_words(words, OPTIONS)
    missing = [key for key, value in given.items() if not value and key != "only"]
    if missing:
        raise InputError(f"{name} needs {missing[0]}=")
    for picture in filter(None, given.get("only", "").split(",")):
        if picture not in PICTURES:
            raise InputError(f"only={picture}: no such picture{did_you_mean(picture, PICTURES)}")
    return name, given


def train(given: dict[str, str]) -> None:
    """What is not trained yet, one after the other."""
    to = Path(given["to"]).resolve()
    for name, options in RUNS.items():
        if (to / name / "weights" / "last.pt").exists():
            continue
        words = [*options.split(), *SHARED.split(), f"data={given['data']}", f"pretrained={given['pretrained']}"]
        words += [f"project={to}", f"name={name}", "exist_ok=True"]
        subprocess.run([sys.executable, "-m", "yolotiny", "train", *words], check=True)


def draw(given: dict[str, str]) -> None:
    """All pictures, or those of `only`."""
    weights = {name: Path(given["from"]) / name / "weights" / "last.pt" for name in RUNS}
    for name, (make, run) in PICTURES.items():
        if given["only"] and name not in given["only"].split(","):
            continue
        if run and not weights[run].exists():
            raise InputError(f"{name}: {weights[run]} is not there; `python benchmarks/draw.py train` makes it")
        make(Path(given["to"]), weights)


def main() -> None:
    """Run what is asked."""
    try:
        name, given = read_options(sys.argv[1:])
        (train if name == "train" else draw)(given)
    except InputError as error:
        sys.exit(f"draw: {error}\n\n{__doc__}")


if __name__ == "__main__":
    main()
