"""Which similarity an assigner ranks by: IoU, or NWD of a scale C."""

from __future__ import annotations

from ..errors import InputError, above_zero, did_you_mean

METRICS = ("iou", "nwd")


def scale_of(assigner: str, metric: str, c: float | str, object_size: float) -> float | None:
    """C in pixels where the metric is NWD, None where it is IoU.

    Args:
        assigner: its name, for messages.
        metric: "iou" or "nwd".
        c: pixels, or "auto" for `object_size`.

    Raises:
        InputError: an unknown metric, a c that is not positive, a c that nothing reads.
    """
    if metric not in METRICS:
        raise InputError(f"{assigner}: metric must be iou or nwd, not {metric!r}{did_you_mean(str(metric), METRICS)}")
    if metric == "iou":
        if c != "auto":
            raise InputError(f"{assigner}: c={c} is read with metric=nwd only; leave it out or add metric=nwd")
        return None
    return above_zero(object_size if c == "auto" else c, f"{assigner}: c", 12.7)
