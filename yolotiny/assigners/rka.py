"""RKA, ranking-based assignment: each object takes the k priors that are most like it, however little that is.

Source: Xu et al. 2022 (ISPRS 190), section 4.2, and the authors' code, which ignores what is neither ranked nor unlike.

A threshold on IoU leaves objects of a few pixels without any prior; a rank never does. The similarity is that of object
and prior box; predictions are not looked at. Only priors round the object can be ranked or lie above the
threshold for negatives, and the grid says which ones those are, so the table is (M, K) of object and nearby prior and
never (M, A).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ..boxes import xywh2xyxy
from ..errors import InputError, above_zero, number, whole
from ..structures import Assignment, Priors, Targets
from .geometric import Geometric, pairs_of
from .metric import Metric
from .nearby import nearby_priors

OBJECTS = 256  # objects looked at together: a table of some 2,000 priors each takes 50 MB
CONFLICTS, TIES = ("score", "order"), ("first", "all")


def rank(score: Tensor, k: int, ties: str = "first") -> Tensor:
    """The k best of each row.

    Args:
        score: (M, K); -inf where an entry is not to be taken.
        k: how many.
        ties: "first" takes the earlier of equal scores; "all" takes every entry that equals one of the k best, as the
            authors' code does.
    Returns:
        (M, K) bool.
    """
    if not score.numel():
        return torch.zeros_like(score, dtype=torch.bool)
    last = score.topk(min(k, score.shape[1]), 1).values[:, -1:]  # (M, 1) the least score that is taken
    above, equal = score > last, score == last
    if ties == "first":
        equal = equal & (equal.cumsum(1) <= k - above.sum(1, keepdim=True))
    return (above | equal) & (score > -torch.inf)


def settle(key: Tensor, gt: Tensor, score: Tensor, count: int, conflict: str = "score") -> Tensor:
    """Give each prior to one of the objects that took it.

    Args:
        key: (T,) index of the prior; gt: (T,) of the object; score: (T,) similarity of each pair that was taken.
        count: number of priors.
        conflict: "score" for the object that the prior is most like (of equals the earlier); "order" for the latest
            object, as the authors' code does.
    Returns:
        (count,) index of the object, -1 for priors that nobody took.
    """
    owner = torch.full((count,), -1, device=key.device)
    if conflict == "order":
        return owner.scatter_reduce(0, key, gt, "amax")
    best = score.new_full((count,), -torch.inf).scatter_reduce(0, key, score, "amax")
    none = torch.iinfo(owner.dtype).max
    winner = gt.masked_fill(score != best[key], none)
    first = torch.full_like(owner, none).scatter_reduce(0, key, winner, "amin")
    return torch.where(first == none, owner, first)


class RKA(Geometric):
    """Rank the priors of each object by similarity and take the best k; all levels and anchors compete.

    A prior that its coder cannot stretch to the object is not ranked, because it could never learn it: YOLOv5 reaches
    one cell from the cell's centre and four times the anchor. An object out of reach of every prior gets none.

    Args:
        metric: "nwd", "gwd", "iou", "giou", "diou" or "ciou". Priors that do not overlap an object cannot be ranked by
            IoU.
        k: priors an object takes; 2 in the paper.
        neg: a prior that is not taken is a negative when it is less similar than this to every object, and ignored
            otherwise; 1 makes all of them negatives, which is the paper's text.
        conflict, ties: see `settle` and `rank`.
        scale: prior boxes are this many times the prior's size: 1 for anchors; point priors, whose size is their
            stride, stand for boxes of 4 to 8 strides.
        c: scale of NWD and GWD, pixels of the network input; "auto" for the mean object size of the training boxes.
        object_size: what a training run measured; 12.7 until then.
        coder: says what can be reached.
    Raises:
        InputError: an unknown metric, conflict or ties, k below 1, a neg, scale or c out of range.
    """

    def __init__(
        self,
        metric: str = "nwd",
        k: int = 2,
        neg: float = 0.3,
        conflict: str = "score",
        ties: str = "first",
        scale: float = 1.0,
        c: float | str = "auto",
        object_size: float = 12.7,
        coder: Any = None,
    ):
        self.metric = Metric("assigner rka", metric, c, object_size)
        self.c = self.metric.c
        whole(k, "assigner rka: k", 1, example=2)
        number(neg, "assigner rka: neg", 0, 1, "(]", 0.3)
        for name, value, known in (("conflict", conflict, CONFLICTS), ("ties", ties, TIES)):
            if value not in known:
                raise InputError(f"assigner rka: {name} must be {known[0]} or {known[1]}, not {value!r}")
        self.k, self.neg, self.conflict, self.ties, self.coder = k, neg, conflict, ties, coder
        self.scale = above_zero(scale, "assigner rka: scale", 4.0)

    def match(self, priors: Priors, targets: Targets) -> Assignment:
        """Match priors and objects.

        Args:
            priors: A priors.
            targets: M ground truths.
        Returns:
            Pairs in order of image, then prior; each prior at most once.
        """
        per_image = len(priors.centers)
        count = targets.batch_size * per_image
        near = torch.zeros(count, dtype=torch.bool, device=priors.centers.device)
        found = [(targets.image.new_zeros(0), targets.image.new_zeros(0), priors.centers.new_zeros(0))]
        radii = self.radii(priors)
        for group in torch.arange(len(targets.boxes), device=near.device).split(OBJECTS):
            gt = targets.boxes[group].float()[:, None]  # (m, 1, 4)
            key, valid = nearby_priors(gt[:, 0], priors, radii)  # (m, K)
            at = priors.at(key)
            similar = self.metric.ranked(gt, xywh2xyxy(torch.cat((at.centers, at.sizes * self.scale), -1).float()))
            flat = key + targets.image[group][:, None] * per_image
            if self.neg < 1:
                near[flat[valid & (similar >= self.metric.level(self.neg))]] = True
            if self.coder is not None:
                valid = valid & self.coder.reaches(gt, at)
            take = rank(similar.masked_fill(~valid | (similar <= self.metric.least), -torch.inf), self.k, self.ties)
            row, column = take.nonzero(as_tuple=True)
            found.append((flat[row, column], group[row], similar[row, column]))
        owner = settle(*map(torch.cat, zip(*found, strict=True)), count, self.conflict)
        owner = owner.view(targets.batch_size, per_image)
        return pairs_of(owner, owner >= 0, priors, targets, near.view_as(owner) if self.neg < 1 else None)

    def radii(self, priors: Priors) -> list[float]:
        """Cells round an object's centre, per level, outside of which no prior can matter.

        The k best of a level lie within k + 1 cells, also in a corner of the picture, or as far as the coder reaches.
        Similarity falls below `neg` where the centres are further apart than the metric says for the prior's side.
        """
        ranked = min(self.k + 1, math.inf if self.coder is None else self.coder.reach)
        if self.neg == 1:
            return [ranked] * len(priors.shapes)
        out, start = [], 0
        for count in priors.counts:
            level = slice(start, start + count)
            stride = float(priors.strides[start])
            side = float(priors.sizes[level].max()) * self.scale if self.metric.c is None else 0.0
            pixels = self.metric.distance(self.neg, side)
            out.append(max(ranked, pixels / stride + 0.01))
            start += count
        return out
