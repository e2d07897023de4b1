"""The confidence at which a class is best used: where precision and recall meet in the highest F1."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .matching import Matches


class Point(NamedTuple):
    """A class at one confidence: detections scored at least that count. None where nothing is ever found."""

    confidence: float | None
    f1: float
    precision: float
    recall: float


def best_f1(found: Matches) -> Point | None:
    """The point of the highest F1 = 2 TP / (2 TP + FP + FN), at the first threshold of `found`.

    Of several, the highest confidence. None for a class without objects.
    """
    n = len(found.objects)
    if not n:
        return None
    scores, tp = _hits(found)
    last = np.append(scores[1:] != scores[:-1], True)[: len(scores)]  # a confidence takes all of its equals
    f1 = np.where(last, 2 * tp / (np.arange(1, len(tp) + 1) + n), 0)
    if not f1.any():
        return Point(None, 0.0, 0.0, 0.0)
    i = int(f1.argmax())
    return Point(float(scores[i]), float(f1[i]), float(tp[i] / (i + 1)), float(tp[i] / n))


def curve(found: Matches, confidences: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(G,) confidences -> (G,) F1, precision and recall; precision is NaN where nothing is scored that high."""
    scores, tp = _hits(found)
    count = np.searchsorted(-scores, -confidences, side="right")
    right = np.append(0, tp)[count]
    precision = np.where(count > 0, right / np.maximum(count, 1), np.nan)
    return 2 * right / np.maximum(count + len(found.objects), 1), precision, right / max(len(found.objects), 1)


def _hits(found: Matches) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the detections that count, best first, and how many are right down to each."""
    counted = ~found.skip[0]
    return found.scores[counted], (found.gt[0][counted] >= 0).cumsum()
