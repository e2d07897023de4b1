"""The figures of a `Stats`: as a dict, as text for the terminal, as files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...files import write_text
from .advice import advice
from .statistics import SIZES, Stats
from .stats_plot import plot

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)


def as_dict(stats: Stats) -> dict[str, Any]:
    """Return all figures and the advice, ready for JSON; sides are square roots of areas, in pixels."""
    sides = {"original": stats.sides, "at_imgsz": stats.sides * stats.scale}
    crowded, found, even = stats.clustering
    classes = (("objects", "pictures", "most_in_a_picture"), stats.per_class)
    return {
        "data": str(stats.data),
        "split": stats.split,
        "imgsz": stats.imgsz,
        "pictures": len(stats.samples),
        "pictures_without_objects": int((stats.counts == 0).sum()),
        "objects": len(stats.labels),
        "left_out": dict(stats.left_out),
        "picture_sizes": dict(Counter(f"{w:.0f}x{h:.0f}" for w, h in stats.shapes).most_common()),
        **({"seen": list(stats.seen)} if stats.seen else {}),
        "object_sizes": {key: stats.by_size(values) for key, values in sides.items()},
        "object_side": {key: _percentiles(values) for key, values in sides.items()},
        "width_over_height": _percentiles(stats.wh[:, 0] / stats.wh[:, 1]),
        "objects_per_picture": _percentiles(stats.counts) | {"max": int(stats.counts.max())},
        "classes": {name: dict(zip(classes[0], row, strict=True)) for name, row in classes[1].items()},
        "area_of_90_percent": {"pictures": crowded, "share": found, "if_even": even} if crowded else None,
        "tiles_of_imgsz": dict(zip(("per_picture", "share_empty"), stats.tiling, strict=True)),
        "share_in_one_stride_8_cell_with_another": stats.crowding,
        "ignore_regions": dict(zip(("number", "pictures", "area_share"), stats.regions, strict=True)),
        "advice": advice(stats),
    }


def as_text(d: Mapping[str, Any]) -> str:
    """Lay the figures and the advice of `as_dict` out for the terminal."""
    out = [f"{d['data']}, {d['split']}: {d['pictures']} pictures, {d['objects']} objects; sizes at imgsz={d['imgsz']}"]
    out += [f"left out: {n} {what}; yolotiny data check names them" for what, n in d["left_out"].items()]
    shapes = list(d["picture_sizes"].items())
    more = f" and {len(shapes) - 4} other sizes" if len(shapes) > 4 else ""
    out.append("pictures: " + ", ".join(f"{n} of {shape}" for shape, n in shapes[:4]) + more)
    out += d.get("seen", ())
    bounds = ["pixels"] + [f"{lo:g}-{hi:g}" if np.isfinite(hi) else f"{lo:g}+" for lo, hi in SIZES.values()]
    out += ["", _row("object size", SIZES), _row(bounds[0], bounds[1:])]
    for key, title in (("original", "in the picture"), ("at_imgsz", "at imgsz")):
        shares = [f"{n / d['objects']:.1%}" for n in d["object_sizes"][key].values()]
        out.append(_row(title, shares))
    out += ["", _row("percentile", [f"{p} %" for p in PERCENTILES])]
    tables = {"side, picture": d["object_side"]["original"], "side, imgsz": d["object_side"]["at_imgsz"]}
    tables |= {"width/height": d["width_over_height"], "objects/picture": d["objects_per_picture"]}
    for title, values in tables.items():
        decimals = 2 if title == "width/height" else 0 if title == "objects/picture" else 1
        out.append(_row(title, [f"{values[f'p{p}']:.{decimals}f}" for p in PERCENTILES]))
    out += ["", f"{'class':<22}{'objects':>9}{'share':>8}{'pictures':>10}{'most in one':>13}"]
    for name, row in d["classes"].items():
        n, pictures, most = row.values()
        out.append(f"{name:<22}{n:>9}{n / d['objects']:>8.1%}{pictures:>10}{most:>13}")
    return "\n".join([*out, "", "advice", *(f"- {sentence}" for sentence in d["advice"])])


def save(stats: Stats, figures: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write the figures of `as_dict` to stats.json and a plot to stats.png; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    table, picture = folder / "stats.json", folder / "stats.png"
    write_text(table, json.dumps(figures, indent=2) + "\n")
    plot(stats, picture)
    return [table, picture]


def _percentiles(values: np.ndarray) -> dict[str, float]:
    return {f"p{p}": float(v) for p, v in zip(PERCENTILES, np.percentile(values, PERCENTILES), strict=True)}


def _row(title: str, cells: Any) -> str:
    return f"{title:<16}" + "".join(f"{cell:>11}" for cell in cells)
