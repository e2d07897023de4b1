"""Centres: the cell that holds an object's centre answers for its box, and a Gaussian round it is its heat map."""

from __future__ import annotations

import torch
from torch import Tensor

from ..boxes import xyxy2xywh
from ..errors import number
from ..ops.gaussian import draw_gaussians, gaussian_radius
from ..structures import Assignment, CenterPreds, Targets


class HeatmapAssigner:
    """An assigner for heads with a heat map: beside the pairs of boxes, it says what the map should be.

    Attributes:
        needs_predictions: it is called with decoded boxes and their areas.
    """

    needs_predictions = False

    def heat(self, targets: Targets, classes: int, size: tuple[int, int]) -> Tensor:
        """The wanted heat maps.

        Args:
            targets: M ground truths, boxes xyxy in pixels of the network input.
            classes: number of classes, C.
            size: (H, W) of the maps; pixels of the network input are scaled to them.
        Returns:
            (B, C, H, W) in 0..1.
        """
        raise AssertionError("an assigner without a heat map")


class GaussianCenter(HeatmapAssigner):
    """An object's box belongs to the cell of its centre, its heat to the pixel of its centre and those around.

    Args:
        min_overlap: least overlap that a box from the rim of the Gaussian would have with the object.
    Raises:
        InputError: a min_overlap outside 0..1.
    Source: Zhou et al. 2019 (CenterNet); at full size as in Liu et al. 2024 (YOLC), section III-C.
    """

    def __init__(self, min_overlap: float = 0.3):
        number(min_overlap, "assigner gaussian_center: min_overlap", 0, 1, "()", 0.3)
        self.min_overlap = min_overlap

    @torch.no_grad()
    def __call__(
        self, preds: CenterPreds, boxes: Tensor | None, targets: Targets, areas: Tensor | None = None
    ) -> Assignment:
        """The cell of each centre; where two centres share a cell the later object has it.

        Args:
            preds: only `preds.priors`, one level, is used.
            boxes, areas: unused; decoded boxes (B, A, 4) xyxy pixels and areas (B, A), for assigners that want them.
            targets: M ground truths.
        """
        assert len(preds.priors.shapes) == 1, "heads with a heat map have one level"
        rows, cols = preds.priors.shapes[0][1:]
        stride = preds.priors.strides[0]
        cell = (xyxy2xywh(targets.boxes.float())[:, :2] / stride).long()
        prior = cell[:, 1].clamp(0, rows - 1) * cols + cell[:, 0].clamp(0, cols - 1)
        last = torch.full((targets.batch_size * rows * cols,), -1, device=prior.device)
        order = torch.arange(len(prior), device=prior.device)
        key = targets.image * (rows * cols) + prior
        last.scatter_reduce_(0, key, order, "amax")
        gt = last[key].eq(order).nonzero()[:, 0]
        return Assignment(targets.image[gt], prior[gt], gt)

    @torch.no_grad()
    def heat(self, targets: Targets, classes: int, size: tuple[int, int]) -> Tensor:
        """(B, C, H, W) in 0..1, one at every centre; see `HeatmapAssigner`."""
        h, w = size
        scale = targets.boxes.new_tensor([w / targets.imgsz[1], h / targets.imgsz[0]])
        b = xyxy2xywh(targets.boxes.float())
        x, y = (b[:, :2] * scale).long().unbind(1)
        centre = torch.stack((x.clamp(0, w - 1), y.clamp(0, h - 1)), 1)
        radius = gaussian_radius(b[:, 2:] * scale, self.min_overlap).long()
        plane = targets.image * classes + targets.labels
        return draw_gaussians(targets.batch_size * classes, size, plane, centre, radius).unflatten(0, (-1, classes))
