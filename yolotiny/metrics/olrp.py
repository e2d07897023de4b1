"""Localisation Recall Precision: one error that counts false alarms, misses and loose boxes alike.

Source: Oksuz et al., "One metric to measure them all: Localisation Recall Precision (LRP)", TPAMI 2021, eq. 3 and 8.
"""

from __future__ import annotations

import numpy as np

from .matching import Matches

IOU = 0.5  # the threshold of a true positive


def olrp(found: Matches) -> dict[str, float] | None:
    """The smallest LRP error of a class over all score thresholds; 0 is perfect, 1 is nothing right.

    Args:
        found: the class matched at the one threshold `IOU`.

    Returns:
        `oLRP`, its parts at that score threshold (`oLRP_loc`, mean 1 - IoU of the hits; `oLRP_fp`, 1 - precision;
        `oLRP_fn`, 1 - recall), or None without an object to be found.
    """
    n = len(found.objects)
    if not n:
        return None
    counted = ~found.skip[0]
    hit = found.gt[0][counted] >= 0
    tp = np.concatenate(([0], hit.cumsum()))  # position 0: a threshold above every score
    fp = np.arange(len(tp)) - tp
    loose = np.concatenate(([0.0], np.where(hit, 1 - found.overlap[0][counted], 0).cumsum()))
    error = (loose / (1 - IOU) + fp + n - tp) / (fp + n)  # tp + fp + fn
    i = int(error.argmin())
    loc, false = (loose[i] / tp[i], fp[i] / i) if tp[i] else (0.0, 0.0)
    return {"oLRP": float(error[i]), "oLRP_loc": float(loc), "oLRP_fp": float(false), "oLRP_fn": float(1 - tp[i] / n)}
