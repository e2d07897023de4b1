"""SR-TOD: a picture, what is rebuilt of it from the finest level, where that is wrong, and the mask."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from yolotiny.analysis.feature_maps import collect_panels

from .pictures import CARS, network, network_input
from .style import ORANGE, bare, outline, save, sheet

NAME = CARS


def draw(to: Path, weights: dict[str, Path]) -> None:
    """`difference.jpg`, from a short training of SR-TOD."""
    x, objects = network_input(NAME)
    model = network(weights["srtod"])
    (seen, rebuilt, difference, mask, *_), _, _ = collect_panels(model, x)
    inside = np.zeros(difference.values.shape, bool)
    for x1, y1, x2, y2 in objects.round().astype(int):
        inside[max(y1, 0) : y2, max(x1, 0) : x2] = True
    means = [255 * difference.values[where].mean() for where in (inside, ~inside)]
    figure, axes = sheet(9.2, 7.5, 2, 2)
    titles = {
        "1  Picture and its objects": seen,
        "2  Rebuilt from stride 4": rebuilt,
        f"3  Difference: mean {means[0]:.0f} in objects, {means[1]:.0f} outside": difference,
        f"4  M{mask.title[1:]}": mask,
    }
    for place, (title, panel) in zip(axes.ravel(), titles.items(), strict=True):
        flat = panel.values.ndim == 2
        place.imshow(panel.values.clip(0, 1), cmap="inferno" if flat else None, interpolation="nearest")
        bare(place, title)
    for place in axes[:, 0]:
        outline(place, objects, ORANGE, 1)
    save(figure, to / "difference.jpg")
