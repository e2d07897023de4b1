"""Non-maximum suppression that never gives up early: no time limit, and what a cap removes is counted."""

from __future__ import annotations

import torch
import torchvision
from torch import Tensor
from ultralytics.utils import LOGGER

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
    classes: list[int] | None = None,
) -> list[Tensor]:
    """Suppress overlapping boxes per class.

    Args:
        y: (B, 4 + C, A) decoded xywh pixels and scores, or (B, N, 6) xyxy, score, class from an end-to-end head or an
            export with suppression inside.
        nc: number of classes, C.
        conf: least score.
        iou: overlap above which the lower-scored of two boxes of a class goes.
        max_det: boxes kept per picture; a count of those beyond is logged.
        multi_label: let a box speak for every class above `conf`, not only its best.
        agnostic: suppress across classes.
        classes: keep only these class indices.

    Returns:
        Per picture (n, 6): xyxy pixels, score, class; best first.
    """
    keep_class = None if classes is None else torch.tensor(classes, device=y.device)
    finished = y.shape[-1] == 6 and y.shape[1] != 4 + nc
    beyond = cut = 0
    out = []
    for pred in y:
        if finished:
            rows = pred[pred[:, 4] > conf].float()
        else:
            rows, removed = _candidates(pred.transpose(0, 1).float(), conf, multi_label)
            cut += removed
        if keep_class is not None:
            rows = rows[(rows[:, 5:] == keep_class).any(1)]
        if not finished and len(rows):
            group = torch.zeros_like(rows[:, 5]) if agnostic else rows[:, 5]
            rows = rows[torchvision.ops.batched_nms(rows[:, :4], rows[:, 4], group, iou)]
        beyond += max(0, len(rows) - max_det)
        out.append(rows[:max_det])
    if beyond:
        LOGGER.debug(f"max_det={max_det} left out {beyond} boxes of {len(out)} pictures")
    if cut:
        LOGGER.warning(f"{cut} low-scored candidates were left out of NMS; raise conf above {conf} to keep it exact")
    return out


def _candidates(pred: Tensor, conf: float, multi_label: bool) -> tuple[Tensor, int]:
    """(A, 4 + C) predictions -> (n, 6) rows above `conf`, and how many the cap removed."""
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
    return torch.cat((xywh2xyxy(pred[i, :4]), best[:, None], j[:, None].to(best)), 1), removed
