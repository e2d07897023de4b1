"""Detectors that see something without having been trained, and small batches for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import box_iou

from yolotiny import weights
from yolotiny.detector import Detector
from yolotiny.nn.anchor_head import AnchorDetect
from yolotiny.nn.center_head import CenterHead, YOLCDetect
from yolotiny.nn.rcnn_head import RCNNDetect
from yolotiny.nn.retina_head import FCOSDetect, RetinaDetect, TowerDetect


def pictures(count: int, size: tuple[int, int], seed: int = 0) -> Tensor:
    """(count, 3, H, W) in 0..1: large soft patches, small ones, and grain."""
    g = torch.Generator().manual_seed(seed)
    layers = [torch.rand(count, 3, s, s, generator=g) for s in (4, 24)]
    soft = sum(F.interpolate(x, size, mode="bilinear") for x in layers)
    return (soft + torch.rand(count, 3, *size, generator=g)) / 3


def load_official(detector: Detector, state: dict[str, Tensor]) -> tuple[int, int]:
    """Load tensors under official names; (tensors that fit, tensors of the detector)."""
    renamed = weights.ours(state, detector.yaml.get("official") or {}, bgr=False)
    detector.load(state, verbose=False)
    return len(weights.match(renamed, detector.state_dict())), len(detector.state_dict())


def batch(size: tuple[int, int] = (128, 128), empty: bool = False, seed: int = 0) -> dict[str, Any]:
    """Two pictures; the first holds objects of 2 and 20 px, the second one of 60 px, or neither any."""
    h, w = size
    pixels = torch.tensor([[41.0, 43.0, 2.0, 2.0], [80.0, 60.0, 20.0, 16.0], [64.0, 64.0, 60.0, 56.0]])
    out = {
        "img": pictures(2, size, seed),
        "batch_idx": torch.tensor([0.0, 0.0, 1.0]),
        "cls": torch.tensor([[0.0], [1.0], [1.0]]),
        "bboxes": pixels / torch.tensor([w, h, w, h]),
    }
    return {k: v[:0] if empty and k != "img" else v for k, v in out.items()}


def crowd(size: tuple[int, int] = (128, 128), objects: int = 60) -> dict[str, Any]:
    """The pictures of `batch` with many objects of 2 to 128 px, so that every level of a head gets some."""
    g = torch.Generator().manual_seed(1)
    wh = 2 ** (1 + 6 * torch.rand(objects, 2, generator=g)) / torch.tensor([size[1], size[0]])
    return batch(size) | {
        "batch_idx": (torch.arange(objects) * 2 // objects).float(),
        "cls": torch.randint(2, (objects, 1), generator=g).float(),
        "bboxes": torch.cat((torch.rand(objects, 2, generator=g), wh), 1),
    }


def assert_agree(got: Any, wanted: Any) -> None:
    """Raw outputs (B, 4 + C, A) are the same: scores to 1e-3, boxes to 1e-3 of their pixels and a hundredth of one."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    np.testing.assert_allclose(got[:, :4], wanted[:, :4], rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(got[:, 4:], wanted[:, 4:], atol=1e-3)


def assert_same_detections(ours: Tensor, theirs: Tensor, conf: float = 0.25, overlap: float = 0.7) -> None:
    """Rows (n, 6) of boxes, scores and classes are the same, in any order where scores are equal; there are some.

    Rounding may decide about one whose score is `conf` or whose IoU with a better one is `overlap`, and a processor
    rounds as it likes; hundreds of random boxes have such.
    """
    reach = torch.tensor([0.1, 0.1, 0.1, 0.1, 2e-3, 0.0])  # pixels, score, class
    assert len(ours) and len(theirs)
    for rows, others in ((ours, theirs), (theirs, ours)):
        missing = rows[~((rows[:, None] - others).abs() <= reach).all(2).any(1)]
        better = (others[:, 5] == missing[:, None, 5]) & (others[:, 4] >= missing[:, None, 4] - 2e-3)
        doubtful = ((box_iou(missing[:, :4], others[:, :4]) - overlap).abs() < 0.01) & better
        odd = missing[(missing[:, 4] > conf + 2e-3) & ~doubtful.any(1)]
        assert not len(odd), (odd, others)


