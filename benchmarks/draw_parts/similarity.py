"""NWD beside IoU: what a shift costs, and which objects get priors by rules that go by either."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from yolotiny import YOLO, boxes
from yolotiny.assigners import MaxIoU
from yolotiny.assigners.rka import RKA
from yolotiny.structures import Preds, Targets

from .style import BLUE, FAINT, GREEN, ORANGE, save, sheet

C = 12.7  # the paper's, pixels
SIDES = np.arange(4, 49)
PLACES = 60  # at which an object of each size is tried
RULES: dict[str, tuple[Any, str]] = {
    "IoU, .7 / .3": (MaxIoU(metric="iou"), BLUE),
    "NWD, .7 / .3": (MaxIoU(metric="nwd", c=C), GREEN),
    "RKA by NWD, k = 2": (RKA(metric="nwd", k=2, c=C), ORANGE),
}


def draw(to: Path, weights: dict[str, Path]) -> None:
    """The curves; nothing is trained for them."""
    figure, ((shift, mean),) = sheet(9.6, 4, 1, 2)
    moves = torch.arange(0, 20.01, 0.1)
    for side, line in ((6, "-"), (24, "--")):
        home = torch.tensor([0.0, 0, side, side]).expand(len(moves), 4)
        moved = home + torch.stack((moves, torch.zeros_like(moves)), 1).repeat(1, 2)
        shift.plot(moves, boxes.iou(home, moved), line, color=BLUE, label=f"IoU, box of {side} px")
    shift.plot(moves, boxes.nwd(home, moved, C), color=GREEN, label=f"NWD, any box (C = {C})")
    shift.axhline(0.7, color=FAINT, linewidth=1, linestyle=":")
    shift.text(20, 0.71, "a positive's threshold", ha="right", va="bottom", fontsize=10, color=FAINT)
    shift.set(xlabel="shift to the side, px", ylabel="similarity", title="What a shift costs", ylim=(0, 1.02))
    shift.legend(loc="upper right", bbox_to_anchor=(1, 0.69))
    for name, (rule, colour) in RULES.items():
        counts = priors_of_squares(rule)
        mean.plot(SIDES, counts.mean(1), color=colour, label=name)
    mean.set(xlabel="side of the object, px", ylabel="priors, mean", title="Priors an object gets", ylim=(-0.2, 14))
    mean.legend(loc="upper left")
    for axes in (shift, mean):
        axes.grid()
    save(figure, to / "nwd-rka.svg")


def priors_of_squares(rule: Any) -> np.ndarray:
    """(sizes, places) priors that single squares get of a Faster R-CNN whose anchors have 8 strides, at 320 px."""
    generator = torch.Generator().manual_seed(0)
    head = YOLO("frcnn.yaml").model.eval()
    with torch.no_grad():
        priors = head(torch.zeros(1, 3, 320, 320))[1].priors
    preds = Preds(torch.zeros(0), torch.zeros(0), None, priors)
    out = []
    for side in SIDES:
        centres = 60 + 200 * torch.rand(PLACES, 2, generator=generator)
        found = rule(preds, None, squares(centres, float(side)))
        out.append(torch.bincount(found.gt, minlength=PLACES).numpy())
    return np.stack(out)


def squares(centres: Tensor, side: float) -> Targets:
    """An object in each picture of a batch: (B, 2) centres, pixels."""
    count = len(centres)
    return Targets(
        boxes=torch.cat((centres - side / 2, centres + side / 2), 1),
        labels=torch.zeros(count, dtype=torch.long),
        image=torch.arange(count),
        ignore=torch.zeros(0, 4),
        ignore_image=torch.zeros(0, dtype=torch.long),
        batch_size=count,
        imgsz=(320, 320),
        areas=torch.full((count,), side * side),
    )
