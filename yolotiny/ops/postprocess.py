"""Non-maximum suppression that never gives up early: no time limit, and what a cap removes is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torchvision
from torch import Tensor

from ..boxes import xywh2xyxy
from ..errors import InputError, above_zero, did_you_mean, number, whole
from ..training_stats import TrainingStats, config_of
from . import nms as arrays

MAX_CANDIDATES = 60_000  # boxes of one picture that enter the suppression; the best stay
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
        classes: keep only these class indices.
        c: compare by NWD of this scale (pixels of the network input) in the place of IoU; see `scale_for`.
        numbers: of each class of the network, the number that it has here, in `classes` and in what comes out; None
            where that is the same.

    Raises:
        InputError: a number that cannot be.
    """

    conf: float = 0.25
    iou: float = 0.7
    max_det: int = 1500
    multi_label: bool = False
    agnostic: bool = False
    classes: int | Sequence[int] | None = None
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

    @property
    def suppression(self) -> arrays.Suppression:
        """The same for rows in numpy."""
        return arrays.Suppression(self.iou, self.agnostic, self.c)

    def numbered(self, labels: Tensor) -> Tensor:
        """(n,) class indices of the network -> (n,) those that come out."""
        if self.numbers is None:
            return labels
        return torch.as_tensor(self.numbers, device=labels.device).to(labels.dtype)[labels.long()]

    def wanted(self, labels: Tensor) -> Tensor:
        """(n,) class indices of the network -> (n,) bool, True for the classes to keep."""
        if self.classes is None:
            return torch.ones_like(labels, dtype=torch.bool)
        return (self.numbered(labels)[:, None] == torch.as_tensor(self.classes, device=labels.device)).any(1)


def nms(
    y: Tensor,
    config: NMSConfig,
    left_out: Counter[str] | None = None,
    extra: Tensor | None = None,
    together: bool = False,
) -> list[Tensor]:
    """Suppress overlapping boxes per class.

    Args:
        y: (B, 4 + C, A) decoded xywh pixels and scores, or (B, N, 6) xyxy, score, class from an end-to-end head, from
            one with a heat map, or from an export with suppression inside.
        config: thresholds, caps and what is compared.
        left_out: counts here what the two caps remove; see `describe`.
        extra: (B, A, E) further values of each prediction, of heads without suppression inside.
        together: work on all pictures at once, which is faster for many small ones; only by IoU and without `extra`.

    Returns:
        Per picture (n, 6), or (n, 6 + E): xyxy pixels, score, class, extra; best first.

    Raises:
        InputError: NWD is asked for and the boxes come suppressed.
    """
    left_out = Counter() if left_out is None else left_out
    if y.shape[-1] == 6:
        if config.c is not None:
            raise InputError(
                "nms_metric=nwd: this model's boxes come suppressed; leave it out, or export without nms=True"
            )
        found = [_finished(pred, config) for pred in y]
    elif together and config.c is None and extra is None:
        found = _together(y, config)
    else:
        extras = [None] * len(y) if extra is None else extra
        found = [_alone(pred, config, left_out, more) for pred, more in zip(y, extras, strict=True)]
    for rows in found:
        if len(rows) > config.max_det:
            left_out.update(detections=len(rows) - config.max_det, pictures=1)
    found = [rows[: config.max_det] for rows in found]
    if config.numbers is not None:
        for rows in found:
            rows[:, 5] = config.numbered(rows[:, 5])
    return found


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


def _finished(rows: Tensor, config: NMSConfig) -> Tensor:
    """(N, 6) rows of a network that suppresses within classes by itself -> those above `conf`, best first."""
    rows = rows[rows[:, 4] > config.conf].float()
    rows = rows[rows[:, 4].argsort(descending=True)]
    rows = rows[config.wanted(rows[:, 5])]
    return rows[_kept(rows, torch.zeros_like(rows[:, 5]), config.iou)] if config.agnostic else rows


def _alone(pred: Tensor, config: NMSConfig, left_out: Counter[str], extra: Tensor | None) -> Tensor:
    """`nms` of one picture, (4 + C, A), without its cap of detections."""
    rows, removed = _candidates(pred.transpose(0, 1).float(), config.conf, config.multi_label, extra)
    left_out["candidates"] += removed
    rows = rows[config.wanted(rows[:, 5])]
    group = torch.zeros_like(rows[:, 5]) if config.agnostic else rows[:, 5]
    return rows[_kept(rows, group, config.iou, config.c)]


def _kept(rows: Tensor, group: Tensor, iou: float, c: float | None = None) -> Tensor:
    """Indices of the (n, 6) rows that stay, best first: by torchvision on a GPU, in numpy else and by NWD."""
    if c is None and rows.device.type != "cpu":
        return torchvision.ops.batched_nms(rows[:, :4], rows[:, 4], group, iou)
    boxes, scores, groups = (x.cpu().numpy() for x in (rows[:, :4], rows[:, 4], group))
    kept = (
        arrays.batched_nms(boxes, scores, groups, iou) if c is None else arrays.nwd_nms(boxes, scores, groups, iou, c)
    )
    return torch.from_numpy(kept).to(rows.device)


def _candidates(pred: Tensor, conf: float, multi_label: bool, extra: Tensor | None) -> tuple[Tensor, int]:
    """(A, 4 + C) predictions -> (n, 6 + E) rows above `conf`, and how many the cap removed."""
    scores = pred[:, 4:]
    if multi_label and scores.shape[1] > 1:
        i, j = (scores > conf).nonzero(as_tuple=True)
        best = scores[i, j]
    else:
        i = (scores.amax(1) > conf).nonzero()[:, 0]
        best, j = scores[i].max(1)
    removed = max(0, len(best) - MAX_CANDIDATES)
    if removed:
        best, top = best.topk(MAX_CANDIDATES)
        i, j = i[top], j[top]
    rows = [xywh2xyxy(pred[i, :4]), best[:, None], j[:, None].to(best)]
    return torch.cat(rows if extra is None else [*rows, extra[i].to(best)], 1), removed


def _together(y: Tensor, config: NMSConfig) -> list[Tensor]:
    """`nms` of (B, 4 + C, A) predictions in one call, without its caps; pictures leave each other alone."""
    scores = y[:, 4:].float()
    if config.multi_label and scores.shape[1] > 1:
        k, j, i = (scores > config.conf).nonzero(as_tuple=True)
        best = scores[k, j, i]
    else:
        k, i = (scores.amax(1) > config.conf).nonzero(as_tuple=True)
        best, j = scores[k, :, i].max(1)  # the class of few is asked: max of all takes far longer
    rows = torch.cat((xywh2xyxy(y[k, :4, i].float()), best[:, None], j[:, None].to(best)), 1)
    wanted = config.wanted(j)
    rows, k = rows[wanted], k[wanted]
    group = k if config.agnostic else k * scores.shape[1] + rows[:, 5].long()
    kept = _kept(rows, group, config.iou)
    kept = kept[k[kept].argsort(stable=True)]
    return list(rows[kept].split(torch.bincount(k[kept], minlength=len(y)).tolist()))
