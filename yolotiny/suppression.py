"""Greedy suppression for crowds: of tens of thousands of candidates only those are compared that can overlap enough.

The usual suppression compares every box with every better one, which for the candidates of a large picture takes longer
than the network. Here boxes are sorted along x, and each is compared with those that begin soon after it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torchvision
from torch import Tensor

from .boxes import nwd

PAIRS = 2**19  # pairs looked at together, about 40 MB
FEW = 1500  # boxes up to which torchvision's comparison of all with all is faster


def close_pairs(start: Tensor, reach: Tensor, group: Tensor | None = None) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs of one group of which the second starts within reach of the first.

    Args:
        start: (n,) a coordinate of each item.
        reach: (n,) how far behind its start an item looks, same unit.
        group: (n,) integers, as any type; None where all are of one group.

    Yields:
        Indices (k,) of first and of second items, `PAIRS` or so at a time; no pair twice.
    """
    n = len(start)
    if n < 2:
        return
    at = start.double()
    if group is not None:  # groups side by side
        at = at + group.double() * (at.max() - at.min() + reach.max().double() + 1)
    at, order = at.sort(stable=True)
    here = torch.arange(n, device=at.device)
    count = (torch.searchsorted(at, at + reach[order], right=True) - here - 1).clamp(min=0)
    ends = count.cumsum(0)
    starts = ends - count
    blocks = starts.div(PAIRS, rounding_mode="floor").unique_consecutive(return_counts=True)[1]
    for rows in here.split(blocks.tolist()):
        first = rows.repeat_interleave(count[rows])
        second = first + 1 + torch.arange(len(first), device=at.device) - (starts[first] - starts[rows[0]])
        yield order[first], order[second]


def greedy(better: Tensor, worse: Tensor, n: int) -> Tensor:
    """Which of n items stay when, from the best down, each that stays removes the worse ones it is paired with.

    Args:
        better, worse: (k,) the items of each pair, numbered from the best down.
        n: items.

    Returns:
        (n,) True for those that stay.
    """
    stays = torch.ones(n, dtype=torch.bool, device=better.device)
    while True:  # what stays depends on better items alone, so this settles from the best down
        after = torch.ones_like(stays)
        after[worse[stays[better]]] = False
        if torch.equal(after, stays):
            return stays
        stays = after


def batched_nms(boxes: Tensor, scores: Tensor, group: Tensor, iou: float) -> Tensor:
    """What torchvision's function of this name returns, on a CPU several times as fast for thousands of boxes.

    Args:
        boxes: (n, 4) xyxy; scores: (n,); group: (n,) boxes of different groups leave each other alone.
        iou: overlap above which a box goes that a better one has.

    Returns:
        Indices of the boxes that stay, best first.
    """
    if len(boxes) <= FEW or boxes.device.type != "cpu":
        return torchvision.ops.batched_nms(boxes, scores, group, iou)
    order = scores.argsort(descending=True, stable=True)
    ranked = boxes[order]
    x1, y1, x2, y2 = ranked.unbind(1)
    w, h = x2 - x1, y2 - y1
    size = w * h
    found = []
    # Intersection > iou * union >= iou * w * h: more than that share of either side is shared. A little for rounding.
    for i, j in close_pairs(x1, (1.001 - iou) * w.clamp(min=0), group[order]):
        high = torch.minimum(y2[i], y2[j]) - torch.maximum(y1[i], y1[j])
        near = (high > (iou - 0.001) * torch.maximum(h[i], h[j])).nonzero()[:, 0]
        i, j = i[near], j[near]
        shared = (torch.minimum(x2[i], x2[j]) - torch.maximum(x1[i], x1[j])).clamp(min=0) * high[near]
        same = shared / (size[i] + size[j] - shared) > iou
        found.append(torch.stack((i[same], j[same])))
    return order[_stay(found, len(order), order.device)]


def nwd_nms(boxes: Tensor, scores: Tensor, group: Tensor, threshold: float, c: float) -> Tensor:
    """Greedy suppression by NWD: a box goes when a better one that stays is more like it than `threshold`.

    Only boxes whose centres lie within -c ln(threshold) pixels can be that much alike.

    Args:
        boxes: (n, 4) xyxy, pixels; scores: (n,); group: (n,) boxes of different groups leave each other alone.
        threshold: NWD in 0..1.
        c: scale of NWD, pixels.

    Returns:
        Indices of the boxes that stay, best first.

    Source: Wang et al. 2021 (NWD, arXiv 2110.13389).
    """
    order = scores.argsort(descending=True, stable=True)
    b = boxes[order]
    x = (b[:, 0] + b[:, 2]) / 2
    reach = torch.full_like(x, -c * math.log(max(threshold, 1e-6)) * 1.001)
    found = []
    for i, j in close_pairs(x, reach, group[order]):
        alike = nwd(b[i], b[j], c) > threshold
        found.append(torch.stack((i[alike], j[alike])))
    return order[_stay(found, len(order), order.device)]


def _stay(pairs: list[Tensor], n: int, device: torch.device) -> Tensor:
    """`greedy` of (2, k) pairs in blocks, the better of a pair in either place."""
    none = torch.zeros(2, 0, dtype=torch.long, device=device)
    better, worse = torch.cat([none, *pairs], 1).sort(0).values
    return greedy(better, worse, n)
