"""Assignment by thresholds, as in R-CNN: the rule that leaves the tiniest objects without a prior."""

from __future__ import annotations

from typing import Any

import torch

from ..boxes import xywh2xyxy
from ..errors import InputError, above_zero, number
from ..structures import Assignment, Priors, Targets
from .geometric import Geometric, pairs_of
from .metric import Metric

PAIRS = 2**21  # similarities of object and prior looked at together: about 80 MB with what they are computed from


class MaxIoU(Geometric):
    """A prior answers for the object it is most like, if that is at least `pos`; below `neg` it is background.

    Between the two it is ignored. Beside that every object has the priors most like it, all that are equally so, where
    their similarity is at least `min_pos` (low-quality matches); each of these answers for the object that it is itself
    most like. A prior that its coder cannot stretch to an object is no candidate for it.

    Args:
        metric: "iou", "giou", "diou", "ciou", "gwd" or "nwd".
        pos, neg: thresholds; the defaults are those of an RPN.
        min_pos: least similarity of a low-quality match. 0 takes every best prior that overlaps at all.
        low_quality: whether there are such matches.
        scale: prior boxes are this many times the prior's size, see `RKA`.
        c: scale of NWD and GWD, pixels of the network input; "auto" for the mean object size of the training boxes.
        object_size: what a training run measured; 12.7 until then.
        coder: says what can be reached.
    Raises:
        InputError: an unknown metric, a threshold out of 0..1, a neg above pos, a scale or c that is not positive.
    Source: Ren et al. 2015 (Faster R-CNN), section 3.1.2; with NWD: Xu et al. 2022 (ISPRS 190), the rows without RKA.
    """

    def __init__(
        self,
        metric: str = "iou",
        pos: float = 0.7,
        neg: float = 0.3,
        min_pos: float = 0.3,
        low_quality: bool = True,
        scale: float = 1.0,
        c: float | str = "auto",
        object_size: float = 12.7,
        coder: Any = None,
    ):
        name = "assigner max_iou"
        self.metric = Metric(name, metric, c, object_size)
        number(pos, f"{name}: pos", 0, 1, "(]", 0.7)
        number(neg, f"{name}: neg", 0, 1, "[]", 0.3)
        number(min_pos, f"{name}: min_pos", 0, 1, "[]", 0.3)
        if neg > pos:
            raise InputError(f"{name}: neg={neg} is above pos={pos}; a prior would be positive and background at once")
        if not isinstance(low_quality, bool):
            raise InputError(f"{name}: low_quality must be true or false, not {low_quality!r}")
        self.pos, self.neg, self.min_pos, self.low_quality = pos, neg, min_pos, low_quality
        self.scale, self.coder = above_zero(scale, f"{name}: scale", 4.0), coder

    def match(self, priors: Priors, targets: Targets) -> Assignment:
        """Match priors and objects.

        Three objects p, q, r and four priors, with pos .7, neg .3 and min_pos .3:

                a    b    c    d
            p  .8   .6   .1   .2
            q  .1   .5   .4   .2
            r   0    0    0   .2

        a is above .7: p's. The best of q is b, a low-quality match, but b is most like p, and so it is p's. c lies
        between the thresholds and is ignored. The best of r is below min_pos: d is background and r has no prior.

        Args:
            priors: A priors.
            targets: M ground truths.
        Returns:
            Pairs in order of image, then prior; each prior at most once.
        """
        count = len(priors.centers)
        prior_boxes = xywh2xyxy(torch.cat((priors.centers, priors.sizes * self.scale), 1).float())
        seen = priors.centers.new_full((targets.batch_size, count), -torch.inf)  # largest similarity, in reach or not
        best, owner = seen.clone(), torch.zeros_like(seen, dtype=torch.long)
        low = torch.zeros_like(owner)  # low-quality matches of each prior
        for group in torch.arange(len(targets.boxes), device=seen.device).split(max(1, PAIRS // max(1, count))):
            gt, image = targets.boxes[group].float()[:, None], targets.image[group]  # (m, 1, 4)
            similar = self.metric(gt, prior_boxes[None])  # (m, A)
            at = image[:, None].expand_as(similar)
            seen.scatter_reduce_(0, at, similar, "amax")
            if self.coder is not None:
                similar = similar.masked_fill(~self.coder.reaches(gt, priors), -torch.inf)
            here = torch.full_like(best, -torch.inf).scatter_reduce_(0, at, similar, "amax")
            winner = group[:, None].masked_fill(similar != here[image], len(targets.boxes))
            first = torch.full_like(owner, len(targets.boxes)).scatter_reduce_(0, at, winner, "amin")
            better = here > best  # of equals the earlier object
            best, owner = torch.where(better, here, best), torch.where(better, first, owner)
            top = similar.amax(1, keepdim=True)
            match = (similar == top) & (top >= self.min_pos) & (top > self.metric.least)
            low.scatter_add_(0, at, match.long())
        positive = best >= self.pos
        if self.low_quality:
            positive = positive | (low > 0)
        return pairs_of(owner, positive, priors, targets, seen >= self.neg)
