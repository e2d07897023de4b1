"""Reports as text for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

FALSE_ALARMS = ("localisation", "class", "duplicate", "background")
BAR = 30  # characters of a full bar
FEW = " (few)"  # behind the name of a class whose figures say little


def table(report: Mapping[str, Any]) -> str:
    """Lay a report out for the terminal: a line per class, figures in percent, "-" where there is none."""
    keys = [k for k in report if k.startswith(("AP", "AR", "oLRP"))]
    per = "image over all classes" if report["protocol"] == "visdrone" else "class and image"
    lines = [f"{report['protocol']}, up to {report['max_det']} detections per {per}, percent"]
    lines += columns(
        ["class", "n", *keys],
        [[name, row["n"], *(percent(row.get(k), 2) for k in keys)] for name, row in rows_of(report)],
    )
    if report["classes_without_gt"]:
        lines.append("no ground truth: " + ", ".join(report["classes_without_gt"]))
    if "intervals" in report:
        lines += ["", *_interval_lines(report)]
    return "\n".join(lines)


def rows_of(report: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The rows of a table of figures: all, classes with enough objects where some have few, and each class."""
    few = report.get("few", {"classes": (), "others": {}})
    rows = [("all", {**report, "n": report["n_gt"]["all"]})]
    if apart(few):
        n = sum(row["n"] for name, row in report["per_class"].items() if name not in few["classes"])
        rows.append((least_objects(few), few["others"] | {"n": n}))
    return rows + [
        (f"{name}{FEW}" if name in few["classes"] else name, row) for name, row in report["per_class"].items()
    ]


def intervals_of(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The intervals beside the rows of `rows_of`, by figure; empty where there are none."""
    found = report.get("intervals", {"figures": {}, "per_class": {}, "others": {}})
    others = [found["others"]] if "few" in report and apart(report["few"]) else []
    return [found["figures"], *others, *(found["per_class"].get(name, {}) for name in report["per_class"])]


def _interval_lines(report: Mapping[str, Any]) -> list[str]:
    """How sure the AP figures are, in percent."""
    found = report["intervals"]
    if found["why"]:
        return [resampled(found)]
    keys = list(found["figures"])
    rows = zip(rows_of(report), intervals_of(report), strict=True)
    cells = [[name, *(ends(of.get(k)) for k in keys)] for (name, _), of in rows]
    return [f"{resampled(found)}, percent", *columns(["class", *keys], cells)]


def resampled(found: Mapping[str, Any]) -> str:
    """What was drawn for intervals, or why nothing was."""
    if found["why"]:
        return str(found["why"])
    level, names = (
        f"{100 * found['level']:g} %",
        "" if found["resampled"] == "pictures" else " that the file names tell",
    )
    of = f"{found['units']} {found['resampled']}{names}"
    return f"{level} intervals, from {found['samples']} samples of {of} (seed {found['seed']})"


def apart(few: Mapping[str, Any]) -> bool:
    """Whether some classes have few objects and others have not, so that these are worth a row."""
    return bool(few["classes"]) and any(v is not None for v in few["others"].values())


def least_objects(few: Mapping[str, Any]) -> str:
    """The row of the classes that do not have few objects."""
    return f"classes with at least {few['below']}"


def ends(interval: Sequence[float] | None) -> str:
    """An interval of fractions in percent: "8.6-9.1", "-" for none."""
    return "-" if interval is None else "-".join(percent(v, 1) for v in interval)


def signed(value: float | None) -> str:
    """A difference of fractions in points, with its sign."""
    return "-" if value is None else f"{100 * value:+.2f}"


def analysis_tables(report: Mapping[str, Any]) -> str:
    """Lay the analysis of a report out: best confidences and counting, errors by size, recall by size."""
    found = report["analysis"]
    best, counts, errors = found["best_f1"], found["counting"], found["errors"]
    points = [
        ("all", best["all"], counts["all"]),
        *((n, p, counts["per_class"][n]) for n, p in best["per_class"].items()),
    ]
    lines = ["confidence at best F1 (IoU 0.5), percent, and how the number per image is off at it"]
    lines += columns(
        ["class", "conf", "F1", "P", "R", "MAE", "bias", "RMSE"],
        [
            [name, number(p["confidence"], 3), *(percent(p[k], 1) for k in ("f1", "precision", "recall"))]
            + [number(c["mae"], 2), f"{c['bias']:+.2f}", number(c["rmse"], 2)]
            for name, p, c in points
        ],
    )
    heads = ("objects", "found", "missed", "unseen", *FALSE_ALARMS)
    lines += ["", "objects and false alarms by size, at each class's own confidence"]
    lines += columns(
        ["size", "px", *heads],
        [[size, span(found["sizes"].get(size)), *(row[k] for k in heads)] for size, row in errors["all"].items()],
    )
    curve = found["recall_by_size"]
    lines += ["", "recall by size of the object, percent (in brackets: at that confidence)"]
    bins = zip(
        bin_names(curve["edges"]), *(curve["all"][k] for k in ("n", "recall", "recall_at_confidence")), strict=True
    )
    shown = [[px, n, percent(r, 1), f"({percent(c, 1)})", "#" * round(BAR * r)] for px, n, r, c in bins if n]
    return "\n".join(lines + columns(["px", "n", "recall", "", ""], shown))


def columns(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Lines of a table; the first column stands left, a last one without a heading too, the others right."""
    cells = [list(heads), *([str(c) for c in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    left = {0} | ({len(heads) - 1} if not heads[-1] else set())
    return [
        "  ".join(
            f"{c:<{w}}" if i in left else f"{c:>{w}}" for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def percent(value: float | None, digits: int) -> str:
    """A fraction in percent, "-" for none."""
    return number(None if value is None else 100 * value, digits)


def number(value: float | None, digits: int) -> str:
    """A number, "-" for none."""
    return "-" if value is None else f"{value:.{digits}f}"


def span(ends: Sequence[float | None] | None) -> str:
    """A size range in pixels: "8-16", "32-" where it is open."""
    if ends is None:
        return ""
    low, high = ends
    return f"{low:g}-{'' if high is None else f'{high:g}'}"


def bin_names(edges: Sequence[float]) -> list[str]:
    """The names of bins that reach from an edge up to the next: "8-10", and "128-" for the last, open one."""
    return [span(ends) for ends in zip(edges, [*edges[1:], None], strict=True)]
