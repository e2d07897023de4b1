"""The loss steps of RetinaNet and FCOS: focal loss on all priors, boxes on the positives."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import sigmoid_focal_loss

from ..distributed import world_sum
from ..structures import Assignment, Preds, Targets
from .base import Criterion, Parts


class RetinaCriterion(Criterion):
    """RetinaNet's loss: per picture the sum of focal loss and of box loss by the number of its positives.

    Source: Lin et al. 2017 (RetinaNet), section 3; the division picture by picture is torchvision's.
    """

    mean = True
    assigner = "max_iou"
    terms = {
        "box": {"type": "smooth_l1", "weight": 1.0, "beta": 0.0},
        "bins": {"type": "two_hot", "weight": 4.0},  # a mean of four coordinates, which smooth L1 sums
        "cls": {"weight": 1.0, "alpha": 0.25, "gamma": 2.0},
    }

    def parts(self, preds: Preds, targets: Targets) -> Parts:
        """Box and class terms, each a scalar."""
        found = self.match(preds, targets)
        per_image = preds.cls.new_zeros(targets.batch_size, dtype=torch.long)  # bincount would let a GPU be waited for
        per_image = per_image.index_add(0, found.image, torch.ones_like(found.image)).clamp(min=1)
        lost = self.localise(preds, found, targets.boxes[found.gt])[1]
        cls = self.focal(preds, found, targets).flatten(1).sum(1) / per_image
        local = {k: (v / per_image[found.image]).sum() / targets.batch_size for k, v in lost.items()}
        return {"box": local.pop("box"), "cls": cls.mean() * self.loss["cls"]["weight"]} | local

    def focal(self, preds: Preds, found: Assignment, targets: Targets) -> Tensor:
        """(B, A, C) focal loss of each class at each prior; 0 where a prior is ignored."""
        cls, spec = preds.cls.float(), self.loss["cls"]
        wanted = torch.zeros_like(cls)
        wanted[found.image, found.prior, targets.labels[found.gt]] = 1
        lost = sigmoid_focal_loss(cls, wanted, spec["alpha"], spec["gamma"])
        return lost if found.ignored is None else lost * ~found.ignored[..., None]


class FCOSCriterion(RetinaCriterion):
    """FCOS's loss: sums of focal loss, GIoU and centre-ness over the batch by the number of its positives.

    Source: Tian et al. 2019 (FCOS), Eqs. 2 and 3; GIoU as in torchvision.
    """

    assigner = "center_sampling"
    terms = {
        "box": {"type": "giou", "weight": 1.0},
        "bins": {"type": "two_hot", "weight": 1.0},
        "cls": {"weight": 1.0, "alpha": 0.25, "gamma": 2.0},
        "center": {"weight": 1.0},
    }

    def parts(self, preds: Preds, targets: Targets) -> Parts:
        """Box, class and centre-ness terms, each a scalar."""
        found = self.match(preds, targets)
        n = world_sum(preds.cls.new_full((), len(found.prior), dtype=torch.long)).clamp(min=1)
        gt = targets.boxes[found.gt]
        lost = {k: v.sum() / n for k, v in self.localise(preds, found, gt)[1].items()}
        assert preds.obj is not None
        near = preds.obj[found.image, found.prior].float()
        center = F.binary_cross_entropy_with_logits(
            near, centerness(preds.priors.centers[found.prior], gt), reduction="sum"
        )
        cls = self.focal(preds, found, targets).sum() / n * self.loss["cls"]["weight"]
        return {"box": lost.pop("box"), "cls": cls, "center": center / n * self.loss["center"]["weight"]} | lost


def centerness(points: Tensor, boxes: Tensor) -> Tensor:
    """How near the middle of a box a point lies.

    Args:
        points: (P, 2) x and y, pixels.
        boxes: (P, 4) xyxy, pixels.
    Returns:
        (P,) 1 in the middle, 0 on a side and outside.
    Source: Tian et al. 2019 (FCOS), Eq. 3.
    """
    low, high = points - boxes[:, :2], boxes[:, 2:] - points
    share = torch.minimum(low, high).clamp(min=0) / torch.maximum(low, high).clamp(min=1e-6)
    return share.prod(-1).sqrt()
