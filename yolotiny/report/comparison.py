"""Two sets of detections as a drawing: every difference with its interval, and the line of none."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..metrics.tables import FEW, resampled
from .plots import COLOURS, STYLE

MOST = 20  # classes in the drawing, those with most objects
BETTER, WORSE, UNSURE = COLOURS["hit"], COLOURS["missed"], "#7b8794"


def drawing(found: Mapping[str, Any], a: str, b: str) -> bytes:
    """PNG of the differences of all figures, and of AP per class.

    Args:
        found: what `metrics.compare` gives.
        a, b: what the two sets are called.
    """
    first = next(iter(found["figures"]))
    classes = sorted(found["per_class"].items(), key=lambda item: -item[1]["n"])[:MOST]
    few = found["few"]["classes"]
    of_class = [(f"{name}{FEW if name in few else ''}, {of['n']}", of[first]) for name, of in classes]
    rows = max(len(found["figures"]), len(of_class), 3)
    out = io.BytesIO()
    with rc_context(STYLE):
        fig = Figure(figsize=(9, 1.6 + 0.32 * rows), layout="constrained")
        left, right = fig.subplots(1, 2)
        _points(left, list(found["figures"].items()), "over all classes")
        _points(right, of_class, f"{first} of each class, with its objects")
        fig.suptitle(f"a: {a}\nb: {b}\n{resampled(found)}", fontsize=8, ha="left", x=0.01)
        fig.savefig(out, format="png", dpi=150)
    return out.getvalue()


def _points(ax: Axes, rows: list[tuple[str, Mapping[str, Any]]], title: str) -> None:
    """A point with its interval for each row, the first on top."""
    known = [(name, row) for name, row in rows if row["difference"] is not None]
    for y, (_, row) in enumerate(known):
        x, ends = 100 * row["difference"], row["interval"]
        colour = UNSURE if not row["clear"] else BETTER if x > 0 else WORSE
        if ends is not None:
            ax.plot([100 * v for v in ends], [y, y], color=colour, lw=2.5, solid_capstyle="butt")
        ax.plot(x, y, "o", color=colour, ms=6)
    ax.axvline(0, color="black", lw=1)
    ax.set_yticks(range(len(known)), [name for name, _ in known])
    ax.set_ylim(len(known) - 0.5, -0.5)
    ax.grid(False, axis="y")
    ax.set(xlabel="b minus a, points", title=title)
