"""How overlapping boxes are suppressed, and the suppression of a network's raw output in numpy.

`postprocess` is the same for tensors, on a GPU too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from ..errors import InputError, above_zero, did_you_mean, number, whole
from ..training_stats import TrainingStats, config_of
from .nms import Suppression, batched_nms, nwd_nms

MAX_CANDIDATES = 60_000  # boxes of one picture that enter the suppression; the best stay
# Where the user and the recipe say nothing. Suppression at 0.6 is the official YOLOv5's own for validation; at
# ultralytics' 0.7 second boxes on one tiny object survive, see docs/record.md.
IOU = 0.6
MAX_DET = 1500  # AI-TOD's cap; ultralytics' 300 is below the objects in one crowded picture
METRICS = ("iou", "nwd")
NWD_THRESHOLD = 0.85  # Wang et al. 2021 (arXiv 2110.13389), for suppression by NWD
NWD_SCALE = 12.7  # the paper's C, pixels: the mean object size of AI-TOD, for a model that was never trained


@dataclass(frozen=True)
class NMSConfig:
    """How overlapping boxes are suppressed, checked once.

    Attributes:
        conf: least score; a box needs more.
        iou: overlap above which the lower-scored of two boxes of a class goes; of NWD where `c` is given.
        max_det: boxes kept per picture.
        multi_label: let a box speak for every class above `conf`, not only its best.
        agnostic: suppress across classes.
        classes: keep only these class indices; names of classes until they are known, see `class_numbers`.
        c: compare by NWD of this scale (pixels of the network input) in the place of IoU; see `scale_for`.
        numbers: of each class of the network, the number that it has here, in `classes` and in what comes out; None
            where that is the same.

    Raises:
        InputError: a number that cannot be.
    """

    conf: float = 0.25
    iou: float = 0.7
    max_det: int = MAX_DET
    multi_label: bool = False
    agnostic: bool = False
    classes: Any = None
    c: float | None = None
    numbers: Sequence[int] | None = None

    def __post_init__(self) -> None:
        number(self.conf, "conf", 0, 1)
        number(self.iou, "iou", 0, 1)
        whole(self.max_det, "max_det", 1)
        if self.c is not None:
            above_zero(self.c, "nms_c", NWD_SCALE)

    @classmethod
    def of(cls, args: Any, **others: Any) -> NMSConfig:
        """Read it off ultralytics' options.

        Args:
            args: `conf`, `iou`, `max_det` and `agnostic_nms` of a run.
            others: further fields, and those that are to be otherwise than in `args`.
        """
        told = {"conf": args.conf, "iou": args.iou, "max_det": args.max_det, "agnostic": bool(args.agnostic_nms)}
        return cls(**told | others)

    def check_suppressed(self) -> None:
        """Raise InputError where boxes that come suppressed, by IoU, would be asked for by NWD."""
        if self.c is not None:
            raise InputError(
                "nms_metric=nwd: this model's boxes come suppressed; leave it out, or export without nms=True"
            )

    @property
    def suppression(self) -> Suppression:
        """The same for rows in numpy."""
        return Suppression(self.iou, self.agnostic, self.c)


def check_metric(section: dict[str, Any], head: Any = None) -> None:
    """Raise InputError where `nms_metric` or `nms_c` of an `eval:` section cannot be, or not with this head."""
    metric, c = section.get("nms_metric", "iou"), section.get("nms_c")
    if metric not in METRICS:
        raise InputError(f"nms_metric must be iou or nwd, not {metric!r}{did_you_mean(str(metric), METRICS)}")
    if c is not None:
        above_zero(c, "nms_c", NWD_SCALE)
        if metric == "iou":
            raise InputError(f"nms_c={c} is read with nms_metric=nwd only")
    if metric == "nwd" and getattr(head, "end2end", False):
        raise InputError("nms_metric=nwd: boxes of this detector need no suppression; leave it out")


def scale_for(model: Any, section: dict[str, Any]) -> float | None:
    """The `c` of `nms` that an `eval:` section asks for: None for IoU.

    Without `nms_c` it is the mean object size of the training boxes, which a checkpoint has in its configuration and an
    exported file in its metadata; 12.7 for a model of ours that was never trained.

    Args:
        model: a detector, or ultralytics' wrapper round one or round an exported file.
        section: `nms_metric` and `nms_c`.

    Raises:
        InputError: a setting that cannot be, or a file that does not know its object size.
    """
    check_metric(section)
    if section.get("nms_metric", "iou") == "iou":
        return None
    if section.get("nms_c") is not None:
        return float(section["nms_c"])
    size = TrainingStats.of(model).object_size or (NWD_SCALE if config_of(model) else None)
    if size is None:
        raise InputError("nms_metric=nwd: this file does not say how large its objects are; give nms_c=PIXELS")
    return float(size)


def describe(left_out: Counter[str], config: NMSConfig) -> list[str]:
    """One line for each cap that removed something."""
    lines = []
    if n := left_out["detections"]:
        lines.append(
            f"max_det={config.max_det} left out the {n} weakest detections of {left_out['pictures']} pictures; "
            "raise max_det or conf to have all"
        )
    if n := left_out["candidates"]:
        lines.append(
            f"{n} candidates beyond the best {MAX_CANDIDATES} of a picture did not enter NMS; "
            f"raise conf above {config.conf}"
        )
    if n := left_out["outside"]:
        lines.append(f"{n} detections lie wholly beside the picture, in its padding, and are left out")
    return lines


def suppress(
    y: np.ndarray, config: NMSConfig, left_out: Counter[str] | None = None, capped: bool = True
) -> list[np.ndarray]:
    """Suppress overlapping boxes per class, as `postprocess.nms` does it for tensors.

    Args:
        y: (B, 4 + C, A) decoded xywh pixels and scores, or (B, N, 6) xyxy, score, class of boxes that come suppressed.
        config: thresholds, caps and what is compared.
        left_out: counts here what the caps remove; see `describe`.
        capped: whether only so many candidates and detections of a picture count; not in crops.

    Returns:
        Per picture (n, 6) float32: xyxy pixels, score, class; best first.

    Raises:
        InputError: NWD is asked for and the boxes come suppressed.
    """
    left_out = Counter() if left_out is None else left_out
    if y.shape[-1] == 6:
        config.check_suppressed()
        found = [_finished(rows, config) for rows in y]
    else:
        rows, k = _candidates(y, config)
        if capped and len(rows) > MAX_CANDIDATES:
            rows, k = _strongest(rows, k, left_out)
        wanted = _wanted(rows, config)
        rows, k = rows[wanted], k[wanted]
        group = k if config.agnostic else k * (y.shape[1] - 4) + rows[:, 5].astype(np.int64)
        if config.c is None:
            kept = batched_nms(rows[:, :4], rows[:, 4], group, config.iou)
        else:
            kept = nwd_nms(rows[:, :4], rows[:, 4], group, config.iou, config.c)
        of = k[kept]
        found = [rows[kept]] if len(y) == 1 else [rows[kept[of == i]] for i in range(len(y))]
    for rows in found:
        if len(rows) > config.max_det:
            left_out.update(detections=len(rows) - config.max_det, pictures=1)
    found = [rows[: config.max_det] for rows in found]
    for rows in found:
        rows[:, 5] = _numbered(rows, config)
    return found


def _numbered(rows: np.ndarray, config: NMSConfig) -> np.ndarray:
    """(n, 6) rows -> (n,) the classes that come out."""
    return rows[:, 5] if config.numbers is None else np.asarray(config.numbers)[rows[:, 5].astype(np.int64)]


def _wanted(rows: np.ndarray, config: NMSConfig) -> np.ndarray:
    """(n, 6) rows -> (n,) True for those of the classes to keep."""
    return np.ones(len(rows), bool) if config.classes is None else np.isin(_numbered(rows, config), config.classes)


def _finished(rows: np.ndarray, config: NMSConfig) -> np.ndarray:
    """(N, 6) rows of a network that suppresses within classes by itself -> those above `conf`, best first."""
    rows = rows[rows[:, 4] > config.conf].astype(np.float32, copy=False)
    rows = rows[np.argsort(-rows[:, 4], kind="stable")]
    rows = rows[_wanted(rows, config)]
    return rows[batched_nms(rows[:, :4], rows[:, 4], np.zeros(len(rows)), config.iou)] if config.agnostic else rows


def _candidates(y: np.ndarray, config: NMSConfig) -> tuple[np.ndarray, np.ndarray]:
    """(B, 4 + C, A) predictions -> (n, 6) rows above `conf`, (n,) the picture of each."""
    scores = y[:, 4:]
    if config.multi_label and scores.shape[1] > 1:
        # in the order of the predictions, and then of the classes
        k, i, j = np.nonzero(scores.transpose(0, 2, 1) > config.conf)
        best = scores[k, j, i]
    else:
        found = [_above(part, config.conf) for part in scores]
        k, i = np.repeat(np.arange(len(y)), [len(part) for part in found]), np.concatenate(found)
        of_each = scores[k, :, i]  # (n, C): the class of few is asked
        j = of_each.argmax(1)
        best = of_each[np.arange(len(j)), j]
    xywh = y[k, :4, i].astype(np.float32, copy=False)
    centre, half = xywh[:, :2], xywh[:, 2:] / 2
    parts = (centre - half, centre + half, best[:, None], j[:, None])
    return np.concatenate(parts, 1, dtype=np.float32, casting="unsafe"), k


def _above(scores: np.ndarray, conf: float) -> np.ndarray:
    """(C, A) scores -> (n,) the predictions of which one is above `conf`, and none is no number.

    The best of each class costs half of the best of each prediction, as memory is read in its order, and few of many
    classes have one that counts.
    """
    live = np.flatnonzero(~(scores.max(1) <= conf))
    return np.flatnonzero(reduce(np.maximum, [scores[c] for c in live]) > conf) if len(live) else live


def _strongest(rows: np.ndarray, k: np.ndarray, left_out: Counter[str]) -> tuple[np.ndarray, np.ndarray]:
    """The best candidates of each picture, at most `MAX_CANDIDATES` of it."""
    kept = []
    for i in np.unique(k).tolist():
        own = np.flatnonzero(k == i)
        left_out["candidates"] += max(0, len(own) - MAX_CANDIDATES)
        kept.append(own[np.argsort(-rows[own, 4], kind="stable")][:MAX_CANDIDATES])
    order = np.concatenate(kept)
    return rows[order], k[order]