def assert_same_rows(got: Tensor, wanted: Tensor, above: float = 0.25) -> None:
    """Rows (K, 6) of an end-to-end head are the same: each good one of either stands in the other, in any order."""
    reach = torch.tensor([0.1, 0.1, 0.1, 0.1, 2e-3, 0.0])  # pixels, score, class
    for rows, others in ((got, wanted), (wanted, got)):
        good = rows[rows[:, 4] > above]
        assert len(good) and all(((row - others).abs() <= reach).all(1).any() for row in good)


def photographs(size: int = 128, count: int = 16) -> Tensor:
    """(count, 3, size, size) in 0..1: real pictures where there are some, else parts of a generated aerial scene."""
    root = Path(__file__).parents[1]
    real = Path(os.environ.get("YOLOTINY_DATA") or root.parent / "shared" / "data")
    files = sorted(real.glob("hit-uav/**/*.jpg"))[:count]
    shown = [cv2.imread(str(file)) for file in files]
    if len(shown) < count:
        scene, rng = cv2.imread(str(root / "docs" / "demo.jpg")), np.random.default_rng(0)
        side = min(scene.shape[:2]) // 2
        corners = rng.integers(0, np.array(scene.shape[:2]) - side, (count, 2))
        shown = [scene[y : y + side, x : x + side] for y, x in corners]
    shown = [cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA) for image in shown]
    return torch.from_numpy(np.stack(shown)[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32) / 255)


def best_class(y: Tensor) -> Tensor:
    """(B, 4 + C, A) boxes and scores -> (B, A, 6) box, best score and its class."""
    score, label = y[:, 4:].max(1)
    return torch.cat((y[:, :4], score[:, None], label[:, None].to(y)), 1).transpose(1, 2)


def awake(detector: Detector, share: float = 0.05, x: Tensor | None = None) -> Detector:
    """Give a fresh detector answers that differ from place to place, about `share` of them with a score above 0.25.

    Fresh batch norms let a picture fade on its way through the network; here their statistics are those of `pictures`,
    or of `x` (B, 3, H, W).
    """
    norms = [m for m in detector.modules() if isinstance(m, nn.BatchNorm2d)]
    momenta = [m.momentum for m in norms]
    for m in norms:
        m.momentum = 1.0
    if isinstance(detector.model[-1], (TowerDetect, RCNNDetect)):  # fresh ones say everywhere the same
        for p in detector.model[-1].parameters():
            p.data.mul_(1.0 if p.dim() == 1 else 1.4 / p.data.std() / p[0].numel() ** 0.5)
    detector.train()
    x = pictures(16, (128, 128)) if x is None else x
    with torch.no_grad():
        detector(x)
        for m, momentum in zip(norms, momenta, strict=True):
            m.momentum = momentum
            m.running_var.clamp_(min=m.running_var.mean() / 2)  # a quiet channel must not shout on another picture
        detector.eval()
        head = detector.model[-1]
        if isinstance(head, RCNNDetect):
            head.rpn.bbox_pred.weight.mul_(0.2)
            return detector
        if isinstance(head, RetinaDetect):  # boxes not far larger than the picture
            head.reg.bbox_reg.weight.mul_(0.2)
        said = detector(x)[1]
        if isinstance(head, CenterHead):
            # Peaks are a small part of the pixels, and blurring lowers them.
            lift = -0.4 - said.heat[-1].flatten().quantile(1 - share / 4).item()
            for conv in [head.heat.out] if isinstance(head, YOLCDetect) else [branch[-1] for branch in head.heat]:
                conv.bias += lift
            if isinstance(head, YOLCDetect):  # refined boxes have no bias that would give them a size
                head.reg[-1].bias += 1
                head.refined.weight[2:].abs_()
            return detector
        if isinstance(said, dict):  # a head of ultralytics: scores (B, C, A) and no objectness
            scores = said.get("one2many", said)["scores"].amax(1).flatten()
            for branch in head.cv3:
                branch[-1].bias += -0.9 - scores.quantile(1 - share).item()
            return detector
        scores = said.cls.flatten(0, 1).amax(1)
        lift = -0.9 - scores.quantile(1 - share).item()  # logit(0.29)
        for bias in head.by_class()[1::2]:
            bias += lift
        if isinstance(head, TowerDetect):
            if isinstance(head, FCOSDetect):
                head.reg.bbox_ctrness.bias.fill_(2.0)
            return detector
        for conv in head.m if isinstance(head, AnchorDetect) else head.obj_preds:
            bias = conv.bias.view(-1, head.no)[:, -head.nc - 1] if isinstance(head, AnchorDetect) else conv.bias
            bias.fill_(4.0)
    return detector
