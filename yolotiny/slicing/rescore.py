"""What the coarse pass said of a place, in the score of what the fine pass finds there."""

from __future__ import annotations

import numpy as np

NEAR_CELLS = 2  # of the heat map to each side among which the best counts: boxes and priors are not centred alike
LEAST_SCORE = 1e-3  # of a place of which the coarse pass says nothing


def rescore(rows: np.ndarray, heatmap: np.ndarray, size: tuple[int, int], weight: float) -> np.ndarray:
    """Detections with the geometric mean of their own score and that of their place in the coarse pass.

    A tile shows an object without its surroundings, the coarse pass knows little else; each is an opinion on the same
    question, and the logarithmic opinion pool joins them: p = tile^(1 - w) * place^w.

    Args:
        rows: (n, 6) xyxy in pixels of the image, score, class.
        heatmap: (h, w) scores of the coarse pass over the image.
        size: (height, width) of the image, pixels.
        weight: of the coarse pass, 0..1.

    Returns:
        (n, 6) rows.

    Source: Genest and Zidek 1986, "Combining Probability Distributions" (the logarithmic opinion pool).
    """
    if not len(rows) or not weight:
        return rows
    h, w = heatmap.shape
    cells = np.array([w / size[1], h / size[0]], rows.dtype)
    x, y = ((rows[:, :2] + rows[:, 2:4]) / 2 * cells).astype(np.int64).T[:, :, None, None]
    near = np.arange(-NEAR_CELLS, NEAR_CELLS + 1)
    around = heatmap[np.clip(y + near[:, None], 0, h - 1), np.clip(x + near, 0, w - 1)]
    place = np.maximum(around.max((1, 2)).astype(float), LEAST_SCORE)
    score = rows[:, 4].astype(float) ** (1 - weight) * place**weight  # powers in float32 differ between processors
    return np.concatenate((rows[:, :4], score[:, None].astype(rows.dtype), rows[:, 5:]), 1)
