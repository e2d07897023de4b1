"""SimOTA, the assigner of YOLOX: each object takes as many of the cheapest cells near its centre as it can use.

Source: Ge et al. 2021 (arXiv 2107.08430), section 2.1, in the form the authors' code has today.

Only cells near the centre of an object may serve it, and the grid says which ones those are. So the cost is worked out
on a table (M, K) of object and nearby cell, K a few dozen, and never on all (M, A) pairs, nor on (M, A, C) classes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..boxes import area, iou, pairwise_iou, pairwise_nwd
from ..errors import above_zero, number, whole
from ..structures import Assignment, Preds, Targets
from .ignore import ignored_priors
from .metric import Metric
from .nearby import nearby_priors

PAIRS = 2**21  # overlaps computed at once while counting: about 80 MB with the intermediate results
ROWS = 2**16  # priors whose class costs are summed at once
FAR = 10.0  # in units of C: predictions further away than this add less than 5e-5 to the number of an object's priors
UNUSABLE = 1e9  # cost of a prediction that is not a number: after every real one, before the padding


def class_cost(preds: Preds, key: Tensor, valid: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy of score against the object's one-hot class, summed over classes.

    The score of a class is the square root of its probability times the objectness; without objectness it is the
    probability. The sum is taken once per prior as if no class were right, then put right at the object's class.

    Args:
        preds: B images of A priors.
        key: (M, K) index into the B * A priors; valid: (M, K) which of them count.
        labels: (M,) class of each object.
    Returns:
        (M, K) float32; entries that are not valid have no meaning.
    """
    logits = preds.cls.flatten(0, 1)  # (B * A, C)
    obj = None if preds.obj is None else preds.obj.reshape(-1, 1)

    def score(cls: Tensor, at: Tensor) -> Tensor:
        p = cls.float().sigmoid()
        return p if obj is None else (p * obj[at].float().sigmoid()).sqrt()

    def log_miss(p: Tensor) -> Tensor:
        return torch.log1p(-p).clamp(min=-100)  # the floor torch puts under the logarithms of its cross-entropy

    all_wrong = torch.zeros(len(logits), device=logits.device)
    for at in key[valid].unique().split(ROWS):
        all_wrong[at] = -log_miss(score(logits[at], at)).sum(-1)
    right = score(logits[key, labels[:, None]].unsqueeze(-1), key).squeeze(-1)  # (M, K)
    return all_wrong[key] + log_miss(right) - right.log().clamp(min=-100)


