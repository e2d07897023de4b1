"""SARL: where its gates open, level by level, from the coarsest down."""

from __future__ import annotations

from pathlib import Path

from yolotiny.analysis.feature_maps import collect_panels

from .pictures import CARS, network, network_input
from .style import ORANGE, bare, outline, save, sheet

NAME = CARS


def draw(to: Path, weights: dict[str, Path]) -> None:
    """`relay.jpg`, from a short training with SARL."""
    x, objects = network_input(NAME)
    panels, _, _ = collect_panels(network(weights["sarl"]), x)
    for p in panels:
        print(p.title.replace("\n", " "), p.values.shape, p.values.min(), p.values.max())
    places = [p for p in panels if p.title.endswith("places")]
    figure, axes = sheet(10, 5, 2, 4)
    for place, panel in zip(axes.ravel(), [panels[0], *places], strict=False):
        place.imshow(panel.values, cmap=None if panel.values.ndim == 3 else "inferno", interpolation="nearest")
        bare(place, panel.title)
    outline(axes[0, 0], objects, ORANGE, 1)
    save(figure, to / "relay.jpg")
