"""faster-coco-eval-aitod, the fast build of the AI-TOD authors' evaluator, asked for the figures that we report.

It is no dependency: `pip install faster-coco-eval-aitod==1.0.2` (it compiles C++) brings it, and tests skip without it.
"""

from __future__ import annotations

import copy
from typing import Any

from yolotiny.metrics import PROTOCOLS

SIZES = {"all": "all", "vt": "verytiny", "t": "tiny", "s": "small", "m": "medium"}
OLRP = {"oLRP": "olrp", "oLRP_loc": "olrp_loc", "oLRP_fp": "olrp_fp", "oLRP_fn": "olrp_fn"}


def reference(library: Any, gt: dict[str, Any], pred: list[dict[str, Any]]) -> dict[str, list[float | None]]:
    """Each figure of protocol aitod: the mean of the classes, then each class by id; None where it has -1."""
    truth = library.COCO(copy.deepcopy(gt), print_function=_quiet)
    run = library.COCOeval_faster(truth, truth.loadRes(copy.deepcopy(pred)), "bbox", print_function=_quiet)
    run.evaluate()
    run.accumulate()
    found: dict[str, list[float | None]] = {}
    for key, f in PROTOCOLS["aitod"].figures.items():
        a, m = run.params.areaRngLbl.index(SIZES[f.size]), run.params.maxDets.index(f.max_det)
        values = run.eval[f.kind][..., a, m]  # (T, 101, C) or (T, C)
        values = values if f.iou is None else values[[round((f.iou - 0.5) / 0.05)]]
        found[key] = [_mean(v) for v in (values, *(values[..., k] for k in range(values.shape[-1])))]
    for key, theirs in OLRP.items():
        values = run.eval[theirs][:, 0, -1]
        found[key] = [_mean(v) for v in (values, *values[:, None])]
    return found


def _mean(values: Any) -> float | None:
    values = values[values > -1]
    return float(values.mean()) if values.size else None


def _quiet(*_: Any) -> None:
    """Takes the place of print."""
