"""The tables and the plot of the frontier."""

from __future__ import annotations

import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.frontier_parts.arms import THEIRS

ONE = (f"{THEIRS}yolov5n", 320)  # whose milliseconds are 1
SHOWN = ("AP", "AP50", "AP_t", "AP_s", "AP_m", "AP, all")
Point = dict[str, Any]


def points(rows: list[dict[str, Any]], start: str) -> list[Point]:
    """A point for each arm and size, means over its seeds, the fastest first."""
    unit = next(r["ms1"] for r in rows if (r["arm"], r["shown"]) == ONE)
    two = next(r["ms2"] for r in rows if (r["arm"], r["shown"]) == ONE)
    groups = defaultdict(list)
    for row in rows:
        if row["start"] == start:
            groups[row["arm"], row["trained"], row["shown"]].append(row)
    found = []
    for (arm, trained, shown), own in groups.items():
        point: Point = {"arm": arm, "trained": trained, "shown": shown, "n": len(own)}
        point |= {k: statistics.mean(r[k] for r in own) for k in SHOWN}
        point |= {"low": min(r["AP"] for r in own), "high": max(r["AP"] for r in own)}
        point |= {"time": own[0]["ms1"] / unit, "time2": own[0]["ms2"] / two, "ms": own[0]["ms1"]}
        point |= {k: own[0][k] for k in ("spread1", "eager", "memory")}
        found.append(point)
    return sorted(found, key=lambda p: p["time"])


def best(found: list[Point]) -> list[Point]:
    """Those that no faster one beats."""
    kept: list[Point] = []
    for point in found:
        if not kept or point["AP"] > kept[-1]["AP"]:
            kept.append(point)
    return kept


def table(found: list[Point]) -> str:
    """In Markdown; what no faster one beats is bold."""
    head = (
        "| model | trained, shown px | time | ms (spread) | 2 threads | torch ms | MB | n | " + " | ".join(SHOWN) + " |"
    )
    lines, front = [head, "|---" * (head.count("|") - 1) + "|"], best(found)
    for p in found:
        ap = f"{p['AP']:.1f}" + (f" ({p['low']:.1f}-{p['high']:.1f})" if p["n"] > 1 else "")
        cells = [f"`{p['arm']}`", f"{p['trained']}, {p['shown']}", f"{p['time']:.2f}"]
        cells += [f"{p['ms']:.1f} ({p['spread1']:.1f})", f"{p['time2']:.2f}", f"{p['eager']:.1f}", f"{p['memory']:.0f}"]
        cells += [str(p["n"]), f"**{ap}**" if p in front else ap, *(f"{p[k]:.1f}" for k in SHOWN[1:])]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def plot(found: list[Point], to: Path, title: str) -> None:
    """AP by time: a line for each arm through the sizes that it is used at, and the frontier of all."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 5), dpi=110)
    front = best(found)
    axes.plot([p["time"] for p in front], [p["AP"] for p in front], color="0.8", linewidth=6, zorder=0)
    for arm in dict.fromkeys(p["arm"] for p in found):
        own = [p for p in found if p["arm"] == arm]
        style = "s--" if arm.startswith(THEIRS) else "o-"
        axes.plot([p["time"] for p in own], [p["AP"] for p in own], style, label=arm, markersize=4, linewidth=1.2)
        axes.annotate(str(own[-1]["shown"]), (own[-1]["time"], own[-1]["AP"]), fontsize=7, xytext=(3, 3), **OFFSET)
    axes.set(xlabel="time of the exported file, ultralytics' yolov5n at 320 px = 1", ylabel="AP (AI-TOD)", title=title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, loc="lower right")
    figure.tight_layout()
    figure.savefig(to)
    plt.close(figure)


OFFSET: dict[str, Any] = {"textcoords": "offset points"}
