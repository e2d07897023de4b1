"""The figures of a `Stats` as one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...files import whole
from .statistics import SIZES, Stats

INK, QUIET = "#1f4e79", "#c9c9c9"
MOST_CLASSES = 20  # bars of the class chart


def plot(stats: Stats, file: Path) -> None:
    """Draw sizes, objects per picture, classes, and where objects lie, into a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 2)
    _sizes(axes[0, 0], stats)
    _counts(axes[0, 1], stats)
    _classes(axes[1, 0], stats)
    _places(axes[1, 1], stats)
    title = f"{stats.data.parent.name} {stats.split}: {len(stats.samples)} pictures, {len(stats.labels)} objects"
    figure.suptitle(title, fontsize=12)
    with whole(file) as part:
        figure.savefig(part)


def _sizes(ax: Any, stats: Stats) -> None:
    """Object sides in the picture and at imgsz, on a logarithmic axis with the bounds of the size classes."""
    seen = stats.sides * stats.scale
    both = np.concatenate((stats.sides, seen))
    bins = np.geomspace(max(both.min(), 0.5), max(both.max(), 65), 50)
    ax.hist(stats.sides, bins, color=QUIET, label=f"in the picture (median {np.median(stats.sides):.1f} px)")
    ax.hist(seen, bins, color=INK, histtype="step", lw=1.8, label=f"at imgsz={stats.imgsz} ({np.median(seen):.1f} px)")
    ax.set_xscale("log")
    for name, (low, high) in SIZES.items():
        if low:
            ax.axvline(low, color="black", lw=0.7, ls=":")
        middle = np.sqrt(max(low, bins[0]) * min(high, bins[-1]))
        if bins[0] < min(high, bins[-1]):
            ax.text(middle, 1.01, name, ha="center", va="bottom", fontsize=7, transform=ax.get_xaxis_transform())
    ticks = [t for t in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512) if bins[0] <= t <= bins[-1]]
    ax.set_xticks(ticks, [str(t) for t in ticks])
    ax.minorticks_off()
    ax.set(xlabel="square root of the area, px", ylabel="objects")
    ax.legend(fontsize=8, loc="upper right")


def _counts(ax: Any, stats: Stats) -> None:
    """Objects per picture."""
    top = int(stats.counts.max())
    step = -(-(top + 1) // 40)
    ax.hist(stats.counts, np.arange(0, top + step + 1, step) - 0.5, color=INK)
    p95 = float(np.percentile(stats.counts, 95))
    ax.axvline(p95, color="black", lw=0.8, ls="--", label=f"95 % have {p95:.0f} or fewer, most {top}")
    ax.set(xlabel="objects in a picture", ylabel="pictures")
    ax.legend(fontsize=8)


def _classes(ax: Any, stats: Stats) -> None:
    """Objects by class."""
    rows = sorted(((n, name) for name, (n, _, _) in stats.per_class.items()), reverse=True)[:MOST_CLASSES][::-1]
    bars = ax.barh([name for _, name in rows], [n for n, _ in rows], color=INK)
    ax.bar_label(bars, fontsize=8, padding=2)
    ax.margins(x=0.12)
    more = len(stats.names) - len(rows)
    ax.set_xlabel("objects" + (f" (the {MOST_CLASSES} most frequent classes, {more} more)" if more else ""))


def _places(ax: Any, stats: Stats) -> None:
    """Where in the picture objects lie, all pictures on top of each other."""
    centres = np.clip(np.concatenate(stats.centres), 0, 1)
    w, h = np.median(stats.shapes, axis=0)
    table = np.histogram2d(centres[:, 1], centres[:, 0], bins=(40, 64), range=((0, 1), (0, 1)))[0]
    ax.imshow(table, cmap="Blues", extent=(0, w, h, 0))
    crowded, found, even = stats.clustering
    text = (
        f"90 % of a picture's objects in {found:.0%} of its area (evenly: {even:.0%})" if crowded else "object centres"
    )
    ax.set_xlabel(f"{text}; here all pictures together", fontsize=8)
    ax.set(xticks=[], yticks=[])
