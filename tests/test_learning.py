"""Detectors of every family learn a few pictures by heart, and find them in evaluation, with running statistics."""

from __future__ import annotations

import pytest
import torch
from torchvision.ops import box_iou

from yolotiny.boxes import xyxy2xywh
from yolotiny.config import load as config
from yolotiny.detector import Detector
from yolotiny.ops.postprocess import NMSConfig, nms

SIDE = 96  # pixels of a picture
STEPS = 110  # focal losses start slowly
COLOURS = torch.tensor([[1.0, 0.9, 0.2], [0.2, 0.3, 1.0]])  # of the classes


def squares(count: int = 2, objects: int = 4) -> tuple[dict, list[torch.Tensor]]:
    """A batch of bright squares of 10 to 25 px that do not touch, and of each picture (objects, 5) boxes, classes."""
    g = torch.Generator().manual_seed(0)
    img, rows = 0.2 + 0.2 * torch.rand(count, 3, SIDE, SIDE, generator=g), []
    cells = [torch.randperm(9, generator=g)[:objects] for _ in range(count)]
    for picture, mine in zip(img, cells, strict=True):
        found = []
        for i, cell in enumerate(mine.tolist()):
            side = 10 + 5 * i
            x, y = 2 + 31 * (cell % 3) + i, 2 + 31 * (cell // 3) + i
            picture[:, y : y + side, x : x + side] = COLOURS[i % 2, :, None, None]
            found.append([x, y, x + side, y + side, i % 2])
        rows.append(torch.tensor(found, dtype=torch.float32))
    flat = torch.cat(rows)
    index = torch.arange(count).repeat_interleave(objects).float()
    return {"img": img, "batch_idx": index, "cls": flat[:, 4:], "bboxes": xyxy2xywh(flat[:, :4]) / SIDE}, rows


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "changes", "least"),
    [
        ("frcnn.yaml", {}, 20),  # a square of 20 px has an IoU of .39 with the smallest anchor, one of 15 px .22
        ("frcnn.yaml", {"assigner": {"type": "rka"}}, 0),
        ("retina.yaml", {}, 0),
        ("fcos.yaml", {}, 0),
    ],
    ids=["frcnn", "frcnn-rka", "retina", "fcos"],
)
def test_what_was_learnt_by_heart_is_found_in_evaluation(model, changes, least):
    torch.manual_seed(0)
    detector = Detector(config.load(model) | changes, nc=2).train()
    given, wanted = squares()
    optimizer = torch.optim.AdamW(detector.parameters(), 2e-3)
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = 2e-3 * min(1, (step + 1) / 10, (STEPS - step) / 30)
        optimizer.zero_grad()
        detector.loss(given)[0].sum().backward()
        torch.nn.utils.clip_grad_norm_(detector.parameters(), 10.0)
        optimizer.step()
    with torch.no_grad():
        found = nms(detector.eval()(given["img"])[0], NMSConfig(conf=0.25, iou=0.6))
    for rows, all_of_them in zip(found, wanted, strict=True):
        truth = all_of_them[all_of_them[:, 2] - all_of_them[:, 0] >= least]
        same = rows[:, None, 5] == truth[None, :, 4]
        assert ((box_iou(rows[:, :4], truth[:, :4]) > 0.5) & same).any(0).all()
