"""What the first look said of a place, in the score of what the second look finds there."""

from __future__ import annotations

import torch
from torch import Tensor

NEAR = 2  # cells of the heat map to each side among which the best counts: boxes and priors are not centred alike
LEAST = 1e-3  # score of a place of which the first look says nothing


def pooled(rows: Tensor, heat: Tensor, size: tuple[int, int], weight: float) -> Tensor:
    """Detections with the geometric mean of their own score and that of their place in the first look.

    A crop shows an object without its surroundings, the first look knows little else; each is an opinion on the same
    question, and the logarithmic opinion pool joins them: p = crop^(1 - w) * place^w.

    Args:
        rows: (n, 6) xyxy in pixels of the picture, score, class.
        heat: (h, w) scores of the first look over the picture.
        size: (height, width) of the picture, pixels.
        weight: of the first look, 0..1.

    Source: Genest and Zidek 1986, "Combining Probability Distributions" (the logarithmic opinion pool).
    """
    if not len(rows) or not weight:
        return rows
    h, w = heat.shape
    cells = rows.new_tensor([w / size[1], h / size[0]])
    x, y = ((rows[:, :2] + rows[:, 2:4]) / 2 * cells).long().T[:, :, None, None]
    near = torch.arange(-NEAR, NEAR + 1, device=rows.device)
    around = heat[(y + near[:, None]).clamp(0, h - 1), (x + near).clamp(0, w - 1)]
    place = around.to(rows).amax((1, 2)).clamp(min=LEAST)
    score = rows[:, 4] ** (1 - weight) * place**weight
    return torch.cat((rows[:, :4], score[:, None], rows[:, 5:]), 1)