def dynamic_k(
    gt: Tensor,
    gt_areas: Tensor,
    image: Tensor,
    boxes: Tensor,
    areas: Tensor,
    competing: Tensor,
    top: int,
    metric: Metric,
) -> Tensor:
    """How many priors each object may take: the sum of its `top` largest overlaps, rounded down, at least 1.

    The overlaps are with all priors that compete for any object of the same image, as in the authors' code. Objects
    are taken in groups from top to bottom, and a group only meets predictions that reach its rows: those are few.

    Args:
        gt: (M, 4) xyxy, pixels; gt_areas: (M,); image: (M,) index into the batch, ascending.
        boxes: (B, A, 4) predicted xyxy, pixels; areas: (B, A); competing: (B, A) bool.
        top: overlaps counted per object.
        metric: what counts in the place of IoU; what is below 0 counts as that.
    Returns:
        (M,) integers.
    """
    margin = {"iou": 0.0, "nwd": FAR * (metric.c or 0)}.get(metric.name, torch.inf)
    total = gt.new_zeros(len(gt))
    per_image = (image == torch.arange(len(boxes), device=image.device)[:, None]).sum(1).tolist()
    for i, objects in enumerate(torch.arange(len(gt), device=gt.device).split(per_image)):
        if not len(objects):
            continue
        rival = competing[i].nonzero()[:, 0]
        rivals, rival_areas = boxes[i][rival], areas[i][rival]
        objects = objects[gt[objects, 1].argsort()]
        for group in objects.split(max(1, PAIRS // max(1, len(rivals)))):
            g = gt[group]
            reach = (rivals[:, 3] + margin > g[:, 1].min()) & (rivals[:, 1] - margin < g[:, 3].max())
            reach = reach.nonzero()[:, 0]
            near = rivals[reach]
            if metric.name == "iou":
                overlap = pairwise_iou(g, near, gt_areas[group], rival_areas[reach])
            elif metric.name == "nwd":
                overlap = pairwise_nwd(g, near, metric.c)
            else:
                overlap = metric(g[:, None], near[None]).clamp(min=0)
            overlap = overlap.nan_to_num(0)
            total[group] = overlap.topk(min(top, len(near)), 1).values.sum(1)
    return total.int().clamp(min=1)


class SimOTA:
    """Assign priors to objects by cost: class cross-entropy + `iou_weight` * -log(IoU), among cells near the centre.

    A prior wanted by several objects goes to the object, among all it is near to, for which it costs least. Equal costs
    go to the earlier prior and the earlier object. An object with fewer nearby cells than it may take (at the edge of
    the picture) takes those there are; one whose centre is outside by more than the radius gets none. (The authors'
    code fills such gaps with cells next to other objects; this one does not.)

    Args:
        radius: half the side of the square of candidates, in cells of each level. 1.5 is the authors' code today, 2.5
            was its first release.
        top: how many of the largest IoUs are summed to count an object's priors.
        iou_weight: weight of the IoU term (lambda in Eq. 1 of the paper).
        metric: "iou", or "nwd" to take NWD in the place of IoU in the cost and in the number of priors: tiny objects
            that no prediction overlaps yet then have more than one prior. "giou", "diou", "ciou" and "gwd" likewise;
            those that fall below 0 count from -1 in the cost, from 0 in the number. The class target stays the IoU.
        c: scale of NWD and GWD, pixels of the network input; "auto" for the mean object size of the training boxes.
        object_size: what a training run measured; 12.7 until then.
    Raises:
        InputError: a radius that is not positive, a top below 1, a negative weight, an unknown metric, a c that is not
            positive or that nothing reads.
    """

    needs_predictions = True

    def __init__(
        self,
        radius: float = 1.5,
        top: int = 10,
        iou_weight: float = 3.0,
        metric: str = "iou",
        c: float | str = "auto",
        object_size: float = 12.7,
    ):
        above_zero(radius, "simota: radius", 1.5)
        whole(top, "simota: top", 1, example=10)
        number(iou_weight, "simota: iou_weight", example=3.0)
        self.radius, self.top, self.iou_weight = radius, top, iou_weight
        self.metric = Metric("simota", metric, c, object_size)
        self.c = self.metric.c

    @torch.no_grad()
    def __call__(self, preds: Preds, boxes: Tensor, targets: Targets, areas: Tensor | None = None) -> Assignment:
        """Match predictions and objects of a batch.

        Args:
            preds: logits and priors of the head.
            boxes: (B, A, 4) decoded predictions, xyxy pixels.
            targets: ground truth of the batch, ascending by image.
            areas: (B, A) areas of `boxes` before their corners were rounded: equal costs differ by no more than that.
        Returns:
            Assignment in order of image, then prior; each prior at most once; `iou` is that of the pair.
        """
        with torch.autocast(boxes.device.type, enabled=False):  # logarithms of small scores need float32
            boxes = boxes.float()
            return self._match(preds, boxes, targets, area(boxes) if areas is None else areas.float())

    def _match(self, preds: Preds, boxes: Tensor, targets: Targets, areas: Tensor) -> Assignment:
        """`__call__` in float32: costs, how many priors each object may take, and who has a prior that two want.

        An example: objects p and q of one image, priors a to d, of which c lies near both objects. Costs are

                 a     b     c     d
            p   1.0   4.0   2.0   far
            q   far   far   0.5   3.0

        The predictions of a to d overlap p by IoUs of .9, .4, .8 and 0, whose sum of 2.1 lets p take 2 priors; only
        that of d overlaps q, by .8, so q takes 1, the least there is. The cheapest are a and c for p, c for q. Both
        want c, which costs q less: q has c, p has a alone, though b is left over; b and d are background.
        """
        batch, per_image = boxes.shape[:2]
        gt, flat, flat_areas = targets.boxes.float(), boxes.flatten(0, 1), areas.flatten()
        gt_areas = area(gt) if targets.areas is None else targets.areas.float()
        near, valid = nearby_priors(gt, preds.priors, self.radius)  # (M, K)
        key = near + targets.image[:, None] * per_image  # index into the B * A priors
        if self.metric.name == "iou":
            overlap = iou(flat[key], gt[:, None], flat_areas[key], gt_areas[:, None])
        else:
            overlap = self.metric.share(flat[key], gt[:, None])
        overlap = overlap.nan_to_num(0)
        cost = class_cost(preds, key, valid, targets.labels) - self.iou_weight * (overlap + 1e-8).log()
        cost = cost.nan_to_num(UNUSABLE, UNUSABLE).masked_fill(~valid, torch.inf)  # (M, K)

        pair_gt, column = valid.nonzero(as_tuple=True)
        pair_key, pair_cost = key[pair_gt, column], cost[pair_gt, column]
        competing = torch.zeros(len(flat), dtype=torch.bool, device=gt.device)
        competing[pair_key] = True
        competing = competing.view(batch, per_image)
        k = dynamic_k(gt, gt_areas, targets.image, boxes, areas, competing, self.top, self.metric)
        cheap = cost.argsort(dim=1, stable=True)[:, : self.top]
        take = (torch.arange(cheap.shape[1], device=gt.device) < k[:, None]) & valid.gather(1, cheap)
        taker, column = take.nonzero(as_tuple=True)
        taken = key.gather(1, cheap)[taker, column]

        owner = torch.full((len(flat),), -1, device=gt.device)
        owner[taken] = taker
        least = cost.new_full((len(flat),), torch.inf).scatter_reduce(0, pair_key, pair_cost, "amin")
        best = pair_gt.masked_fill(pair_cost != least[pair_key], len(gt))
        winner = torch.full_like(owner, len(gt)).scatter_reduce(0, pair_key, best, "amin")
        contested = torch.zeros_like(owner).scatter_add(0, taken, torch.ones_like(taken)) > 1
        owner = torch.where(contested, winner, owner)

        positive = owner >= 0
        where = positive.nonzero()[:, 0]
        owner = owner[where]
        return Assignment(
            image=where // per_image,
            prior=where % per_image,
            gt=owner,
            iou=iou(flat[where], gt[owner], flat_areas[where], gt_areas[owner]).nan_to_num(0),
            ignored=ignored_priors(preds.priors, targets, positive.view(batch, per_image)),
        )
