"""The analysis as plots: recall over size, errors by size, F1 over confidence, counts. Needs no display."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..metrics.tables import bin_names, span

# Okabe and Ito 2008: told apart with any kind of colour vision.
COLOURS = {
    "hit": "#009E73",
    "missed": "#D55E00",
    "localisation": "#E69F00",
    "class": "#CC79A7",
    "duplicate": "#56B4E9",
    "background": "#F0E442",
}
CYCLE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("-", "--", ":", "-.")
MOST = 12  # classes in one plot, those with most objects
STYLE: Any = {
    "text.parse_math": False,  # a class may be called "$"
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e7eb",
    "axes.axisbelow": True,
    "legend.frameon": False,
}


def recall_by_size(report: Mapping[str, Any]) -> Figure:
    """Recall over the size of the object, per class, with the number of objects behind each point."""
    found = report["analysis"]["recall_by_size"]
    n = found["all"]["n"]
    filled = [i for i, count in enumerate(n) if count] or [0]
    bins = range(filled[0], filled[-1] + 1)
    fig, ax = _axes(7.2, 4)
    behind = ax.twinx()
    behind.bar(range(len(bins)), [n[i] for i in bins], color="#e4e7eb", width=0.9)
    behind.set_ylabel("objects")
    behind.grid(False)
    behind.spines["right"].set_visible(True)
    ax.set_zorder(behind.get_zorder() + 1)
    ax.patch.set_visible(False)

    def draw(row: Mapping[str, list], key: str, label: str, **style: Any) -> None:
        points = [(x, row[key][i]) for x, i in enumerate(bins) if row[key][i] is not None]
        ax.plot(*zip(*points, strict=True) if points else ([], []), label=label, **style)

    for name, style in _classes(report):
        draw(found["per_class"][name], "recall", name, lw=1, ms=2.5, marker="o", **style)
    draw(found["all"], "recall", "all", color="black", lw=2, marker="o", ms=4)
    draw(found["all"], "recall_at_confidence", "all, at best F1", color="black", lw=1.5, ls="--")
    names = bin_names(found["edges"])
    ax.set_xticks(range(len(bins)), [names[i] for i in bins], rotation=45 if len(bins) > 9 else 0)
    ax.set(xlabel="size of the object, pixels (square root of its area)", ylabel="recall at IoU 0.5", ylim=(0, 1.02))
    _legend(ax)
    return fig


def errors_by_size(report: Mapping[str, Any]) -> Figure:
    """What became of the objects of each size, and what the false alarms are."""
    found = report["analysis"]
    rows = found["errors"]["all"]
    fig, (left, right) = _axes(7.2, 3.4, 2)
    names = [f"{size}\n{span(found['sizes'].get(size))}".strip() for size in rows]
    seen = [row["missed"] - row["unseen"] for row in rows.values()]
    totals = [max(row["objects"], 1) for row in rows.values()]
    parts = [
        ("found", [row["found"] for row in rows.values()], COLOURS["hit"]),
        ("missed, but boxed badly\nor as another class", seen, COLOURS["localisation"]),
        ("missed, unseen", [row["unseen"] for row in rows.values()], COLOURS["missed"]),
    ]
    _stack(
        left,
        names,
        [(label, [100 * v / t for v, t in zip(values, totals, strict=True)], c) for label, values, c in parts],
    )
    for x, row in enumerate(rows.values()):
        left.annotate(str(row["objects"]), (x, 101), ha="center", fontsize=7, color="#52606d")
    left.set(ylabel="percent of the objects", ylim=(0, 108))
    kinds = ("localisation", "class", "duplicate", "background")
    _stack(right, names, [(kind, [row[kind] for row in rows.values()], COLOURS[kind]) for kind in kinds])
    right.set_ylabel("false alarms")
    for ax in (left, right):
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize=7.5)
    return fig


def f1_confidence(report: Mapping[str, Any]) -> Figure:
    """F1 over the confidence, with the best point of each class."""
    found = report["analysis"]
    x, f1 = found["curves"]["confidence"], found["curves"]["f1"]
    fig, ax = _axes(7.2, 4)
    rows = [
        (name, f1["per_class"][name], found["best_f1"]["per_class"][name], style) for name, style in _classes(report)
    ]
    rows.append(("mean of the classes", f1["all"], found["best_f1"]["all"], {"color": "black", "lw": 2}))
    for name, y, best, style in rows:
        at = best["confidence"]
        known = [0.0 if v is None else v for v in y]
        ax.plot(x, known, **({"lw": 1} | style), label=f"{name}{'' if at is None else f', best at {at:.2f}'}")
        if at is not None:
            ax.plot(at, best["f1"], "o", color=style["color"], ms=4)
    ax.set(xlabel="confidence", ylabel="F1 at IoU 0.5", xlim=(0, 1), ylim=(0, 1.02))
    _legend(ax)
    return fig


def counts(report: Mapping[str, Any]) -> Figure:
    """Objects counted against objects there, a point per image."""
    images = report["analysis"]["counting"]["images"]
    fig, ax = _axes(4.2, 4)
    top = max([1, *(max(i["objects"], i["counted"]) for i in images)]) * 1.05
    ax.plot([0, top], [0, top], color="#9aa5b1", lw=1)
    ax.scatter([i["objects"] for i in images], [i["counted"] for i in images], s=10, alpha=0.5, color=CYCLE[0], lw=0)
    ax.set(xlabel="objects in the image", ylabel="counted, at best F1", xlim=(0, top), ylim=(0, top), aspect="equal")
    return fig


PLOTS: dict[str, Callable[[Mapping[str, Any]], Figure]] = {
    "recall_by_size": recall_by_size,
    "errors_by_size": errors_by_size,
    "f1_confidence": f1_confidence,
    "counting": counts,
}


def png(name: str, report: Mapping[str, Any]) -> bytes:
    """Draw the plot called `name` in `PLOTS`."""
    out = io.BytesIO()
    with rc_context(STYLE):
        PLOTS[name](report).savefig(out, format="png", dpi=160)
    return out.getvalue()


def _axes(width: float, height: float, columns: int = 1) -> tuple[Figure, Any]:
    """A figure in inches that draws without a window, and its axes."""
    fig = Figure(figsize=(width, height), layout="constrained")
    return fig, fig.subplots(1, columns)


def _classes(report: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The classes with most objects, in the report's order, each with a line of its own look."""
    n = {name: sum(row["n"]) for name, row in report["analysis"]["recall_by_size"]["per_class"].items()}
    kept = set(sorted(n, key=lambda name: -n[name])[:MOST])
    looks = [{"color": colour, "ls": dash} for dash in DASHES for colour in CYCLE]
    return list(zip([name for name in n if name in kept], looks, strict=False))


def _stack(ax: Axes, names: Sequence[str], parts: Sequence[tuple[str, Sequence[float], str]]) -> None:
    """Stacked bars; an edge tells them apart where colours do not."""
    below = [0.0] * len(names)
    for label, values, colour in parts:
        ax.bar(
            range(len(names)), values, bottom=below, label=label, color=colour, edgecolor="#3e4c59", lw=0.4, width=0.7
        )
        below = [b + v for b, v in zip(below, values, strict=True)]
    ax.set_xticks(range(len(names)), names)
    ax.grid(False, axis="x")


def _legend(ax: Axes) -> None:
    """Beside the plot, where it hides no curve."""
    ax.figure.legend(*ax.get_legend_handles_labels(), loc="outside right center", fontsize=7.5)
