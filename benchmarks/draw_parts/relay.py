"""SARL: where the gates open that a coarser level lays on the next finer one, from the coarsest down."""

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
    gates = {panel.title.split(",")[0]: panel.values for panel in panels if panel.title.endswith("places")}
    figure, axes = sheet(9.2, 7.5, 2, 2)
    axes[0, 0].imshow(panels[0].values)
    bare(axes[0, 0], "Picture and its objects")
    for place, stride in zip(axes.ravel()[1:], (16, 8, 4), strict=True):
        gate = gates[f"FIM at stride {stride}"]
        place.imshow(
            gate, cmap="inferno", vmin=0, vmax=1, interpolation="nearest", extent=(0, x.shape[3], x.shape[2], 0)
        )
        bare(place, f"Stride {2 * stride} on stride {stride}: {gate.min():.2f} to {gate.max():.2f}")
    for place in axes.ravel():
        outline(place, objects, ORANGE if place is axes[0, 0] else "white", 0.9)
    save(figure, to / "relay.jpg")
