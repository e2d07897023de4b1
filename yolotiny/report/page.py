"""The report as one HTML file: styles, script, plots and pictures inside, nothing fetched from anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from ..metrics.tables import FALSE_ALARMS, ends, intervals_of, number, percent, resampled, rows_of, span
from .markup import plot, section, table
from .pictures import Shown
from .viewer import data, viewer

# Tells the browser as well that nothing comes from outside.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
MEANING = {
    "hit": "a detection that found an object: IoU of 0.5 or more with a free object of its class, best scores first",
    "missed": "an object that no detection found",
    "unseen": "missed, and no localisation or class error points at it",
    "localisation": "a false alarm whose IoU with an object of its class lies between 0.1 and 0.5",
    "class": "a false alarm with an IoU of 0.5 or more with an object of another class",
    "duplicate": "a false alarm with an IoU of 0.5 or more with an object that a better detection found already",
    "background": "every other false alarm",
}


def page(report: Mapping[str, Any], plots: Mapping[str, bytes], shown: Sequence[Shown]) -> str:
    """Write the page.

    Args:
        report: the report with its analysis and `about`.
        plots: PNG files by name.
        shown: the images to look at.
    """
    about, folder = report["about"], files(__package__)
    title = " on ".join(str(about[k]).replace("\\", "/").rpartition("/")[2] for k in ("model", "data") if about.get(k))
    parts = [
        _header(report, title),
        "<main>",
        _cards(report),
        section("Figures per class", _protocol_words(report), _figures(report)),
        section("Class and size", *_class_and_size(report)),
        section(
            "Recall over size",
            "At IoU 0.5, with as many detections as the protocol allows.",
            plot(plots, "recall_by_size"),
        ),
        section("Errors", *_errors(report, plots)),
        section("Confidence and counting", *_points(report, plots)),
        viewer(shown, report["images"]),
        "</main>",
        f"<footer>Written by yolotiny {escape(str(about['yolotiny']))}. The whole report is this one file.</footer>",
    ]
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">',
            f"<title>{escape(title) or 'Evaluation'}</title>",
            f"<style>\n{(folder / 'page.css').read_text('utf-8')}</style>\n</head>\n<body>",
            *parts,
            data(shown),
            f"<script>\n{(folder / 'page.js').read_text('utf-8')}</script>\n</body>\n</html>\n",
        ]
    )


def _header(report: Mapping[str, Any], title: str) -> str:
    """What was measured, how, on what and when."""
    about, caps = report["about"], sorted(set(report["caps"].values()))
    size = report["imgsz"]
    per = "image" if report["protocol"] == "visdrone" else "class and image"
    rows = {
        "protocol": report["protocol"],
        "detections counted": f"{', '.join(map(str, caps))} per {per}",
        "input size": "not stated" if size is None else f"{size} px",
        "data hash": report["data_hash"],
        "data": about.get("data"),
        "model": about.get("model"),
        "detections": about.get("pred"),
        "images, objects": f"{report['images']:,}, {report['n_gt']['all']:,}",
        "date": about["date"],
        "note": "; ".join(report["notes"]) if report.get("notes") else None,
    }
    cells = "".join(f"<div><dt>{k}</dt><dd>{escape(str(v))}</dd></div>" for k, v in rows.items() if v is not None)
    heading = "<h1>Evaluation of detections</h1>"
    return f'<header><div>{heading}<p>{escape(title)}</p><dl class="about">{cells}</dl></div></header>'


def _cards(report: Mapping[str, Any]) -> str:
    """The figures people ask for first."""
    keys = [k for k in report if k.startswith(("AP", "oLRP")) and "_macro" not in k and not k.startswith("oLRP_")]
    sure = intervals_of(report)[0]
    cards = [(percent(report[k], 1), ends(sure[k]) if k in sure else "", k) for k in keys]
    best = report["analysis"]["best_f1"]["all"]
    cards.append((percent(best["f1"], 1), "", f"best F1, at {number(best['confidence'], 2)}"))
    return (
        '<div class="cards">'
        + "".join(
            f"<div><b>{v}</b>{f'<small>{span}</small>' if span else ''}<span>{escape(k)}</span></div>"
            for v, span, k in cards
        )
        + "</div>"
    )


def _protocol_words(report: Mapping[str, Any]) -> str:
    """What stands behind the figures of the table."""
    text = f"Percent, under the {report['protocol']} protocol."
    if report["classes_without_gt"]:
        text += " Left out of the means, without ground truth: " + ", ".join(report["classes_without_gt"]) + "."
    if report.get("few", {}).get("classes"):
        text += f" Few: a class with fewer than {report['few']['below']} objects, whose figures say little."
    if "intervals" in report:
        said = resampled(report["intervals"])
        text += f" {said[0].upper()}{said[1:]}{'' if report['intervals']['why'] else ', below each AP'}."
    return text


def _figures(report: Mapping[str, Any]) -> str:
    keys = [k for k in report if k.startswith(("AP", "AR", "oLRP"))]
    rows = [
        [name, row["n"], *([percent(row.get(k), 1), *([ends(sure[k])] if sure.get(k) else [])] for k in keys)]
        for (name, row), sure in zip(rows_of(report), intervals_of(report), strict=True)
    ]
    return table(["class", "objects", *keys], rows)


def _class_and_size(report: Mapping[str, Any]) -> tuple[str, str]:
    """AP where the protocol has it by size, and what was found at the best confidence, class by size."""
    errors, sizes = report["analysis"]["errors"], report["analysis"]["sizes"]
    ap = {s: next((k for k in (f"AP_{s}", f"AP50_{s}") if k in report), None) for s in sizes}
    with_ap = any(ap.values())
    words = "Found at the best confidence of the class, of the objects of that size."
    words = "AP in percent; below it, how many were found at the best confidence of the class." if with_ap else words

    def cell(figures: Mapping[str, Any], size: str, row: Mapping[str, int]) -> list[str]:
        if not row["objects"]:
            return ["-"]
        found = f"{row['found']} of {row['objects']}"
        key = ap[size]
        return [percent(figures.get(key), 1), found] if key else [percent(row["found"] / row["objects"], 1), found]

    rows = [["all", *(cell(report, s, errors["all"][s]) for s in sizes)]]
    rows += [
        [name, *(cell(report["per_class"].get(name, {}), s, row[s]) for s in sizes)]
        for name, row in errors["per_class"].items()
    ]
    return words, table(["class", *(f"{s} ({span(ends)} px)" for s, ends in sizes.items())], rows)


def _errors(report: Mapping[str, Any], plots: Mapping[str, bytes]) -> tuple[str, str]:
    found = report["analysis"]
    heads = ["objects", "found", "missed", "unseen", *FALSE_ALARMS]
    sizes = [[size, *(row[k] for k in heads)] for size, row in found["errors"]["all"].items()]
    classes = [[name, *(rows["all"][k] for k in heads)] for name, rows in found["errors"]["per_class"].items()]
    words = (
        "Every class at its own best confidence. A false alarm counts under the size of the object it is about, one on"
        " background under its own."
    )
    meaning = "".join(f"<dt>{k}</dt><dd>{v}</dd>" for k, v in MEANING.items())
    both = f"{table(['size', *heads], sizes)}<p></p>{table(['class', *heads], classes)}"
    notes = f'<details class="note"><summary>What the words mean</summary><dl>{meaning}</dl></details>'
    return words, plot(plots, "errors_by_size") + both + notes


def _points(report: Mapping[str, Any], plots: Mapping[str, bytes]) -> tuple[str, str]:
    found = report["analysis"]
    best, counts = found["best_f1"], found["counting"]
    rows = [["all, one confidence", best["all"], counts["all"]]]
    rows += [[name, point, counts["per_class"][name]] for name, point in best["per_class"].items()]
    cells = [
        [name, number(p["confidence"], 3), *(percent(p[k], 1) for k in ("f1", "precision", "recall"))]
        + [number(c["mae"], 2), f"{c['bias']:+.2f}", number(c["rmse"], 2)]
        for name, p, c in rows
    ]
    heads = ["class", "confidence", "F1", "precision", "recall", "counting: mean error", "bias", "RMSE"]
    words = (
        "The confidence with the highest F1 at IoU 0.5, and by how many objects the number per image is off when each"
        " class is cut at its own."
    )
    return (
        words,
        f'{table(heads, cells)}<div class="two">{plot(plots, "f1_confidence")}{plot(plots, "counting")}</div>',
    )
