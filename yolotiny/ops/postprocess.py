"""Non-maximum suppression that never gives up early: no time limit, and what a cap removes is said."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
import torchvision
from torch import Tensor

from ..boxes import xywh2xyxy
from ..errors import InputError, above_zero, did_you_mean
from ..training_stats import TrainingStats
from . import nms as arrays

MAX_CANDIDATES = 60_000  # boxes of one picture that enter the suppression; the best stay
METRICS = ("iou", "nwd")
NWD_THRESHOLD = 0.85  # Wang et al. 2021 (arXiv 2110.13389), for suppression by NWD


def nms(
    y: Tensor,
    nc: int,
    conf: float = 0.25,
    iou: float = 0.7,
    max_det: int = 1500,
    multi_label: bool = False,
    agnostic: bool = False,
    classes: int | list[int] | None = None,
    left_out: Counter[str] | None = None,
    extra: Tensor | None = None,
    c: float | None = None,
    together: bool = False,
) -> list[Tensor]:
    """Suppress overlapping boxes per class.

    Args:
        y: (B, 4 + C, A) decoded xywh pixels and scores, or (B, N, 6) xyxy, score, class from an end-to-end head, from
            one with a heat map, or from an export with suppression inside.
        nc: number of classes, C.
        conf: least score.
        iou: overlap above which the lower-scored of two boxes of a class goes.
        max_det: boxes kept per picture.
        multi_label: let a box speak for every class above `conf`, not only its best.
        agnostic: suppress across classes.
        classes: keep only these class indices.
        left_out: counts here what the two caps remove; see `describe`.
        extra: (B, A, E) further values of each prediction, of heads without suppression inside.
        c: compare by NWD of this scale (pixels) in the place of IoU.
        together: work on all pictures at once, which is faster for many small ones; without `extra` and `c`.

    Returns:
        Per picture (n, 6), or (n, 6 + E): xyxy pixels, score, class, extra; best first.

    Raises:
        InputError: NWD is asked for and the boxes come suppressed.
    """
    keep_class = None if classes is None else torch.as_tensor(classes, device=y.device)
    finished = y.shape[-1] == 6
    if finished and c is not None:
        raise InputError("nms_metric=nwd: this model's boxes come suppressed; leave it out, or export without nms=True")
    left_out = Counter() if left_out is None else left_out
    if together and not finished and c is None and extra is None:
        return _together(y, conf, iou, max_det, multi_label, agnostic, keep_class, left_out)
    out = []
    for k, pred in enumerate(y):
        if finished:
            rows = pred[pred[:, 4] > conf].float()
            rows = rows[rows[:, 4].argsort(descending=True)]
        else:
            rows, removed = _candidates(
                pred.transpose(0, 1).float(), conf, multi_label, None if extra is None else extra[k]
            )
            left_out["candidates"] += removed
        if keep_class is not None:
            rows = rows[(rows[:, 5:6] == keep_class).any(1)]
        if not finished:
            group = torch.zeros_like(rows[:, 5]) if agnostic else rows[:, 5]
            rows = rows[_kept(rows, group, iou, c)]
        beyond = len(rows) - max_det
        if beyond > 0:
            left_out.update(detections=beyond, pictures=1)
        out.append(rows[:max_det])
    return out


def check_metric(section: dict[str, Any], head: Any = None) -> None:
    """Raise InputError where `nms_metric` or `nms_c` of an `eval:` section cannot be, or not with this head."""
    metric, c = section.get("nms_metric", "iou"), section.get("nms_c")
    if metric not in METRICS:
        raise InputError(f"nms_metric must be iou or nwd, not {metric!r}{did_you_mean(str(metric), METRICS)}")
    if c is not None:
        above_zero(c, "nms_c", 12.7)
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
    ours = getattr(model, "yaml", None) or getattr(getattr(model, "model", None), "yaml", None)
    size = TrainingStats.of(model).object_size or (12.7 if ours else None)
    if size is None:
        raise InputError("nms_metric=nwd: this file does not say how large its objects are; give nms_c=PIXELS")
    return float(size)


def describe(left_out: Counter[str], max_det: int, conf: float) -> list[str]:
    """One line for each cap that removed something."""
    lines = []
    if n := left_out["detections"]:
        lines.append(
            f"max_det={max_det} left out the {n} weakest detections of {left_out['pictures']} pictures; "
            "raise max_det or conf to have all"
        )
    if n := left_out["candidates"]:
        lines.append(
            f"{n} candidates beyond the best {MAX_CANDIDATES} of a picture did not enter NMS; raise conf above {conf}"
        )
    if n := left_out["outside"]:
        lines.append(f"{n} detections lie wholly beside the picture, in its padding, and are left out")
    return lines


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


def _together(
    y: Tensor,
    conf: float,
    iou: float,
    max_det: int,
    multi_label: bool,
    agnostic: bool,
    keep_class: Tensor | None,
    left_out: Counter[str],
) -> list[Tensor]:
    """`nms` of (B, 4 + C, A) predictions in one call; boxes of different pictures leave each other alone."""
    scores = y[:, 4:].float()
    if multi_label and scores.shape[1] > 1:
        k, j, i = (scores > conf).nonzero(as_tuple=True)
        best = scores[k, j, i]
    else:
        k, i = (scores.amax(1) > conf).nonzero(as_tuple=True)  # the class of few is asked: max of all takes far longer
        best, j = scores[k, :, i].max(1)
    rows = torch.cat((xywh2xyxy(y[k, :4, i].float()), best[:, None], j[:, None].to(best)), 1)
    if keep_class is not None:
        wanted = (j[:, None] == keep_class).any(1)
        rows, k = rows[wanted], k[wanted]
    group = k if agnostic else k * scores.shape[1] + rows[:, 5].long()
    kept = _kept(rows, group, iou)
    kept = kept[k[kept].argsort(stable=True)]
    parts = rows[kept].split(torch.bincount(k[kept], minlength=len(y)).tolist())
    for part in parts:
        if len(part) > max_det:
            left_out.update(detections=len(part) - max_det, pictures=1)
    return [part[:max_det] for part in parts]
