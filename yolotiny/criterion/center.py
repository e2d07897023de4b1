"""The loss step of detectors with a heat map: Gaussian targets, focal loss, boxes at the centres."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..distributed import world_sum
from ..errors import InputError
from ..losses.heatmap import gaussian_focal
from ..structures import CenterPreds, Targets
from .base import Criterion, Parts


class CenterCriterion(Criterion):
    """Focal loss on every stage's heat map and a box loss at the objects' cells, over the number of objects.

    With a head that refines, both its coarse and its refined boxes are trained with the same weight. The stages of a
    stacked backbone share the weight of one. A coder of distributions adds their terms, without refinement.
    Raises:
        InputError: as in `Criterion`; a refinement of distributions, which boxes beside a heat map do not have.
    Source: Liu et al. 2024 (YOLC), Eqs. 3 and 11; Zhou et al. 2019 (CenterNet), Eqs. 1 to 4.
    """

    mean = True
    assigner = "gaussian_center"
    terms = {
        "heat": {"weight": 1.0, "alpha": 2.0, "gamma": 4.0},
        "box": {"type": "gwd_l1", "weight": 1.0},
        "bins": {"type": "two_hot", "weight": 1.0, "gamma": 0.0},
    }

    def __init__(self, cfg: dict[str, Any], coder: Any, nc: int):
        super().__init__(cfg, coder, nc)
        where = cfg.get("yaml_file") or "the configuration"
        if self.refines:
            raise InputError(f"loss.bins.gamma in {where} must be 0: boxes beside a heat map are not refined by UGS")
        if self.bins is not None and self.bins.feature_l2:
            raise InputError(f"loss.bins.feature_l2 in {where} must be 0: it is for heads that UGS refines")

    def parts(self, preds: CenterPreds, targets: Targets) -> Parts:  # type: ignore[override]
        """Heat and box terms, `coarse` where boxes are refined, `ce` and `um` with distributions; each a scalar."""
        found = self.match(preds, targets)  # type: ignore[arg-type]
        h, w = preds.heat[-1].shape[2:]
        wanted = self.assign.heat(targets, self.nc, (h, w))
        n = world_sum((wanted == 1).sum()).clamp(min=1)
        counted, (alpha, gamma) = not_ignored(targets, (h, w)), (self.loss["heat"][k] for k in ("alpha", "gamma"))
        stages = len(preds.heat)
        heat = sum(gaussian_focal(x, wanted, alpha, gamma, counted) for x in preds.heat) / n / stages
        lost = []
        for rows in preds.rows:
            found_lost = self.localise(rows, found, targets.boxes[found.gt])[1]
            lost.append({k: v.sum() / n + rows.box.sum() * 0 for k, v in found_lost.items() if k != "ur"})
        parts = {k: sum(each[k] for each in lost) / stages for k in lost[0]}
        if stages == 1 and len(lost) == 2:
            coarse, refined = lost
            parts |= {"box": refined["box"], "coarse": coarse["box"]}
        return {"heat": heat * self.loss["heat"]["weight"]} | parts


def not_ignored(targets: Targets, size: tuple[int, int]) -> Tensor | None:
    """(B, 1, H, W) False in ignore regions, or None when there are none; `size` is (H, W) of the heat map."""
    if not len(targets.ignore):
        return None
    h, w = size
    x1, y1, x2, y2 = targets.ignore.unbind(1)
    scale_x, scale_y = w / targets.imgsz[1], h / targets.imgsz[0]
    left, right = (x1 * scale_x).floor().clamp(0, w).long(), (x2 * scale_x).ceil().clamp(0, w).long()
    top, bottom = (y1 * scale_y).floor().clamp(0, h).long(), (y2 * scale_y).ceil().clamp(0, h).long()
    # A region adds 1 from its upper left corner on; sums along both sides are the regions of each pixel. Filling one
    # region after the other means to read its corners, and a GPU would wait each time.
    regions = torch.zeros(targets.batch_size, h + 1, w + 1, dtype=torch.int32, device=x1.device)
    one = torch.ones_like(left, dtype=torch.int32)
    for row, column, step in ((top, left, one), (top, right, -one), (bottom, left, -one), (bottom, right, one)):
        regions.index_put_((targets.ignore_image, row, column), step, accumulate=True)
    regions = regions.cumsum(1, dtype=torch.int32).cumsum(2, dtype=torch.int32)
    return regions[:, None, :h, :w] == 0
