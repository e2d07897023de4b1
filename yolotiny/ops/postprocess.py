"""Non-maximum suppression that never gives up early: no time limit, and what a cap removes is said."""

from __future__ import annotations

from collections import Counter

import torch
import torchvision
from torch import Tensor

from ..boxes import xywh2xyxy
from . import nms as arrays
from . import suppression
from .suppression import MAX_CANDIDATES, NWD_SCALE, NWD_THRESHOLD, NMSConfig, check_metric, describe, scale_for

__all__ = ["MAX_CANDIDATES", "NWD_SCALE", "NWD_THRESHOLD", "NMSConfig", "check_metric", "describe", "nms", "scale_for"]


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
        config.check_suppressed()
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
            rows[:, 5] = _numbered(config, rows[:, 5])
    return found


def _numbered(config: NMSConfig, labels: Tensor) -> Tensor:
    """(n,) class indices of the network -> (n,) those that come out."""
    if config.numbers is None:
        return labels
    return torch.as_tensor(config.numbers, device=labels.device).to(labels.dtype)[labels.long()]


def _wanted(config: NMSConfig, labels: Tensor) -> Tensor:
    """(n,) class indices of the network -> (n,) bool, True for the classes to keep."""
    if config.classes is None:
        return torch.ones_like(labels, dtype=torch.bool)
    return (_numbered(config, labels)[:, None] == torch.as_tensor(config.classes, device=labels.device)).any(1)


def _finished(rows: Tensor, config: NMSConfig) -> Tensor:
    """(N, 6) rows of a network that suppresses within classes by itself -> those above `conf`, best first."""
    rows = rows[rows[:, 4] > config.conf].float()
    rows = rows[rows[:, 4].argsort(descending=True)]
    rows = rows[_wanted(config, rows[:, 5])]
    return rows[_kept(rows, torch.zeros_like(rows[:, 5]), config.iou)] if config.agnostic else rows


def _alone(pred: Tensor, config: NMSConfig, left_out: Counter[str], extra: Tensor | None) -> Tensor:
    """`nms` of one picture, (4 + C, A), without its cap of detections."""
    rows, removed = _candidates(pred.transpose(0, 1).float(), config.conf, config.multi_label, extra)
    left_out["candidates"] += removed
    rows = rows[_wanted(config, rows[:, 5])]
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
    removed = max(0, len(best) - suppression.MAX_CANDIDATES)
    if removed:
        best, top = best.topk(suppression.MAX_CANDIDATES)
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
    wanted = _wanted(config, j)
    rows, k = rows[wanted], k[wanted]
    group = k if config.agnostic else k * scores.shape[1] + rows[:, 5].long()
    kept = _kept(rows, group, config.iou)
    kept = kept[k[kept].argsort(stable=True)]
    return list(rows[kept].split(torch.bincount(k[kept], minlength=len(y)).tolist()))
