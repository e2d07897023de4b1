"""The local scale module of YOLC, step by step on one picture: heat, cells, windows, crops, and what is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from matplotlib.patches import Rectangle
from scipy.optimize import linear_sum_assignment

from benchmarks.heat import heat_maps_of
from yolotiny import YOLO
from yolotiny.boxes import pairwise_iou
from yolotiny.slicing.slicers.lsm import REFERENCE_AREA_PX, LSMConfig, fullest_cells

from .pictures import IMGSZ, PEOPLE, labelled, pixels
from .style import BLUE, GREEN, ORANGE, bare, outline, picture, save, sheet

NAME, TOP_K, CONF = PEOPLE, 15, 0.25


def draw(to: Path, weights: dict[str, Path]) -> None:
    """`lsm.jpg`, from a trained YOLC."""
    seen, file = pixels(NAME), str(weights["yolc"])
    options: dict[str, Any] = {"imgsz": IMGSZ, "conf": CONF, "verbose": False}
    once = YOLO(file).predict(seen, k=0, **options)[0].boxes.xyxy.numpy()
    merged = YOLO(file).predict(seen, k=2, top_k=TOP_K, **options)[0]
    crops, found = np.asarray(merged.crops), merged.boxes.xyxy.numpy()
    heat = heat_maps_of(file, IMGSZ, [seen])[0]
    figure, axes = sheet(10, 5.9, 2, 3)
    faint = (0.45 * seen).astype(np.uint8)
    people = labelled(NAME)
    picture(axes[0, 0], seen, f"1  One look: {of(once, people)}")
    outline(axes[0, 0], once, BLUE)
    picture(axes[0, 1], faint, "2  Its heat map")
    large = cv2.resize(heat, seen.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    axes[0, 1].imshow(large, cmap="inferno", vmin=0, vmax=heat.max(), alpha=(large / 0.09).clip(0, 1))
    show_cells(axes[0, 2], faint, heat)
    outline(axes[0, 2], crops, ORANGE, 2)
    show_crops(axes[1, 0], seen, crops, found)
    inside = is_inside(found, crops)
    picture(axes[1, 1], seen, f"5  Merged: {of(found, people)}")
    outline(axes[1, 1], crops, ORANGE, 0.8, ":")
    outline(axes[1, 1], found[~inside], BLUE)
    outline(axes[1, 1], found[inside], ORANGE)
    picture(axes[1, 2], seen, f"6  As labelled: {len(people)} people")
    outline(axes[1, 2], people, GREEN)
    save(figure, to / "lsm.jpg")


def of(found: np.ndarray, people: np.ndarray) -> str:
    """How many of those labelled are among the boxes, at an IoU of .5."""
    near = pairwise_iou(torch.from_numpy(people).float(), torch.from_numpy(found).float()) >= 0.5
    rows, columns = linear_sum_assignment(-near.numpy().astype(int))
    return f"{int(near[rows, columns].sum())} of {len(people)}, {len(found)} boxes"


def show_cells(axes: Any, faint: np.ndarray, heat: np.ndarray) -> None:
    """The grid over the picture: hot pixels of each cell, and the fullest cells."""
    config = LSMConfig(top_k=TOP_K, min_area=96**2 * heat.size / REFERENCE_AREA_PX)
    xs, ys, counts, chosen = fullest_cells(heat, config)
    sy, sx = faint.shape[0] / heat.shape[0], faint.shape[1] / heat.shape[1]
    picture(axes, faint, f"3  Cells, the {TOP_K} fullest, windows")
    for row, column in np.ndindex(*counts.shape):
        x, y = xs[column] * sx, ys[row] * sy
        w, h = (xs[column + 1] - xs[column]) * sx, (ys[row + 1] - ys[row]) * sy
        face = (0.84, 0.37, 0, 0.55) if chosen[row, column] else (0, 0, 0, 0)
        axes.add_patch(Rectangle((x, y), w, h, facecolor=face, edgecolor=(1, 1, 1, 0.18), linewidth=0.5))
        if counts[row, column]:
            axes.text(x + w / 2, y + h / 2, counts[row, column], color="white", fontsize=8, ha="center", va="center")


def show_crops(axes: Any, seen: np.ndarray, crops: np.ndarray, found: np.ndarray) -> None:
    """The windows side by side as they are shown, with what is found in them."""
    bare(axes, "4  The windows, enlarged")
    tall, at = 0, 0
    for x1, y1, x2, y2 in crops.round().astype(int):
        part = seen[y1:y2, x1:x2]
        axes.imshow(part, extent=(at, at + x2 - x1, y2 - y1, 0), vmin=0, vmax=255)
        outline(axes, found[is_inside(found, np.array([[x1, y1, x2, y2]]))] - (x1 - at, y1, x1 - at, y1), ORANGE)
        at, tall = at + x2 - x1 + 8, max(tall, y2 - y1)
    axes.set(xlim=(0, at), ylim=(tall, 0), aspect="equal")


def is_inside(boxes: np.ndarray, crops: np.ndarray) -> np.ndarray:
    """(N,) True where a box of (N, 4) lies wholly in one of (K, 4)."""
    low = (boxes[:, None, :2] >= crops[None, :, :2] - 1).all(2)
    return (low & (boxes[:, None, 2:] <= crops[None, :, 2:] + 1).all(2)).any(1)
