"""Changes of a training picture together with its labels: what plugins register as `augmentation`.

One is called as `step(sample) -> Sample`, after mosaic, the affine step, colours and flips of ultralytics, in the order
of the list `augmentations:` of a model file. Random numbers come from `random` or `numpy.random`, which every loader
worker seeds for itself. There are none of our own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError
from ..registry import Registry, build

MISSING_AREA = 0.1  # share of an object that must stay inside the picture, as in the affine step
AUGMENTATIONS = Registry("augmentation", {})


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


def build_steps(section: Any, where: str, imgsz: int, channels: int, nc: int) -> list[tuple[str, Step]]:
    """Build what a model file's `augmentations:` asks for, with its names, and try each on made pictures.

    Args:
        section: a name, a mapping with `type`, or a list of them; None for none.
        where: the file, for messages.
        imgsz: side of the network input, pixels.
        channels, nc: of the data.

    Raises:
        InputError: an unknown name or argument, or a step that does not give back what it should.
    """
    listed = [] if section is None else section if isinstance(section, list) else [section]
    made = []
    for spec in listed:
        if not isinstance(spec, (str, dict)):
            raise InputError(f"augmentations in {where} must be a list of names or mappings, not {section!r}")
        step = build(spec, AUGMENTATIONS, where=f"{where}: augmentations", imgsz=imgsz, nc=nc)
        made.append((spec if isinstance(spec, str) else spec["type"], step))
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (imgsz, imgsz, channels), dtype=np.uint8)
    boxes = np.array([[3.0, 3.0, 4.0, 4.0], [8.0, 8.0, 24.0, 20.0], [0.0, 0.0, imgsz, imgsz / 2]], np.float32)
    for name, step in made:
        for n in (0, 3):  # a picture without objects too
            augment(Sample(image, boxes[:n], np.array([0, nc - 1, -1][:n])), name, step, nc)
    return made


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
