"""The scale-adaptive loss: how much an object counts by its size, and what a shift of two pixels then loses."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from yolotiny import boxes
from yolotiny.losses.scale_adaptive import scale_weight

from .style import BLUE, FAINT, GREEN, ORANGE, save, sheet

SMALLEST, LARGEST, SHIFT = 4, 64, 2.0  # sides in the batch and shift of each box, pixels
BETAS = ((1.0, "beta = 1", FAINT), (1 / math.log(2), "1 / ln 2", GREEN), (2 / math.log(2), "2 / ln 2", ORANGE))


def draw(to: Path, weights: dict[str, Path]) -> None:
    """The curves; nothing is trained for them."""
    figure, ((left, right),) = sheet(9.6, 4, 1, 2)
    sides = torch.linspace(SMALLEST, LARGEST, 241)
    home = torch.stack((sides * 0, sides * 0, sides, sides), 1)
    moved = home + torch.tensor([SHIFT, 0, SHIFT, 0])
    plain = 1 - boxes.iou(home, moved).square()
    for beta, name, colour in BETAS:
        left.plot(sides, scale_weight(sides.square(), beta), color=colour, label=name)
    left.set(xlabel="side of the object, px", ylabel="weight", title="What an object counts")
    right.plot(sides, plain, color=BLUE, label="1 - IoU²")
    right.plot(sides, plain * scale_weight(sides.square()), color=ORANGE, label="SAL (beta = 2 / ln 2)")
    right.set(xlabel="side of the object, px", ylabel="loss", title=f"What a box {SHIFT:g} px off loses")
    for axes in (left, right):
        axes.grid()
        axes.set_ylim(bottom=0)
        axes.legend(loc="upper right")
    save(figure, to / "sal.svg")
