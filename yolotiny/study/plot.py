"""The runs of a study as a drawing: each a dot, an arm a line, its mean a bar."""

from __future__ import annotations

import io
from collections.abc import Sequence
from statistics import mean

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..errors import InputError, did_you_mean
from ..report.plots import CYCLE, STYLE
from .definition import Study
from .table import Row

PANELS = 3  # figures that are drawn where nobody says which
TINY = ("AP", "AP_t", "AP_s")  # those of the AI-TOD protocol that say most of tiny objects
MARKS = "osD^v<>pPX*h"  # a seed has one mark in all panels and arms


def drawing(study: Study, rows: Sequence[Row], figures: Sequence[str] = ()) -> bytes:
    """PNG with a panel for each figure.

    Args:
        study: whose runs these are.
        rows: its table.
        figures: names of figures; none for those that the study lists, else AP and two of small sizes.

    Raises:
        InputError: a figure that the reports do not have.
    """
    known = list(next(f for row in rows for f in row.of.values()))
    for name in figures:
        if name not in known:
            raise InputError(f"figures={name}: the runs do not have it{did_you_mean(name, known)}")
    usual = [k for k in TINY if k in known] or known
    shown = list(figures or study.figures or usual)[: len(figures) or PANELS]
    seeds = sorted({seed for row in rows for seed in row.of})
    out = io.BytesIO()
    with rc_context(STYLE):
        fig = Figure(figsize=(2.2 + 2.8 * len(shown), 1.5 + 0.32 * len(rows)), layout="constrained")
        panels = fig.subplots(1, len(shown), sharey=True, squeeze=False)[0]
        for panel, name in zip(panels, shown, strict=True):
            _panel(panel, rows, name, seeds)
        panels[0].set_yticks(range(len(rows)), [row.name for row in rows])
        panels[0].set_ylim(len(rows) - 0.5, -0.5)
        fig.suptitle(f"{study.name}, profile {study.profile}; a dot is a run", fontsize=9, ha="left", x=0.01)
        handles, labels = panels[0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside right center", fontsize=7.5)
        fig.savefig(out, format="png", dpi=150)
    return out.getvalue()


def _panel(ax: Axes, rows: Sequence[Row], figure: str, seeds: Sequence[int]) -> None:
    """The dots of one figure; seeds of an arm lie a little above each other, so that none hides another."""
    for i, seed in enumerate(seeds):
        points = [(row.of[seed].get(figure), y) for y, row in enumerate(rows) if seed in row.of]
        shift = (i - (len(seeds) - 1) / 2) * min(0.12, 0.5 / len(seeds))
        known = [(x, y + shift) for x, y in points if x is not None]
        xs, ys = zip(*known, strict=True) if known else ((), ())
        ax.scatter(xs, ys, s=26, color=CYCLE[i % len(CYCLE)], marker=MARKS[i % len(MARKS)], label=f"seed {seed}")
    for y, row in enumerate(rows):
        if values := [f[figure] for f in row.of.values() if f.get(figure) is not None]:
            ax.plot([mean(values)] * 2, [y - 0.35, y + 0.35], color="black", lw=1.2, zorder=0.9)
    ax.grid(False, axis="y")
    ax.set(xlabel=f"{figure}, points")
