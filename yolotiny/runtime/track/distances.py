"""How far boxes of tracks and detections are from each other, 0 to 1."""

from __future__ import annotations

import numpy as np

from ...ops.nms import nwd


def iou_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """1 - IoU of every box of `a` with every box of `b`: (T, 4) and (D, 4) xyxy pixels -> (T, D) float32."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(2)
    sizes = [(x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1]) for x in (a, b)]
    return 1 - shared / (sizes[0][:, None] + sizes[1] - shared + np.float32(1e-7))


def nwd_distance(a: np.ndarray, b: np.ndarray, c: float | None = None) -> np.ndarray:
    """1 - NWD of every box of `a` with every box of `b`.

    Args:
        a, b: (T, 4) and (D, 4) xyxy, pixels of the frame.
        c: scale of NWD, pixels; None: the mean size (root of the area) of all these boxes, at least 1.

    Returns:
        (T, D) float32.

    Source: Xu et al. 2022 (ISPRS 190), Eq. 7.
    """
    if not len(a) or not len(b):
        return np.zeros((len(a), len(b)), np.float32)
    sides = np.clip(np.concatenate((a, b))[:, 2:] - np.concatenate((a, b))[:, :2], 0, None)
    scale = c or max(float(np.sqrt(sides.prod(1)).mean()), 1.0)
    pairs = np.repeat(a, len(b), 0), np.tile(b, (len(a), 1))
    return (1 - nwd(*pairs, scale)).reshape(len(a), len(b))


def with_scores(away: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(T, D) distances and the (D,) scores, 0..1, of detections -> (T, D), longer where a score is low."""
    return 1 - (1 - away) * scores if away.size else away
