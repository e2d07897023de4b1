"""What a comparison of settings says: a table, the cheapest one that is good enough, the curve, and files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..files import write_bytes, write_text
from ..metrics.tables import resampled
from ..report import prepare
from .sweep_grid import Setting


@dataclass(frozen=True)
class Row:
    """One setting's figures.

    Attributes:
        setting: the setting.
        figures: of the protocol, in points (0 to 100); the first is what settings are compared by.
        forwards: a picture.
        seconds: a picture, without decoding it.
        cpu: the same in seconds of the processor: a busy machine changes these less.
        area: share of the picture that was looked at in crops.
        intervals: how sure the figures are (see `metrics.bootstrap.intervals`), None where nobody asked.
    """

    setting: Setting
    figures: dict[str, float]
    forwards: float
    seconds: float
    cpu: float
    area: float
    intervals: dict[str, Any] | None = None

    @property
    def interval(self) -> list[float] | None:
        """The bounds between which that figure lies, in points; None where there is no interval."""
        found = (self.intervals or {}).get("figures", {}).get(next(iter(self.figures)))
        return None if found is None else [100 * v for v in found]

    @property
    def ap(self) -> float:
        """The figure that settings are compared by."""
        return next(iter(self.figures.values()))


@dataclass
class Report:
    """All settings.

    Attributes:
        folder: where the files go.
        model, data, protocol: what was measured.
        within: points below the best that are given for speed.
        of: pictures that were to be looked at.
        pictures: those that all settings were measured on.
        rows: one a setting.
    """

    folder: Path
    model: str
    data: str
    protocol: str
    within: float
    of: int
    pictures: int = 0
    rows: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        prepare(self.folder)

    @property
    def apart(self) -> list[Row]:
        """Settings less crops that looked twice nowhere, where the same size without crops is there: that is them."""
        plain = {r.setting.imgsz for r in self.rows if r.setting.crops == "none"}
        return [r for r in self.rows if r.setting.crops == "none" or r.area or r.setting.imgsz not in plain]

    @property
    def best(self) -> Row:
        """The setting with the highest AP; the cheaper of equals."""
        return max(self.apart, key=lambda r: (r.ap, -r.seconds))

    @property
    def winner(self) -> Row:
        """The cheapest setting within reach of the best."""
        return min((r for r in self.apart if r.ap >= self.best.ap - self.within), key=lambda r: r.seconds)

    @property
    def command(self) -> str:
        """The command line that uses the winner."""
        return f"yolotiny predict model={self.model} source=pictures/ {self.winner.setting.words}"

    def __str__(self) -> str:
        """The table, cheapest first; the winner has a star."""
        name = next(iter(self.rows[0].figures))
        width = max(len(r.setting.words) for r in self.rows)
        lines = [f"{'setting':<{width}}  {name:>6}  {'interval':>9}  s/picture  forwards  area in crops"]
        for r in sorted(self.rows, key=lambda r: r.seconds):
            area = f"{100 * r.area:11.0f} %" if r.setting.crops != "none" else f"{'-':>13}"
            mark = "  *" if r is self.winner else ""
            span = "-" if r.interval is None else "-".join(f"{v:.1f}" for v in r.interval)
            lines.append(
                f"{r.setting.words:<{width}}  {r.ap:6.2f}  {span:>9}  {r.seconds:9.3f}  {r.forwards:8.2f}  {area}{mark}"
            )
        best, won = self.best, self.winner
        cost = f"{won.ap - best.ap:+.2f} {name} at {won.seconds / best.seconds:.2f} of its time"
        said = f"{self.pictures} of {self.of} pictures, protocol {self.protocol}"
        said += f"; * the cheapest within {self.within:g} of the best ({best.setting.words}): {cost}"
        drawn = self.rows[0].intervals
        return "\n".join([*lines, "", said, *([resampled(drawn)] if drawn else []), f"use it: {self.command}"])

    def write(self) -> None:
        """`tune.json`, `tune.csv` and `tune.png`, each there whole or not at all."""
        rows = [
            {"setting": r.setting.words, "seconds": r.seconds, "cpu_seconds": r.cpu, "forwards": r.forwards}
            | {"area": r.area}
            | r.figures
            | dict(zip(("low", "high"), r.interval or (None, None), strict=True))
            for r in self.rows
        ]
        about = {k: getattr(self, k) for k in ("model", "data", "protocol", "within", "pictures", "of", "command")}
        text = io.StringIO()
        table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        drawn = self.rows[0].intervals or {}
        about |= {k: drawn.get(k) for k in ("level", "samples", "seed", "resampled", "units", "why")}
        whole = about | {"best": self.best.setting.words, "winner": self.winner.setting.words, "settings": rows}
        write_text(self.folder / "tune.json", json.dumps(whole, indent=2) + "\n")
        write_text(self.folder / "tune.csv", text.getvalue())
        write_bytes(self.folder / "tune.png", self.curve())

    def front(self) -> list[Row]:
        """Settings that no other beats in both AP and time, cheapest first."""
        kept: list[Row] = []
        for r in sorted(self.apart, key=lambda r: (r.seconds, -r.ap)):
            if not kept or r.ap > kept[-1].ap:
                kept.append(r)
        return kept

    def curve(self) -> bytes:
        """AP against seconds a picture, as PNG."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import LogLocator, NullFormatter

        figure = Figure(figsize=(9, 5.5), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        front = self.front()
        axes.plot([r.seconds for r in front], [r.ap for r in front], color="0.75", zorder=1)
        axes.axhspan(self.best.ap - self.within, self.best.ap, color="0.93", zorder=0)
        for n, kind in enumerate(dict.fromkeys(r.setting.crops for r in self.rows)):
            here = [r for r in self.rows if r.setting.crops == kind]
            axes.scatter(
                [r.seconds for r in here], [r.ap for r in here], color=f"C{n}", label=f"crops={kind}", zorder=2
            )
        won = self.winner
        axes.scatter(
            [won.seconds], [won.ap], s=180, facecolors="none", edgecolors="k", label=won.setting.words, zorder=3
        )
        high = max(self.best.ap - min(r.ap for r in self.rows), 1e-6)
        named: list[Row] = []
        options = [set(map(str, r.setting.options.items())) for r in self.rows if r.setting.options]
        shared = set.intersection(*options) if options else set()  # what all settings of crops have in common
        for r in front:
            if any(r.seconds < 1.15 * n.seconds and abs(r.ap - n.ap) < 0.04 * high for n in named):
                continue  # its words would lie on those of its neighbour
            named.append(r)
            axes.annotate(short(r, shared), (r.seconds, r.ap), (4, -11), textcoords="offset points", fontsize=7)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        axes.xaxis.set_major_formatter("{x:g}")  # 0.1, where the scale's own writes a power of ten
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(xlabel="seconds a picture", ylabel=f"{next(iter(won.figures))} ({self.protocol})")
        axes.set_title(f"{Path(self.model).name}, {self.pictures} pictures", fontsize=10)
        axes.grid(alpha=0.3, which="both")
        axes.legend(fontsize=8, loc="lower right")
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=120)
        return out.getvalue()


def short(row: Row, shared: Collection[str] = ()) -> str:
    """A setting in few letters, without the options (as text) that all share."""
    rest = {k: v for k, v in row.setting.options.items() if k != "crops" and str((k, v)) not in shared}
    return " ".join([str(row.setting.imgsz), *([] if row.setting.crops == "none" else [row.setting.crops])]) + "".join(
        f" {k.rpartition('.')[2]} {v}" for k, v in rest.items()
    )
