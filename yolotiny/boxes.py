"""Geometry of boxes: pure functions on xyxy pixels, float32 inside autocast."""

from __future__ import annotations

import math

import torch
from torch import Tensor

EPS = 1e-7


def xywh2xyxy(x: Tensor) -> Tensor:
    """(..., 4) centre x, centre y, width, height -> (..., 4) left, top, right, bottom; same units."""
    c, half = x[..., :2], x[..., 2:4] / 2
    return torch.cat((c - half, c + half), -1)


def xyxy2xywh(x: Tensor) -> Tensor:
    """(..., 4) left, top, right, bottom -> (..., 4) centre x, centre y, width, height; same units."""
    return torch.cat(((x[..., :2] + x[..., 2:4]) / 2, x[..., 2:4] - x[..., :2]), -1)


def area(x: Tensor) -> Tensor:
    """(..., 4) xyxy pixels -> (...) area, square pixels; zero for boxes turned inside out."""
    return (x[..., 2] - x[..., 0]).clamp(min=0) * (x[..., 3] - x[..., 1]).clamp(min=0)


def _overlap(a: Tensor, b: Tensor, area_a: Tensor | None = None, area_b: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Intersection and union of boxes that broadcast against each other."""
    lt = torch.maximum(a[..., :2], b[..., :2])
    rb = torch.minimum(a[..., 2:], b[..., 2:])
    inter = (rb - lt).clamp(min=0).prod(-1)
    return inter, (area(a) if area_a is None else area_a) + (area(b) if area_b is None else area_b) - inter


def iou(a: Tensor, b: Tensor, area_a: Tensor | None = None, area_b: Tensor | None = None) -> Tensor:
    """Intersection over union of aligned boxes.

    Args:
        a, b: (N, 4) xyxy, pixels.
        area_a, area_b: (N,) areas where they are known better than the rounded corners tell.
    Returns:
        (N,) in [0, 1].
    """
    inter, union = _overlap(a.float(), b.float(), area_a, area_b)
    return inter / (union + EPS)


def giou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised IoU of aligned boxes, (N, 4) xyxy pixels -> (N,) in [-1, 1]. Source: Rezatofighi et al. 2019."""
    a, b = a.float(), b.float()
    inter, union = _overlap(a, b)
    hull = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).prod(-1) + EPS
    return inter / (union + EPS) - (hull - union) / hull


def _center_term(a: Tensor, b: Tensor) -> Tensor:
    """Squared centre distance over the squared diagonal of the enclosing box."""
    hull = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    shift = (b[..., :2] + b[..., 2:] - a[..., :2] - a[..., 2:]) / 2
    return shift.square().sum(-1) / (hull.square().sum(-1) + EPS)


def diou(a: Tensor, b: Tensor) -> Tensor:
    """Distance IoU of aligned boxes, (N, 4) xyxy pixels -> (N,). Source: Zheng et al. 2020, Eq. 7."""
    a, b = a.float(), b.float()
    return iou(a, b) - _center_term(a, b)


def ciou(a: Tensor, b: Tensor) -> Tensor:
    """Complete IoU of aligned boxes: IoU less the centre distance less the difference of aspect.

    Args:
        a, b: (N, 4) xyxy, pixels.
    Returns:
        (N,) at most 1; gradients do not flow through the trade-off weight.
    Source: Zheng et al. 2020, Eqs. 8-11.
    """
    a, b = a.float(), b.float()
    overlap = iou(a, b)
    (wa, ha), (wb, hb) = (a[..., 2:] - a[..., :2]).unbind(-1), (b[..., 2:] - b[..., :2]).unbind(-1)
    aspect = (4 / math.pi**2) * (torch.atan(wb / (hb + EPS)) - torch.atan(wa / (ha + EPS))).square()
    with torch.no_grad():
        weight = aspect / (aspect - overlap + (1 + EPS))
    return overlap - _center_term(a, b) - weight * aspect


