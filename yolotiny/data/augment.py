"""Changes of a training picture together with its labels: transforms of albumentations, and what plugins register.

One is called as `step(sample) -> Sample`, after mosaic, the affine step, colours and flips of ultralytics, in the order
of the list `augmentations:` of a model file. Random numbers come from `random` or `numpy.random`, which every loader
worker seeds for itself.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from .. import plugins
from ..errors import InputError, did_you_mean
from ..registry import Registry, build
from ..shipped import cfg_dir
from ..yaml_file import read_yaml
from .albumented import MISSING_AREA, as_spec, transforms

TRIALS = 8  # of a step before training
TINY, ROUND_IT = 2.0, 16.0  # pixels: boxes of a trial, one in the middle of the other


class Augmentations(Registry):
    """The augmentations of plugins; behind them those of albumentations, which is imported when one is asked for."""

    def find(self, name: str, where: str = "") -> Any:
        """What makes a step of that name; InputError with the nearest names where there is none."""
        if name not in self:
            plugins.more()
        if name in self:
            return self[name]
        theirs = transforms()
        if name in theirs:
            return theirs[name]
        known = [*self, *shipped(), *theirs]
        near = did_you_mean(name, known)
        if not get_close_matches(name, known, 1, 0.55):
            near = f"; there are: {', '.join([*self, *shipped()])}, and the transforms of albumentations"
        raise InputError(f"unknown {self.kind} {name!r} in {where}{near}{plugins.hint(name, known)}")


AUGMENTATIONS = Augmentations("augmentation", {})


def shipped() -> list[str]:
    """The names of the lists in cfg/augment."""
    return sorted(file.stem for file in (cfg_dir() / "augment").glob("*.yaml"))


def listed(section: Any, where: str) -> list[Any] | None:
    """What `augmentations` asks for as plain data, the lists of files written out and objects described.

    Args:
        section: the name of a list of ours or of a YAML file, an augmentation, or a list of such; None for none.
        where: the file, for messages.

    Returns:
        Names and mappings with `type`, which `build_steps` takes.

    Raises:
        InputError: a file without such a list, an object that cannot be written down.
    """
    if section is None:
        return None
    out: list[Any] = []
    for item in section if isinstance(section, (list, tuple)) else [section]:
        if isinstance(item, (str, Path)) and (file := _file_meant(str(item))):
            inner = read_yaml(file, "a list of augmentations").get("augmentations")
            if not isinstance(inner, list):
                raise InputError(f"{file} holds no list of augmentations: it begins with `augmentations:`")
            out += inner
        else:
            out.append(as_spec(item))
    return out


def _file_meant(name: str) -> Path | None:
    """The YAML that a name means, where it is none of an augmentation.

    Raises:
        InputError: a file that is not there.
    """
    if name in AUGMENTATIONS:
        return None
    if name in shipped():
        return cfg_dir() / "augment" / f"{name}.yaml"
    if not name.endswith((".yaml", ".yml")):
        return None
    if not (file := Path(name).expanduser()).is_file():
        raise InputError(f"augmentations: {name} does not exist{did_you_mean(Path(name).stem, shipped())}")
    return file


@dataclass(frozen=True)
class Sample:
    """A training picture at the size of the network input, and its labels.

    Attributes:
        image: (H, W, C) uint8; three channels are blue, green, red.
        boxes: (N, 4) xyxy, pixels.
        labels: (N,) class index; below 0 for an ignore region, which has to move with the picture like an object.
    """

    image: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray


Step = Callable[[Sample], Sample]


def build_steps(
    section: Any, where: str, imgsz: int, channels: int, nc: int, rect: bool = False
) -> list[tuple[str, Step]]:
    """Build what a model file's `augmentations:` asks for, with its names, and try each on made pictures.

    Args:
        section: as `listed` takes it.
        where: the file, for messages.
        imgsz: side of the network input, pixels.
        channels, nc: of the data.
        rect: pictures are not square.

    Raises:
        InputError: an unknown name or argument, a step that does not give back what it should, or one that loses boxes.
    """
    made = []
    for spec in listed(section, where) or ():
        if not isinstance(spec, (str, dict)):
            raise InputError(f"augmentations in {where} must be a list of names or mappings, not {spec!r}")
        step = build(spec, AUGMENTATIONS, where=f"{where}: augmentations", imgsz=imgsz, nc=nc)
        made.append((spec if isinstance(spec, str) else spec["type"], step))
    states = random.getstate(), np.random.get_state()
    try:
        for name, step in made:
            _try(name, step, (imgsz // 2 if rect else imgsz, imgsz, channels), nc)
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
    return made


def _try(name: str, step: Step, shape: tuple[int, int, int], nc: int) -> None:
    """Apply a step to pictures (H, W, C), by the same random numbers without objects, with tiny and with larger ones.

    A tiny box is lost where it goes and the larger one round it stays, with its whole border inside the picture.
    """
    h, w = shape[:2]
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    x, y = (v.ravel() for v in np.meshgrid(np.linspace(w / 3, w * 2 / 3, 3), np.linspace(h / 3, h * 2 / 3, 3)))
    labels = np.array([nc - 1] * len(x) + [-1])

    def found(radius: float, seed: int, n: int) -> np.ndarray:
        boxes = np.vstack((np.stack((x - radius, y - radius, x + radius, y + radius), 1), [[0, 0, w, h / 2]]))
        random.seed(seed)
        np.random.seed(seed)
        sample = Sample(image, boxes.clip(0, [w, h, w, h]).astype(np.float32)[:n], labels[:n])
        made = augment(sample, name, getattr(step, "always", step), nc)
        return made.boxes[made.labels >= 0]

    found(TINY / 2, 0, 0)
    for seed in range(TRIALS):
        tiny, larger = found(TINY / 2, seed, len(labels)), found(ROUND_IT / 2, seed, len(labels))
        whole = larger[((larger[:, :2] > 0) & (larger[:, 2:] < [w, h])).all(1)]
        centres = (tiny[:, :2] + tiny[:, 2:]) / 2
        alone = ~((centres > whole[:, None, :2]) & (centres < whole[:, None, 2:])).all(2).any(1)
        if alone.any():
            raise InputError(
                f"augmentation {name!r} loses boxes: {alone.sum()} of {len(x)} of {TINY:g} px in the middle of a "
                "picture; leave it out"
            )


def augment(sample: Sample, name: str, step: Step, nc: int) -> Sample:
    """Apply one step, and cut boxes to the picture.

    An object goes when most of it has left the picture, an ignore region when all of it has; none because it is small.

    Args:
        sample: what goes in; the step gets a copy.
        name: for messages.
        step: the augmentation.
        nc: number of classes.

    Raises:
        InputError: it raises, or gives something else than a picture of the same size with a label for each box.
    """
    try:
        made = step(Sample(sample.image.copy(), sample.boxes.copy(), sample.labels.copy()))
    except Exception as error:
        reason = (str(error).strip().splitlines() or [""])[0]
        raise InputError(f"augmentation {name!r} fails: {type(error).__name__}: {reason}") from error
    if problem := _problem(sample, made, nc):
        raise InputError(f"augmentation {name!r} {problem}")
    return _inside(made)


def _problem(before: Sample, made: Any, nc: int) -> str:
    """What is wrong with what a step gave back; empty when nothing is."""
    if not isinstance(made, Sample):
        return f"gives a {type(made).__name__} instead of a Sample"
    image, boxes, labels = made.image, np.asarray(made.boxes), np.asarray(made.labels)
    shape, dtype = getattr(image, "shape", None), getattr(image, "dtype", None)
    if shape != before.image.shape or dtype != np.uint8:
        return f"gives a picture of {_sizes(shape)} {dtype} for one of {_sizes(before.image.shape)} uint8"
    if boxes.shape != (len(labels), 4) or labels.shape != (len(labels),):
        return f"gives boxes of {_sizes(boxes.shape)} with labels of {_sizes(labels.shape)}; expected N x 4 and N"
    if not np.isfinite(boxes.astype(float)).all():
        return "gives a box that is not finite"
    if len(labels) and (labels.max() >= nc or (labels % 1).any()):
        return f"gives a label that is none of the {nc} classes"
    return ""


def _sizes(shape: Sequence[int] | None) -> str:
    return " x ".join(map(str, shape)) if shape else "no size"


def _inside(sample: Sample) -> Sample:
    """Boxes cut to the picture, without those that have left it."""
    h, w = sample.image.shape[:2]
    boxes = np.asarray(sample.boxes, np.float32).reshape(-1, 4)
    cut = boxes.clip(0, np.array([w, h, w, h], np.float32))
    sides, whole = cut[:, 2:] - cut[:, :2], boxes[:, 2:] - boxes[:, :2]
    seen = sides.prod(1) > MISSING_AREA * whole.prod(1)
    stays = (sides > 0).all(1) & (whole > 0).all(1) & (seen | (np.asarray(sample.labels) < 0))
    return replace(sample, boxes=cut[stays], labels=np.asarray(sample.labels)[stays])
