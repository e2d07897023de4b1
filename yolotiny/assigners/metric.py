"""Which similarity an assigner goes by: overlaps of the IoU family, or Gaussian distances of a scale C."""

from __future__ import annotations

import math

from torch import Tensor

from .. import boxes
from ..errors import InputError, above_zero, did_you_mean

OVERLAPS = {"iou": boxes.iou, "giou": boxes.giou, "diou": boxes.diou, "ciou": boxes.ciou}
GAUSSIAN = ("gwd", "nwd")
METRICS = (*OVERLAPS, *GAUSSIAN)


class Metric:
    """A similarity of boxes, 1 where they coincide.

    Args:
        assigner: its name, for messages.
        name: "iou", "giou", "diou", "ciou", "gwd" or "nwd".
        c: pixels of the network input in which a Gaussian distance counts 1; "auto" for `object_size`.
        object_size: mean object size of the training boxes, pixels.
    Raises:
        InputError: an unknown name, a c that is not positive, a c that nothing reads.

    Attributes:
        c: pixels; None for overlaps, which have no scale.
        least: a similarity that is none: no overlap for IoU, -inf for the others, which never end.
    """

    def __init__(self, assigner: str, name: str, c: float | str, object_size: float):
        if name not in METRICS:
            known = f"{', '.join(METRICS[:-1])} or {METRICS[-1]}"
            raise InputError(f"{assigner}: metric must be {known}, not {name!r}{did_you_mean(str(name), METRICS)}")
        self.name, self.c = name, None
        if name in GAUSSIAN:
            self.c = above_zero(object_size if c == "auto" else c, f"{assigner}: c", 12.7)
        elif c != "auto":
            raise InputError(
                f"{assigner}: c={c} is read with metric=nwd and metric=gwd only; leave it out or add metric=nwd"
            )
        self.least = 0.0 if name == "iou" else -math.inf

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        """(..., 4) and (..., 4) xyxy pixels that broadcast against each other -> (...), at most 1."""
        if self.c is None:
            return OVERLAPS[self.name](a, b)
        return boxes.nwd(a, b, self.c) if self.name == "nwd" else boxes.gwd(a, b, unit=self.c)

    def ranked(self, a: Tensor, b: Tensor) -> Tensor:
        """What ranks as the similarity does and does not end where float32 does: of NWD the logarithm.

        (..., 4) and (..., 4) xyxy pixels that broadcast against each other -> (...).
        """
        if self.c is None or self.name != "nwd":
            return self(a, b)
        return boxes.wasserstein(a, b) * (-1 / self.c)

    def level(self, value: float) -> float:
        """A similarity above 0 on the scale of `ranked`."""
        return math.log(value) if self.name == "nwd" else value

    def share(self, a: Tensor, b: Tensor) -> Tensor:
        """The similarity as a share, 0 to 1, for logarithms: those that fall below 0 start from -1.

        (..., 4) and (..., 4) xyxy pixels that broadcast against each other -> (...).
        """
        found = self(a, b)
        return found if self.name in ("iou", *GAUSSIAN) else ((1 + found) / 2).clamp(min=0)

    def distance(self, value: float, side: float) -> float:
        """Pixels between two centres, along either axis, beyond which boxes are less similar than `value`.

        IoU is at most the overlap along one axis over the longer of the two sides there, which bounds the distance in
        terms of one box alone; the others of its family are at most IoU.

        Args:
            value: above 0 and below 1.
            side: the longest of one of the boxes, pixels.
        """
        if self.c is None:
            return side * max((1 / value - 1) / 2, 1 - value)
        if self.name == "nwd":
            return -self.c * math.log(value)
        return self.c * math.sqrt(math.expm1(min(1 / value - 1, 300)))
