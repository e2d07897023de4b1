"""The transforms of albumentations as steps of augmentation, with our rule for which boxes stay."""

from __future__ import annotations

import functools
import inspect
import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..errors import InputError
from ..registry import Registry, build

if TYPE_CHECKING:
    from .augment import Sample

MISSING_AREA = 0.1  # share of an object that must stay inside the picture, as in the affine step
INNER = "transforms"  # the argument of OneOf, SomeOf and Sequential


@functools.cache
def transforms() -> dict[str, Callable[..., Albumented]]:
    """What makes a step of each transform of albumentations, by its name; imports albumentations."""
    import albumentations

    kinds = (albumentations.BasicTransform, albumentations.BaseCompose)
    classes = {k: v for k, v in vars(albumentations).items() if inspect.isclass(v) and issubclass(v, kinds)}
    return {k: _maker(k, v) for k, v in classes.items() if not inspect.isabstract(v) and v not in kinds}


def _maker(name: str, kind: type) -> Callable[..., Albumented]:
    """What makes a step of a class of albumentations, with the arguments of that class."""

    def make(**arguments: Any) -> Albumented:
        if INNER in arguments:
            arguments[INNER] = [_inner(name, spec) for spec in arguments[INNER] or ()]
        try:
            return Albumented(kind(**arguments))
        except Exception as error:
            raise InputError(f"augmentation {name!r} cannot be made: {_reason(error)}") from error

    make.__signature__ = inspect.signature(kind)  # type: ignore[attr-defined]  # the registry builds by it
    return make


def _inner(name: str, spec: Any) -> Any:
    """A transform within another one."""
    return build(spec, Registry("augmentation", transforms()), where=f"{name}: {INNER}").transform


def _reason(error: Exception) -> str:
    """One line of an error, which albumentations may write in several."""
    lines = [line.split(" [type=")[0].strip() for line in str(error).splitlines() if line.strip()]
    if len(lines) > 2 and "validation error" in lines[0]:
        return f"{lines[1]}: {lines[2].removeprefix('Value error, ')}"
    return lines[0] if lines else type(error).__name__


def as_spec(transform: Any) -> Any:
    """A transform of albumentations as a model file has it, and anything else as it is.

    Raises:
        InputError: one that no file can describe: a class of the user's own, or a function.
    """
    if not callable(getattr(transform, "to_dict", None)):
        return transform
    try:
        return _spec_of(transform.to_dict()["transform"])
    except Exception as error:
        kind = type(transform).__name__
        raise InputError(
            f"augmentations: {kind} cannot be written down, so no checkpoint could go on with it; register it as a "
            "part of your own (docs/own_parts.md)"
        ) from error


def _spec_of(described: dict[str, Any]) -> dict[str, Any]:
    name = described["__class_fullname__"]
    name = "Sequential" if name == "Compose" else name
    if name not in transforms():
        raise InputError(name)
    taken = inspect.signature(transforms()[name]).parameters
    arguments = {k: list(v) if isinstance(v, tuple) else v for k, v in described.items() if k in taken}
    if INNER in arguments:
        arguments[INNER] = [_spec_of(inner) for inner in arguments[INNER]]
    return {"type": name} | arguments


class Albumented:
    """A transform of albumentations as a step (see `augment.Step`).

    An object goes when more than nine tenths of it have left the picture, an ignore region when all of it has; none
    because it is small. Random numbers follow from those of `random`, so a resumed run goes on with them.

    Args:
        transform: of albumentations, or a composition of some.
    """

    def __init__(self, transform: Any):
        from albumentations import BboxParams, Compose, DualTransform

        self.transform = transform
        moves = any(isinstance(one, DualTransform) for one in _leaves(transform))
        self.composed = {}
        for least in (0.0, MISSING_AREA) if moves else ():
            how = BboxParams("pascal_voc", ["index"], min_visibility=least, clip=True, filter_invalid_bboxes=True)
            self.composed[least] = Compose([transform], bbox_params=how)
        self.plain = None if moves else Compose([transform])

    @property
    def always(self) -> Albumented:
        """The same, applied with certainty: for a trial."""
        sure = deepcopy(self.transform)
        sure.p = 1.0
        return Albumented(sure)

    def __call__(self, sample: Sample) -> Sample:
        """A sample with its picture and boxes changed; see `augment.Step`."""
        seed = random.getrandbits(32)
        turned = sample.image.shape[2] == 3  # albumentations has red first
        image = cv2.cvtColor(sample.image, cv2.COLOR_BGR2RGB) if turned else sample.image
        if self.plain is not None:
            self.plain.set_random_seed(seed)
            made, boxes, index = self.plain(image=image)["image"], sample.boxes, np.arange(len(sample.boxes))
        else:
            made, boxes, index = self._move(image, sample, seed)
        made = cv2.cvtColor(made, cv2.COLOR_RGB2BGR) if turned else made
        return replace(sample, image=made, boxes=boxes, labels=sample.labels[index])

    def _move(self, image: np.ndarray, sample: Sample, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The picture (H, W, C), boxes (n, 4) xyxy pixels and where they came from (n,); one seed for all parts."""
        region = sample.labels < 0
        found = []
        for least, chosen in ((MISSING_AREA, ~region), (0.0, region)):
            if chosen.any() or least:
                composed = self.composed[least]
                composed.set_random_seed(seed)
                given = {"bboxes": sample.boxes[chosen], "index": np.flatnonzero(chosen)}
                found.append(composed(image=image, **given))
        boxes = np.concatenate([np.reshape(one["bboxes"], (-1, 4)) for one in found]).astype(np.float32)
        index = np.concatenate([np.asarray(one["index"], int) for one in found])
        order = index.argsort(kind="stable")
        return found[0]["image"], boxes[order], index[order]


def _leaves(transform: Any) -> list[Any]:
    """The transforms that a composition is made of."""
    inner = getattr(transform, INNER, None)
    return [transform] if inner is None else [leaf for one in inner for leaf in _leaves(one)]
