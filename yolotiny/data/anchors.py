"""Anchors from the training boxes: k-means on widths and heights, then a search for better coverage."""

from __future__ import annotations

import numpy as np


def reached(wh: np.ndarray, anchors: np.ndarray, limit: float = 4.0) -> np.ndarray:
    """How well each box is covered.

    Args:
        wh: (n, 2) box sizes, pixels.
        anchors: (k, 2) pixels.
        limit: largest ratio of sides that still counts.
    Returns:
        (n,) the smallest side ratio (0..1) to the best anchor, 0 where no anchor is within the limit.
    """
    ratio = wh[:, None] / anchors[None]
    best = np.minimum(ratio, 1 / ratio).min(2).max(1)
    return best * (best > 1 / limit)


def kmeans(wh: np.ndarray, k: int, rng: np.random.Generator, steps: int = 30) -> np.ndarray:
    """(n, 2) sizes -> (k, 2) centres, same units; distances count in units of their spread.

    Source: Lloyd 1982; the start is that of Arthur and Vassilvitskii 2007 (k-means++).
    """
    spread = wh.std(0) + 1e-9
    x = wh / spread
    centers = x[rng.integers(len(x))][None]
    for _ in range(k - 1):
        far = ((x[:, None] - centers[None]) ** 2).sum(2).min(1)
        p = far / far.sum() if far.sum() else None
        centers = np.vstack((centers, x[rng.choice(len(x), p=p)]))
    for _ in range(steps):
        owner = ((x[:, None] - centers[None]) ** 2).sum(2).argmin(1)
        new = np.stack([x[owner == i].mean(0) if (owner == i).any() else centers[i] for i in range(k)])
        if np.allclose(new, centers):
            break
        centers = new
    return centers * spread


def fit_anchors(
    wh: np.ndarray, levels: int, per_level: int = 3, generations: int = 500, seed: int = 0
) -> tuple[np.ndarray, float]:
    """Anchors for a data set.

    Args:
        wh: (n, 2) widths and heights of the training boxes, pixels of the network input.
        levels: detection levels, finest first.
        per_level: anchors a cell.
        generations: random changes tried after k-means; one that covers the boxes better is kept.
        seed: of the random numbers.
    Returns:
        (levels, per_level, 2) pixels by growing area, finest level first; and the share of boxes within four times an
        anchor's sides.
    Source: the procedure of ultralytics/yolov5 (autoanchor), without its dependence on scipy.
    """
    rng = np.random.default_rng(seed)
    k = levels * per_level
    wh = wh[(wh > 0.5).all(1)].astype(np.float64)
    if len(wh) > 20_000:
        wh = wh[rng.choice(len(wh), 20_000, replace=False)]
    if len(wh) < k:  # too few to cluster: spread the anchors over the sizes there are, or over 4..64 px
        low, high = (wh.min(), max(wh.max(), 2 * wh.min())) if len(wh) else (4.0, 64.0)
        anchors = np.repeat(np.geomspace(low, high, k)[:, None], 2, 1)
    else:
        anchors = np.maximum(kmeans(wh, k, rng), 1.0)
        best = reached(wh, anchors).mean()
        for _ in range(generations):
            change = np.where(rng.random(anchors.shape) < 0.9, rng.normal(1, 0.1, anchors.shape), 1).clip(0.3, 3)
            trial = (anchors * change).clip(1)
            score = reached(wh, trial).mean()
            if score > best:
                best, anchors = score, trial
    anchors = anchors[anchors.prod(1).argsort()]
    share = float((reached(wh, anchors) > 0).mean()) if len(wh) else 0.0
    return anchors.reshape(levels, per_level, 2).astype(np.float32), share
