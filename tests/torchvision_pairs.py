"""torchvision's own detectors on given features, beside heads of ours with the same tensors and the same anchors."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.ops import batched_nms

from yolotiny.boxes import xywh2xyxy

SIZE, STRIDES, CHANNELS, NC = 64, (8.0, 16.0), 32, 3
# Bare pictures: neither resized nor normalised.
PLAIN = {"min_size": SIZE, "max_size": SIZE, "image_mean": [0.0] * 3, "image_std": [1.0] * 3}


class Given(nn.Module):
    """A backbone that gives the same features whatever it is shown."""

    out_channels = CHANNELS

    def __init__(self, features: list[Tensor]):
        super().__init__()
        self.features = features

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        """Pictures -> the features by name."""
        return OrderedDict((str(i), f) for i, f in enumerate(self.features))


def features(seed: int = 0) -> list[Tensor]:
    """Two pictures' features at strides 8 and 16."""
    g = torch.Generator().manual_seed(seed)
    return [torch.randn(2, CHANNELS, int(SIZE // s), int(SIZE // s), generator=g) for s in STRIDES]


def loud(module: nn.Module) -> None:
    """Weights that say different things at different places."""
    g = torch.Generator().manual_seed(1)
    for p in module.parameters():
        if p.dim() > 1:
            p.data = torch.randn(p.shape, generator=g) * (1.5 / p[0].numel() ** 0.5)


def anchors_of(head: Any) -> AnchorGenerator:
    """torchvision's generator with the anchors of a head: its own stand at the cell's corner and are rounded."""
    made = AnchorGenerator(((1.0,) * head.anchors_per_cell,) * len(STRIDES), ((1.0,),) * len(STRIDES))
    sizes = [head.prior_sizes(i) for i in range(len(STRIDES))]
    middles = [torch.full_like(s, stride / 2) for s, stride in zip(sizes, STRIDES, strict=True)]
    made.cell_anchors = [xywh2xyxy(torch.cat(pair, 1)) for pair in zip(middles, sizes, strict=True)]
    return made


def objects() -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
    """Objects of two pictures, as torchvision and as ultralytics have them."""
    rows = torch.tensor(
        [[20.0, 20, 30, 26, 0], [22, 18, 62, 60, 1], [3, 40, 9, 47, 2], [30, 5, 60, 20, 0], [10, 10, 40, 50, 1]]
    )
    image = torch.tensor([0, 0, 0, 1, 1])
    theirs = [{"boxes": rows[image == i, :4], "labels": rows[image == i, 4].long()} for i in range(2)]
    box = rows[:, :4] / SIZE
    xywh = torch.cat(((box[:, :2] + box[:, 2:]) / 2, box[:, 2:] - box[:, :2]), 1)
    ours = {"img": torch.zeros(2, 3, SIZE, SIZE), "batch_idx": image.float(), "cls": rows[:, 4:], "bboxes": xywh}
    return theirs, ours


def detections(y: Tensor, conf: float, iou: float, most: int) -> list[dict[str, Tensor]]:
    """(B, 4 + C, A) xywh pixels and scores -> torchvision's detections: cut to the picture, then suppressed."""
    found = []
    for picture in y.transpose(1, 2):
        boxes = xywh2xyxy(picture[:, :4]).clamp(0, SIZE)
        i, labels = (picture[:, 4:] > conf).nonzero(as_tuple=True)
        scores = picture[i, 4 + labels]
        keep = batched_nms(boxes[i], scores, labels, iou)[:most]
        found.append({"boxes": boxes[i][keep], "scores": scores[keep], "labels": labels[keep]})
    return found


def assert_same(ours: list[dict[str, Tensor]], theirs: list[dict[str, Tensor]], shift: int = 0) -> None:
    """Detections equal to 1e-4, in the same order; `shift` is the number of torchvision's first class."""
    for a, b in zip(ours, theirs, strict=True):
        assert len(b["scores"]) > 5
        torch.testing.assert_close(a["scores"], b["scores"], rtol=0, atol=1e-4)
        torch.testing.assert_close(a["boxes"], b["boxes"], rtol=1e-5, atol=1e-4)
        assert torch.equal(a["labels"] + shift, b["labels"])
