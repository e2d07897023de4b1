"""Detectors that see something without having been trained, and small batches for them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from yolotiny.detector import Detector
from yolotiny.nn.anchor_head import AnchorDetect


def batch(size: tuple[int, int] = (128, 128), empty: bool = False, seed: int = 0) -> dict[str, Any]:
    """Two random pictures; the first holds objects of 2 and 20 px, the second one of 60 px, or neither any."""
    g = torch.Generator().manual_seed(seed)
    h, w = size
    pixels = torch.tensor([[41.0, 43.0, 2.0, 2.0], [80.0, 60.0, 20.0, 16.0], [64.0, 64.0, 60.0, 56.0]])
    out = {
        "img": torch.rand(2, 3, h, w, generator=g),
        "batch_idx": torch.tensor([0.0, 0.0, 1.0]),
        "cls": torch.tensor([[0.0], [1.0], [1.0]]),
        "bboxes": pixels / torch.tensor([w, h, w, h]),
    }
    return {k: v[:0] if empty and k != "img" else v for k, v in out.items()}


def crowd(size: tuple[int, int] = (128, 128), objects: int = 60) -> dict[str, Any]:
    """The pictures of `batch` with many objects of 2 to 64 px, so that every level of a head gets some."""
    g = torch.Generator().manual_seed(1)
    wh = 2 ** (1 + 5 * torch.rand(objects, 2, generator=g)) / torch.tensor([size[1], size[0]])
    return batch(size) | {
        "batch_idx": (torch.arange(objects) * 2 // objects).float(),
        "cls": torch.randint(2, (objects, 1), generator=g).float(),
        "bboxes": torch.cat((torch.rand(objects, 2, generator=g), wh), 1),
    }


def awake(detector: Detector, share: float = 0.05) -> Detector:
    """Give a fresh detector answers that differ from place to place, about `share` of them with a score above 0.25.

    Fresh batch norms let a picture fade on its way through the network; here their statistics are those of noise.
    """
    norms = [m for m in detector.modules() if isinstance(m, nn.BatchNorm2d)]
    momenta = [m.momentum for m in norms]
    for m in norms:
        m.momentum = 1.0
    detector.train()
    x = batch()["img"]
    with torch.no_grad():
        detector(x)
        for m, momentum in zip(norms, momenta, strict=True):
            m.momentum = momentum
        detector.eval()
        head = detector.model[-1]
        scores = detector(x)[1].cls.flatten(0, 1).amax(1)
        lift = -0.9 - scores.quantile(1 - share).item()  # logit(0.29)
        for conv in head.m if isinstance(head, AnchorDetect) else head.cls_preds:
            bias = conv.bias.view(-1, head.no)[:, 5:] if isinstance(head, AnchorDetect) else conv.bias
            bias += lift
        for conv in head.m if isinstance(head, AnchorDetect) else head.obj_preds:
            bias = conv.bias.view(-1, head.no)[:, 4] if isinstance(head, AnchorDetect) else conv.bias
            bias.fill_(4.0)
    return detector
