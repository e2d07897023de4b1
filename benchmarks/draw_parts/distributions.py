"""UGS: the four distributions behind a box, of an object that is sure and of one that is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from yolotiny import boxes
from yolotiny.losses.bins import entropy

from .pictures import BICYCLES, CARS, PEOPLE, network, network_input
from .style import BLUE, FAINT, ORANGE, outline, picture, save, sheet

LEAST_SCORE = 0.3
COORDINATES = ("centre x", "centre y", "width", "height")


def draw(to: Path, weights: dict[str, Path]) -> None:
    """`ugs.jpg`, from a short training of UGS: of all objects found, the least and the most entropy."""
    model = network(weights["ugs"])
    found = [each for name in (BICYCLES, CARS, PEOPLE) for each in distributions(model, name)]
    found.sort(key=lambda each: each["entropy"].mean())
    figure, axes = sheet(11, 5.4, 2, 5)
    for row, each, word in zip(axes, (found[0], found[-1]), ("sure", "doubtful"), strict=True):
        show_object(row[0], each, word)
        for i in range(4):
            show_coordinate(row[i + 1], each, i)
    save(figure, to / "ugs.jpg")


def distributions(model: Any, name: str) -> list[dict[str, Any]]:
    """What the best prediction of each object that was found says of it."""
    x, objects = network_input(name)
    coder = model.model[-1].coder
    with torch.no_grad():
        preds = model(x)[1]
    decoded, score = coder.decode(preds.box, preds.priors)[0], preds.obj[0].sigmoid() * preds.cls[0].sigmoid().amax(-1)
    out = []
    for gt in torch.from_numpy(objects).float():
        fits = (boxes.iou(gt.expand_as(decoded), decoded) > 0.5) & (score > LEAST_SCORE)
        if not fits.any():
            continue
        best = torch.where(fits, score, torch.zeros_like(score)).argmax()[None]
        logits = torch.cat(coder.logits(preds.box[0, best]), 1)[0]  # (4, K), since both grids have 11 points
        out.append(
            {
                "input": x,
                "gt": gt,
                "box": decoded[best[0]],
                "score": float(score[best]),
                "p": logits.softmax(-1),
                "entropy": entropy(logits),
                "points": points(coder, preds.priors.at(best)),
            }
        )
    return out


def points(coder: Any, prior: Any) -> Tensor:
    """(4, K) what the points of the grids stand for, pixels of the input."""
    xy, wh = coder.grids
    centres = prior.centers[0][:, None] + xy * prior.strides[0]
    return torch.cat((centres, prior.sizes[0][:, None] * wh.exp()))


def show_object(axes: Any, each: dict[str, Any], word: str) -> None:
    """The object enlarged, as labelled and as found."""
    gt, shown = each["gt"], (255 * each["input"][0, 0]).byte().numpy()
    picture(axes, shown, f"{word}\nscore {each['score']:.2f}, mean H {each['entropy'].mean():.2f}")
    outline(axes, gt[None], FAINT, 2, "--")
    outline(axes, each["box"][None], ORANGE, 2)
    (x, y), half = ((gt[:2] + gt[2:]) / 2).tolist(), float((gt[2:] - gt[:2]).max()) * 0.9 + 4
    axes.set(xlim=(x - half, x + half), ylim=(y + half, y - half))


def show_coordinate(axes: Any, each: dict[str, Any], i: int) -> None:
    """Probabilities over the points of a grid, with the expectation and what was labelled."""
    p, at = each["p"][i].numpy(), each["points"][i].numpy()
    truth = boxes.xyxy2xywh(each["gt"])[i].item()
    axes.bar(np.arange(len(p)), p, color=BLUE, width=0.8)
    steps = np.arange(len(p))
    axes.axvline(np.interp(truth, at, steps), color=FAINT, linestyle="--", linewidth=2)
    axes.axvline(np.interp(boxes.xyxy2xywh(each["box"])[i].item(), at, steps), color=ORANGE, linewidth=2)
    shown = at - truth if i < 2 else at  # of a centre, how far it is from the labelled one
    ticks = steps[:: len(p) // 2]
    axes.set_xticks(ticks, [f"{v:+.1f}" if i < 2 else f"{v:.0f}" for v in shown[ticks]])
    axes.set_yticks([0, 0.5, 1], ["0", ".5", "1"])
    axes.set(ylim=(0, 1), title=f"{COORDINATES[i]}, H = {each['entropy'][i]:.2f}")
    axes.set_xlabel("px off the label" if i < 2 else "px")