def pairwise_iou(a: Tensor, b: Tensor, area_a: Tensor | None = None, area_b: Tensor | None = None) -> Tensor:
    """IoU of every box of `a` with every box of `b`, (G, 4) x (N, 4) xyxy pixels -> (G, N).

    Areas (G,) and (N,) may be given where they are known better than the rounded corners tell.
    """
    area_a = None if area_a is None else area_a[:, None]
    inter, union = _overlap(a.float()[:, None], b.float()[None], area_a, area_b)
    return inter / (union + EPS)


def pairwise_iof(a: Tensor, b: Tensor) -> Tensor:
    """Share of each box of `a` that lies inside each box of `b`, (N, 4) x (K, 4) xyxy pixels -> (N, K)."""
    inter, _ = _overlap(a.float()[:, None], b.float()[None])
    return inter / (area(a.float())[:, None] + EPS)


def _gaussian(x: Tensor) -> Tensor:
    """(..., 4) xyxy -> centre x, centre y, half width, half height: mean and spread of the box seen as a Gaussian.

    The Euclidean distance of two such rows is the 2-Wasserstein distance of the two Gaussians.
    """
    return torch.cat(((x[..., :2] + x[..., 2:4]) / 2, (x[..., 2:4] - x[..., :2]) / 2), -1)


def wasserstein(a: Tensor, b: Tensor) -> Tensor:
    """2-Wasserstein distance of boxes seen as Gaussians.

    Args:
        a, b: (..., 4) xyxy, pixels; they broadcast against each other.
    Returns:
        (...) pixels. Where boxes coincide it is 0 and so is its gradient.
    Source: Xu et al. 2022 (ISPRS 190), Eq. 6 with the minus sign between the two vectors that print lost.
    """
    # The norm counts in units of its largest entry, so boxes far apart do not overflow; its gradient at 0 is set to 0.
    return torch.linalg.vector_norm(_gaussian(a.float()) - _gaussian(b.float()), dim=-1)


def nwd(a: Tensor, b: Tensor, c: float = 12.7) -> Tensor:
    """Normalized Wasserstein similarity of aligned boxes: exp(-W / c).

    It depends on the displacement in pixels alone, whatever the size of the boxes, and does not vanish where they no
    longer overlap.

    Args:
        a, b: (N, 4) xyxy, pixels.
        c: scale, pixels of the same picture: the mean object size, 12.7 on AI-TOD-v2.
    Returns:
        (N,) in (0, 1]; 1 where boxes coincide, 0 from about 100 c apart, where float32 ends.
    Source: Xu et al. 2022 (ISPRS 190), Eq. 7.
    """
    return (wasserstein(a, b) * (-1 / c)).exp()


def pairwise_nwd(a: Tensor, b: Tensor, c: float = 12.7) -> Tensor:
    """NWD of every box of `a` with every box of `b`, (G, 4) x (N, 4) xyxy pixels -> (G, N).

    Takes two arrays of the result's size: 0.4 GB for 1,500 x 34,000 pairs. Source: see `nwd`.
    """
    # By differences: the matrix form of cdist would cancel all digits of a pixel in a large picture.
    away = torch.cdist(_gaussian(a.float()), _gaussian(b.float()), compute_mode="donot_use_mm_for_euclid_dist")
    return (away * (-1 / c)).exp_()


def gwd(a: Tensor, b: Tensor, sqrt: bool = False, unit: float = 1.0, tau: float = 1.0) -> Tensor:
    """Similarity of aligned boxes from their Gaussian Wasserstein distance: 1 / (tau + ln(1 + W^2)).

    Args:
        a, b: (N, 4) xyxy, pixels.
        sqrt: use W in the place of W^2, as the authors' code does; the two agree at W = 0 and 1.
        unit: pixels in which W counts 1.
        tau: the larger, the flatter; from 1 up.
    Returns:
        (N,) in (0, 1 / tau]; 1 / tau where boxes coincide.
    Source: Liu et al. 2024 (YOLC), Eqs. 7-9, where tau is 1.
    """
    if sqrt:
        return 1 / (tau + torch.log1p(wasserstein(a, b) / unit))
    away = (_gaussian(a.float()) - _gaussian(b.float())) / unit
    return 1 / (tau + torch.log1p(away.square().sum(-1)))
