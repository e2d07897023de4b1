"""YOLOv5's assignment: by the ratio of sizes, with neighbouring cells."""

from __future__ import annotations

import torch

from ..boxes import xyxy2xywh
from ..errors import number
from ..structures import Assignment, Priors, Targets
from .geometric import Geometric
from .ignore import ignored_priors


class WHRatio(Geometric):
    """A ground truth goes to every anchor whose sides differ by less than `anchor_t` times, in up to three cells.

    Args:
        anchor_t: largest ratio of a side to the anchor's side, either way; 4 is what the decoder can reach.
        reach: a cell's neighbour left, right, above or below is taken too when the centre lies within this share of a
            cell of their border; 0.5 gives two neighbours almost everywhere, 0 gives none.
    Raises:
        InputError: an anchor_t of 1 or less, a reach outside 0..0.5.
    Source: ultralytics/yolov5 v6 (`build_targets`).
    """

    def __init__(self, anchor_t: float = 4.0, reach: float = 0.5):
        number(anchor_t, "assigner wh_ratio: anchor_t", 1, ends="(]", example=4)
        number(reach, "assigner wh_ratio: reach", 0, 0.5)
        self.anchor_t, self.reach = anchor_t, reach

    def match(self, priors: Priors, targets: Targets) -> Assignment:
        """Match anchors and objects.

        Args:
            priors: A priors.
            targets: M ground truths.

        Returns:
            Pairs ordered by level, then centre/left/top/right/bottom cell, then anchor, then ground truth.
        """
        gt = xyxy2xywh(targets.boxes.float())
        step = gt.new_tensor([[0, 0], [1, 0], [0, 1], [-1, 0], [0, -1]]) * self.reach
        image, prior, index = [], [], []
        start = 0
        for (_, h, w), count in zip(priors.shapes, priors.counts, strict=True):
            stride = priors.strides[start]
            anchors = priors.sizes[start : start + count : h * w]  # (a, 2)
            ratio = gt[None, :, 2:] / anchors[:, None]
            fits = torch.maximum(ratio, 1 / ratio).amax(2) < self.anchor_t  # (a, M)
            k, m = fits.nonzero(as_tuple=True)
            xy = gt[m, :2] / stride  # (p, 2) in cells
            back = torch.stack((xy[:, 0] * 0 + w, xy[:, 1] * 0 + h), 1) - xy  # distance to the far borders
            low = (xy % 1 < self.reach) & (xy > 1)
            high = (back % 1 < self.reach) & (back > 1)
            take = torch.stack((torch.ones_like(low[:, 0]), low[:, 0], low[:, 1], high[:, 0], high[:, 1]))  # (5, p)
            o, p = take.nonzero(as_tuple=True)
            cell = (xy[p] - step[o]).long()
            col, row = cell[:, 0].clamp(0, w - 1), cell[:, 1].clamp(0, h - 1)
            prior.append(start + (k[p] * h + row) * w + col)
            index.append(m[p])
            image.append(targets.image[m[p]])
            start += count
        image_, prior_ = torch.cat(image), torch.cat(prior)
        positive = torch.zeros(targets.batch_size, len(priors.centers), dtype=torch.bool, device=prior_.device)
        positive[image_, prior_] = True
        return Assignment(image_, prior_, torch.cat(index), None, ignored_priors(priors, targets, positive))
