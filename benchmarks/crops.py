"""Crops against full pictures of several sizes, on the same weights and pictures in one run.

    python benchmarks/crops.py model=best.pt data=montage/data.yaml scale=0.5

One row an arm: AP by two protocols, seconds and process time a picture (decoding aside), forwards, the share of time
outside the network, and the share of the picture looked at twice. Arms take turns on each picture, and the least
time of several rounds counts, so that what else the machine does falls on all of them alike: read the ratios. `matched`
is the full picture at the size at which objects look as in training: `scale` network pixels per pixel. With sahi
installed (or in the folder sahi=DIR) its sliced prediction is an arm, with its default overlap and full pass.

Arms of your own replace the usual ones: arm.NAME=key=value,key=value with the options of `yolotiny predict`.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


class Stopwatch:
    """Wall and process time inside a network, and how often it ran."""

    def __init__(self, network: Any):
        self.seconds, self.forwards, self.run = 0.0, 0, network.forward
        network.forward = self

    def __call__(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        out = self.run(x, *args, **kwargs)
        self.seconds += time.perf_counter() - start
        self.forwards += 1
        return out


class Ours:
    """An arm: `predict` with options."""

    def __init__(self, model: str, options: dict[str, Any]):
        from yolotiny import YOLO

        self.model, self.options = YOLO(model), {"verbose": False, "project": "unused", **options}
        self.watch: Stopwatch | None = None

    def __call__(self, picture: Any) -> tuple[Any, float, int, float]:
        """Rows (n, 6), seconds in the network, forwards, share of the picture looked at twice."""
        from yolotiny.metrics.coverage import share_of

        if self.watch is None:
            self.model.predict(picture[:64, :64], **self.options)
            self.watch = Stopwatch(self.model.predictor.model.network)
        watch = self.watch
        before, forwards = watch.seconds, watch.forwards
        found = self.model.predict(picture, **self.options)[0]
        area = share_of(found.crops.numpy(), picture.shape[:2]) if hasattr(found, "crops") else 0.0
        return found.boxes.data, watch.seconds - before, watch.forwards - forwards, area


class Sahi:
    """An arm: sliced prediction of sahi with its default overlap, merge and full pass."""

    def __init__(self, model: str, tile: int, shown: int, conf: float):
        from sahi import AutoDetectionModel

        from yolotiny import YOLO

        self.tile, self.watch = tile, None
        self.model = AutoDetectionModel.from_pretrained(
            "ultralytics", model=YOLO(model), confidence_threshold=conf, device="cpu", image_size=shown
        )

    def __call__(self, picture: Any) -> tuple[Any, float, int, float]:
        """As `Ours`."""
        import torch
        from sahi.predict import get_sliced_prediction

        if self.watch is None:
            self.model.perform_inference(picture[:64, :64, ::-1])
            self.watch = Stopwatch(self.model.model.predictor.model.network)
        before, forwards = self.watch.seconds, self.watch.forwards
        found = get_sliced_prediction(
            picture[..., ::-1], self.model, slice_height=self.tile, slice_width=self.tile, verbose=0
        )
        rows = [[*p.bbox.to_xyxy(), p.score.value, p.category.id] for p in found.object_prediction_list]
        return (
            torch.tensor(rows).view(-1, 6),
            self.watch.seconds - before,
            self.watch.forwards - forwards,
            1.0,
        )


def usual(scale: float, width: int, conf: float) -> dict[str, dict[str, Any]]:
    """The arms of the table."""
    matched = round(width * scale)
    common = {"conf": conf, "max_det": 1500}
    full = {f"full {size}": {"imgsz": size} for size in (640, 960, 1280)} | {"matched": {"imgsz": matched}}
    crops = {
        "grid": {"imgsz": 640, "crops": "grid", "pixel_scale": scale},
        "lsm": {"imgsz": 960, "crops": "lsm", "pixel_scale": scale, "k": 8, "infer.crops.enlarge": 1.2},
        "auto": {"imgsz": 960, "crops": "auto", "pixel_scale": 1.15 * scale},
    }
    return {name: common | options for name, options in (full | crops).items()}


def truth(data: str) -> tuple[list[str], list[tuple], dict[int, str]]:
    """Pictures of the validation split, their boxes and labels in pixels, and the class names."""
    import cv2
    import numpy as np
    from ultralytics.data.utils import check_det_dataset, img2label_paths

    info = check_det_dataset(data)
    files = sorted(str(p) for p in Path(info["val"]).rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    found = []
    for file, label in zip(files, img2label_paths(files), strict=True):
        h, w = cv2.imread(file).shape[:2]
        rows = np.loadtxt(label, ndmin=2) if Path(label).is_file() else np.zeros((0, 5))
        rows = rows.reshape(-1, 5)
        corner, side = (rows[:, 1:3] - rows[:, 3:] / 2) * (w, h), rows[:, 3:] * (w, h)
        found.append((np.round(np.concatenate((corner, corner + side), 1), 2), rows[:, 0], np.zeros((0, 5))))
    return files, found, info["names"]


def value(text: str) -> Any:
    """A number where one is written, else the text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"True": True, "False": False}.get(text, text)


