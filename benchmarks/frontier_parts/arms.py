"""What stands on the frontier: networks, the size that each is trained at, and the sizes that it is used at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

THEIRS = "ultralytics "
STARTS = {"coco": 20, "random": 60}  # epochs; coco: from what fits of the public YOLOv5n, random: from nothing


@dataclass(frozen=True)
class Arm:
    """A network under one recipe.

    Attributes:
        name: of the arm; those of `THEIRS` are trained by ultralytics' own trainer under its defaults.
        model: file of the network.
        imgsz: longer side in training, pixels.
        shown: longer sides that it is used at, pixels.
        starts: of `STARTS`.
        seeds: how many.
        options: of the training, beside those that all arms share.
    """

    name: str
    model: str
    imgsz: int
    shown: tuple[int, ...]
    starts: tuple[str, ...] = ("coco", "random")
    seeds: int = 1
    options: str = ""

    @property
    def theirs(self) -> bool:
        """Whether ultralytics trains it."""
        return self.name.startswith(THEIRS)


ONLY_COCO, ONLY_RANDOM = ("coco",), ("random",)
ARMS = (
    Arm("yolotiny-n", "yolotiny-n.yaml", 416, (288, 320, 384, 416, 448, 512, 640), seeds=2),
    Arm("yolotiny-n trained at 512", "yolotiny-n.yaml", 512, (512, 576, 640), ONLY_COCO),
    Arm("yolotiny-n trained at 576", "yolotiny-n.yaml", 576, (576, 640), ONLY_COCO),
    Arm("yolotiny-n trained at 288", "yolotiny-n.yaml", 288, (256, 288, 320), ONLY_COCO),
    Arm("yolotiny-s", "yolotiny-s.yaml", 416, (320, 416, 512), ONLY_RANDOM),
    Arm("yolov5n", "yolov5n.yaml", 416, (320, 416), ONLY_COCO),
    Arm("yolov5n-p2p3", "yolov5n-p2p3.yaml", 384, (320, 384), ONLY_COCO),
    Arm("yolov5n, official recipe", "yolov5n.yaml", 320, (320, 384), ONLY_COCO, options="recipe=yolov5-official"),
    Arm("yolox-nano", "yolox-nano.yaml", 416, (320, 416), ONLY_RANDOM),
    Arm(f"{THEIRS}yolov5n", "yolov5n.yaml", 320, (320, 384, 448), seeds=2),
    Arm(f"{THEIRS}yolo26n", "yolo26n.yaml", 320, (320, 384, 448), ONLY_RANDOM, seeds=2),
    Arm(f"{THEIRS}yolo11n", "yolo11n.yaml", 320, (320, 384, 448), ONLY_RANDOM),
    Arm(f"{THEIRS}yolo26n-p2", "yolo26n-p2.yaml", 320, (320, 384), ONLY_RANDOM),
    Arm(f"{THEIRS}yolov8n-p2", "yolov8n-p2.yaml", 320, (320, 384), ONLY_RANDOM),
)


@dataclass(frozen=True)
class Run:
    """An arm from one start with one seed, and where it lies.

    Attributes:
        arm: see there.
        start: of `STARTS`.
        seed: of the training.
        root: folder of all runs.
    """

    arm: Arm
    start: str
    seed: int
    root: Path

    @property
    def folder(self) -> Path:
        """Of the run."""
        name = self.arm.name.replace(THEIRS, "ul-").replace(", ", "-").replace(" ", "-")
        return self.root / self.start / f"{name}-{self.seed}"

    @property
    def weights(self) -> Path:
        """Those of the last epoch: nothing is chosen on val."""
        return self.folder / "weights" / "last.pt"

    @property
    def done(self) -> Path:
        """There once the training has ended."""
        return self.folder / "trained.json"


def runs(root: Path, only: str = "") -> list[Run]:
    """All runs, first seeds first; of the arms in `only`, a list with commas, where it is given."""
    wanted = [a for a in ARMS if not only or a.name in only.split(",")]
    found = [Run(a, start, seed, root) for a in wanted for start in a.starts for seed in range(a.seeds)]
    return sorted(found, key=lambda r: r.seed)
