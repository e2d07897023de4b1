"""How the pictures of the documentation look: paper and ink of their own, so that they can be read on any page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rcParams
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

PAPER, INK, FAINT = "#fbfaf7", "#24292f", "#8b9097"
BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#aa4499"  # told apart by colour-blind readers too
DPI = 125

rcParams.update(
    {
        "svg.hashsalt": "yolotiny",  # the same file from the same numbers
        "font.size": 11,
        "axes.titlesize": 11,
        "axes.facecolor": PAPER,
        "axes.edgecolor": FAINT,
        "axes.labelcolor": INK,
        "axes.titlecolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "grid.color": "#d9dbde",
        "legend.frameon": False,
        "legend.fontsize": 10,
    }
)


def sheet(width: float, height: float, rows: int, columns: int, **layout: Any) -> tuple[Figure, np.ndarray]:
    """An empty figure of so many inches, and its axes, (rows, columns)."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False, **layout)


def picture(axes: Any, pixels: np.ndarray, title: str) -> None:
    """A picture or a map without ticks."""
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    bare(axes, title)


def bare(axes: Any, title: str) -> None:
    """No ticks and no frame, and a title that begins where the picture does."""
    axes.set_axis_off()
    axes.set_title(title, loc="left")


def outline(axes: Any, boxes: Any, colour: str, width: float = 1.3, line: str = "-") -> None:
    """Rectangles of (N, 4) xyxy."""
    for x1, y1, x2, y2 in np.asarray(boxes, float).reshape(-1, 4):
        style = {"fill": False, "edgecolor": colour, "linewidth": width, "linestyle": line}
        axes.add_patch(Rectangle((x1 - 0.5, y1 - 0.5), x2 - x1, y2 - y1, **style))


def save(figure: Figure, file: Path) -> None:
    """Write a figure; photographs as JPEG, curves as SVG."""
    file.parent.mkdir(parents=True, exist_ok=True)
    more: dict[str, Any] = {"metadata": {"Date": None}}
    if file.suffix == ".jpg":
        more = {"dpi": DPI, "pil_kwargs": {"quality": 82, "subsampling": 0, "optimize": True}}
    figure.savefig(file, facecolor=PAPER, **more)
    print(f"{file}: {file.stat().st_size / 1000:.0f} kB")