@dataclass(frozen=True)
class Setting:
    """What is compared.

    Attributes:
        model: the weights.
        data: a data YAML, whose validation split is looked at.
        scale: network pixels per pixel at which objects look as in training.
        conf: least score.
        pictures: at most so many.
        rounds: of which the least time counts.
        threads: of torch and OpenCV.
        out: a JSON file for the table.
        mine: arms of the user's own, options by name, in place of the usual ones.
    """

    model: str
    data: str
    scale: float = 0.5
    conf: float = 0.01
    pictures: int = 1000
    rounds: int = 3
    threads: int = 1
    out: str = ""
    mine: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, words: list[str]) -> Setting:
        """From the command line; the folder of sahi goes to where modules are found."""
        given = dict(word.split("=", 1) for word in words)
        sys.path += [folder] if (folder := given.pop("sahi", "")) else []
        own = {k[4:]: dict(p.split("=") for p in given.pop(k).split(",")) for k in list(given) if k.startswith("arm.")}
        known = {f.name: type(f.default) for f in fields(cls) if f.name != "mine"}
        if wrong := [k for k in given if k not in known]:
            sys.exit(f"unknown: {', '.join(wrong)}")
        if lacking := {"model", "data"} - given.keys():
            sys.exit(f"give {' and '.join(f'{k}=...' for k in sorted(lacking))}")
        made = {k: known[k](v) if k not in ("model", "data") else v for k, v in given.items()}
        return cls(**made, mine={name: {k: value(v) for k, v in options.items()} for name, options in own.items()})


def arms_of(setting: Setting, width: int) -> dict[str, Any]:
    """The arms by name; those of sahi where it is installed and opens the weights."""
    arms: dict[str, Any] = {}
    for name, options in setting.mine.items():
        if tile := options.pop("sahi", None):
            arms[name] = Sahi(setting.model, tile, round(tile * setting.scale), setting.conf)
        else:
            arms[name] = Ours(setting.model, {"conf": setting.conf, "max_det": 1500} | options)
    if arms:
        return arms
    arms = {name: Ours(setting.model, o) for name, o in usual(setting.scale, width, setting.conf).items()}
    try:
        for tile in (640, 1280):
            arms[f"sahi {tile}"] = Sahi(setting.model, tile, round(tile * setting.scale), setting.conf)
    except Exception as error:  # not installed, or weights that only ours can open
        print(f"no arm of sahi: {error}")
    return arms


class Measured:
    """What an arm found, and what it cost.

    Attributes:
        best: (pictures, 3) least seconds of all rounds: wall, process, and in the network in the fastest round.
        rows: what was found in each picture.
        about: forwards, and share looked at twice, of each picture.
    """

    def __init__(self, pictures: int):
        import numpy as np

        self.best = np.full((pictures, 3), np.inf)
        self.rows: list[Any] = []
        self.about: list[tuple[int, float]] = []

    def look(self, arm: Any, i: int, picture: Any) -> None:
        """Look at picture number `i` once more."""
        wall, process = time.perf_counter(), time.process_time()
        found, inside, forwards, area = arm(picture)
        wall, process = time.perf_counter() - wall, time.process_time() - process
        if wall < self.best[i, 0]:
            self.best[i, [0, 2]] = wall, inside
        self.best[i, 1] = min(self.best[i, 1], process)
        if i == len(self.rows):  # the first round
            self.rows.append(found.cpu())
            self.about.append((forwards, area))

    def figures(self, truths: list[tuple], names: dict[int, str]) -> dict[str, float]:
        """AP in percent, seconds and the rest, a mean over the pictures."""
        import numpy as np

        from yolotiny.metrics import evaluate_arrays

        images = [(*t, r[:, :4], r[:, 4], r[:, 5]) for t, r in zip(truths, self.rows, strict=True)]
        reports = {p: evaluate_arrays(images, names, p) for p in ("aitod", "coco")}
        wall, process, inside = self.best.mean(0)
        forwards, area = np.mean(self.about, 0)
        ap = {"AP": reports["aitod"]["AP"], "AP50": reports["aitod"]["AP50"], "AP_coco": reports["coco"]["AP"]}
        spent = {"wall": wall, "cpu": process, "forwards": forwards, "outside": 1 - inside / wall, "area": area}
        return {k: 100 * v for k, v in ap.items()} | spent


def measure(arms: dict[str, Any], files: list[str], setting: Setting) -> dict[str, Measured]:
    """Let the arms take turns on each picture."""
    import cv2
    import torch

    cv2.setNumThreads(setting.threads)
    found = {name: Measured(len(files)) for name in arms}
    for _ in range(setting.rounds):
        for i, file in enumerate(files):
            picture = cv2.imread(file)
            for name, arm in arms.items():
                torch.set_num_threads(setting.threads)  # ultralytics sets its own
                found[name].look(arm, i, picture)
    return found


def main() -> None:
    """Run all arms and print the table."""
    import cv2

    setting = Setting.of(sys.argv[1:])
    files, truths, names = truth(setting.data)
    files, truths = files[: setting.pictures], truths[: setting.pictures]
    found = measure(arms_of(setting, cv2.imread(files[0]).shape[1]), files, setting)
    print(f"{setting.model}, {len(files)} pictures, {setting.threads} thread(s), conf {setting.conf}", end=", ")
    print(f"scale {setting.scale}, least of {setting.rounds} rounds")
    print(f"{'arm':24} AP aitod   AP50  AP coco  s wall   s cpu forwards  outside   area")
    table = []
    for name, measured in found.items():
        row = {"arm": name} | measured.figures(truths, names)
        table.append(row)
        print(
            f"{name:24} {row['AP']:8.2f} {row['AP50']:6.2f} {row['AP_coco']:8.2f} {row['wall']:7.3f} {row['cpu']:7.3f} "
            f"{row['forwards']:8.1f} {row['outside']:8.1%} {row['area']:6.2f}",
            flush=True,
        )
    if setting.out:
        Path(setting.out).write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
