"""Non-maximum suppression that never gives up early: no time limit, and what a cap removes is said."""

from __future__ import annotations

from collections import Counter

import torch
import torchvision
from torch import Tensor

from ..boxes import xywh2xyxy

MAX_CANDIDATES = 60_000  # boxes of one picture that enter the suppression; the best stay


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
) -> list[Tensor]:
    """Suppress overlapping boxes per class.

    Args:
        y: (B, 4 + C, A) decoded xywh pixels and scores, or (B, N, 6) xyxy, score, class from an end-to-end head or an
            export with suppression inside.
        nc: number of classes, C.
        conf: least score.
        iou: overlap above which the lower-scored of two boxes of a class goes.
        max_det: boxes kept per picture.
        multi_label: let a box speak for every class above `conf`, not only its best.
        agnostic: suppress across classes.
        classes: keep only these class indices.
        left_out: counts here what the two caps remove; see `describe`.
        extra: (B, A, E) further values of each prediction, of heads without suppression inside.

    Returns:
        Per picture (n, 6), or (n, 6 + E): xyxy pixels, score, class, extra; best first.
    """
    keep_class = None if classes is None else torch.as_tensor(classes, device=y.device)
    finished = y.shape[-1] == 6
    left_out = Counter() if left_out is None else left_out
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
            rows = rows[torchvision.ops.batched_nms(rows[:, :4], rows[:, 4], group, iou)]
        beyond = len(rows) - max_det
        if beyond > 0:
            left_out.update(detections=beyond, pictures=1)
        out.append(rows[:max_det])
    return out


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


def _candidates(pred: Tensor, conf: float, multi_label: bool, extra: Tensor | None) -> tuple[Tensor, int]:
    """(A, 4 + C) predictions -> (n, 6 + E) rows above `conf`, and how many the cap removed."""
    scores = pred[:, 4:]
    if multi_label and scores.shape[1] > 1:
        i, j = (scores > conf).nonzero(as_tuple=True)
        best = scores[i, j]
    else:
        best, j = scores.max(1)
        i = (best > conf).nonzero()[:, 0]
        best, j = best[i], j[i]
    removed = max(0, len(best) - MAX_CANDIDATES)
    if removed:
        best, top = best.topk(MAX_CANDIDATES)
        i, j = i[top], j[top]
    rows = [xywh2xyxy(pred[i, :4]), best[:, None], j[:, None].to(best)]
    return torch.cat(rows if extra is None else [*rows, extra[i].to(best)], 1), removed
