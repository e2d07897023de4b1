"""Localisation Recall Precision: one error that counts false alarms, misses and loose boxes alike.

Source: Oksuz et al., "One metric to measure them all: Localisation Recall Precision (LRP)", TPAMI 2021, eq. 3 and 8.
"""

from __future__ import annotations

import numpy as np

from .matching import Matches

IOU = 0.5  # the threshold of a true positive


def olrp(found: Matches) -> dict[str, float | None] | None:
    """The smallest LRP error of a class over all score thresholds; 0 is perfect, 1 is nothing right.

    Args:
        found: the class matched at the one threshold `IOU`.

    Returns:
        `oLRP`, its parts at that score threshold (`oLRP_loc`, mean 1 - IoU of the hits; `oLRP_fp`, 1 - precision;
        `oLRP_fn`, 1 - recall), or None without an object to be found. A part is None where it is a mean over nothing:
        `oLRP_loc` without a hit, `oLRP_fp` without a detection.
    """
    n = len(found.objects)
    if not n:
        return None
    counted = ~found.skip[0]
    hit = found.gt[0][counted] >= 0
    if not len(hit):
        return {"oLRP": 1.0, "oLRP_loc": None, "oLRP_fp": None, "oLRP_fn": 1.0}
    tp, loose = hit.cumsum(), np.where(hit, 1 - found.overlap[0][counted], 0).cumsum()
    fp = np.arange(1, len(tp) + 1) - tp
    error = (loose / (1 - IOU) + fp + n - tp) / (fp + n)  # tp + fp + fn
    i = int(error.argmin())
    loc = float(loose[i] / tp[i]) if tp[i] else None
    return {
        "oLRP": float(error[i]),
        "oLRP_loc": loc,
        "oLRP_fp": float(fp[i] / (i + 1)),
        "oLRP_fn": float(1 - tp[i] / n),
    }
