"""Local maxima of heat maps, with operators that every export format knows.

Source: Zhou et al. 2019 (CenterNet), where an object is a peak of 3 x 3; the blur is that of YOLC's official code.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor

GAUSS = (0.27407, 0.45186, 0.27407)  # one side of a 3x3 Gaussian with sigma 1


def blur(heat: Tensor, c: int) -> Tensor:
    """(B, c, H, W) probabilities -> same shape, smoothed by a 3x3 Gaussian of sigma 1; mirrored at the border.

    A pixel alone keeps .2042 of its value. `c` is asked for because an ONNX graph of any size must know it.
    """
    line = torch.tensor(GAUSS, device=heat.device, dtype=heat.dtype)
    kernel = (line[:, None] * line).view(1, 1, 3, 3).repeat(c, 1, 1, 1)
    return F.conv2d(F.pad(heat, (1, 1, 1, 1), mode="reflect"), kernel, groups=c)


def is_peak(heat: Tensor) -> Tensor:
    """(B, C, H, W) probabilities above 0 -> (B, C, H, W) True where no neighbour is larger.

    Of equal neighbours the first one has it.

    As `heat == max_pool2d(heat, 3)`, but a plateau gives one peak: in half precision neighbours are often equal. On a
    CPU it takes an eighth of the time of the pooling.
    """
    p = F.pad(heat, (1, 1, 1, 1))
    wide = torch.maximum(torch.maximum(p[..., :-2], p[..., 1:-1]), p[..., 2:])  # rows of three
    before = torch.maximum(wide[..., :-2, :], p[..., 1:-1, :-2])
    after = torch.maximum(wide[..., 2:, :], p[..., 1:-1, 2:])
    return (heat > before) & (heat >= after)


def peaks(heat: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The best local maxima of all classes.

    Args:
        heat: (B, C, H, W) probabilities.
        count: how many at most.

    Returns:
        score, class index, row and column, each (B, K) with the best first; K is `count` or, in smaller maps, all
        pixels. What is no maximum fills up with score 0.
    """
    c, h, w = heat.shape[1:]
    peak = heat * is_peak(heat)
    each, where = peak.flatten(2).topk(min(count, h * w))  # per class first: the joint search is several times slower
    k = each.shape[-1]
    score, index = each.flatten(1).topk(min(count, c * k))
    pixel = where.flatten(1).gather(1, index)
    label = torch.div(index, k, rounding_mode="floor")
    row = torch.div(pixel, w, rounding_mode="floor")
    return score, label, row, pixel - row * w


def one_of_each(rows: Tensor, iou: float = 0.6) -> Tensor:
    """What several looks at the same pictures found, each object once.

    Args:
        rows: (B, K, 6) xyxy pixels, score, class.
        iou: overlap above which the lower-scored of two boxes of a class goes.
    Returns:
        (B, K, 6): the score of what goes is 0.
    """
    out = rows.clone()
    for i, (boxes, score, label) in enumerate(zip(rows[..., :4], rows[..., 4], rows[..., 5], strict=True)):
        kept = torchvision.ops.batched_nms(boxes.float(), score.float(), label, iou)
        out[i, :, 4] = 0
        out[i, kept, 4] = score[kept]
    return out
