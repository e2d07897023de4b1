"""Gaussians for heat maps of centres: how wide, and drawn."""

from __future__ import annotations

import torch
from torch import Tensor


def gaussian_radius(sizes: Tensor, min_overlap: float = 0.3) -> Tensor:
    """How far a corner may move in every direction so that the box still overlaps the object enough.

    Args:
        sizes: (M, 2) width and height, pixels.
        min_overlap: least IoU with the object.
    Returns:
        (M,) pixels.
    Source: Law and Deng 2018 (CornerNet), section 3.2, with the roots as CenterNet's code takes them.
    """
    w, h = sizes.double().unbind(-1)
    o, total, product = min_overlap, w + h, w * h

    def root(b: Tensor, ac: Tensor) -> Tensor:
        return (b.square() - 4 * ac).clamp(min=0).sqrt()

    shifted = (total - root(total, product * (1 - o) / (1 + o))) / 2
    inside = (2 * total - root(2 * total, 4 * (1 - o) * product)) / 8
    around = (-2 * o * total + root(2 * o * total, 4 * o * (o - 1) * product)) / (8 * o)
    return torch.minimum(torch.minimum(shifted, inside), around).float()


def draw_gaussians(planes: int, size: tuple[int, int], plane: Tensor, centre: Tensor, radius: Tensor) -> Tensor:
    """Gaussians on dark ground; where two meet the larger value stays.

    Objects of one radius share one patch, so a crowded picture takes a few operations per radius.

    Args:
        planes: number of maps, P.
        size: (H, W) of each.
        plane: (M,) map of each object.
        centre: (M, 2) column and row, whole pixels inside the map.
        radius: (M,) whole pixels; sigma is (2 r + 1) / 6 and the patch ends at the radius.
    Returns:
        (P, H, W) in 0..1, one at every centre.
    Source: Law and Deng 2018 (CornerNet), section 3.2, with the sigma of CenterNet's code.
    """
    h, w = size
    out = torch.zeros(planes * h * w, device=plane.device)
    sizes, counts = radius.unique(return_counts=True)
    alike = radius.argsort(stable=True).split(counts.tolist())
    for r, at in zip(sizes.tolist(), alike, strict=True):
        line = torch.arange(-r, r + 1, device=plane.device)
        falls = torch.exp(-line.square() / (2 * ((2 * r + 1) / 6) ** 2))
        col, row = centre[at, 0, None] + line, centre[at, 1, None] + line  # (n, 2 r + 1)
        value = falls[:, None] * falls * ((row >= 0) & (row < h))[:, :, None] * ((col >= 0) & (col < w))[:, None, :]
        start = (plane[at, None] * h + row.clamp(0, h - 1)) * w
        index = start[:, :, None] + col.clamp(0, w - 1)[:, None, :]
        out.scatter_reduce_(0, index.flatten(), value.flatten(), "amax")
    return out.view(planes, h, w)
