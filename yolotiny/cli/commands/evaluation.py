"""The commands eval and eval compare: figures of detections that any program has written."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...text import printable, printable_lines


def evaluate(
    gt: str,
    pred: str,
    protocol: str,
    out: str | None = None,
    report: str | None = None,
    images: str | None = None,
    worst: int | None = None,
    backend: str | None = None,
    imgsz: int | None = None,
    model: str | None = None,
    samples: int | None = None,
    class_field: str | None = None,
) -> None:
    """Score detections and print the tables; write the JSON to `out`, and JSON, plots and a page to folder `report`."""
    from ... import metrics
    from ... import report as on_disk

    if report is None and (images, worst) != (None, None):
        raise InputError(f"{'worst' if images is None else 'images'}= is for the page: give report=FOLDER too")
    if out is not None:
        if Path(out).is_dir():
            raise InputError(f"out={out} is a folder: name a JSON file, or give report={out}")
        on_disk.prepare(Path(out).absolute().parent)
    folder = None if report is None else on_disk.prepare(Path(report))

    def scene() -> metrics.Scene:
        made = metrics.read(gt, pred, class_field)
        if images is not None:
            on_disk.check_folder(Path(images), made.pictures)
        return made

    found = metrics.evaluate_scene(
        scene, protocol, backend, imgsz, samples=metrics.SAMPLES if samples is None else samples
    )
    about = {"data": gt, "pred": pred, "model": model}
    if out is not None:
        on_disk.write_json(Path(out), found.report, about)
    if folder is not None:
        count = on_disk.WORST if worst is None else worst
        on_disk.write(folder, found, about, images and Path(images), count)
    _tell(found.report)
    print(printable_lines(f"{metrics.table(found.report)}\n\n{metrics.analysis_tables(found.report)}"))
    if folder is not None:
        print(f"\nreport: {folder / 'report.html'}")


def compare(
    gt: str, a: str, b: str, protocol: str | None = None, samples: int | None = None, to: str | None = None
) -> None:
    """Print how far two files of detections lie apart; write JSON and a drawing to folder `to`."""
    from ... import metrics
    from ... import report as on_disk

    found = metrics.compare(gt, a, b, protocol or "aitod", metrics.SAMPLES if samples is None else samples)
    folder = on_disk.prepare(Path(to or "runs/compare"))  # what cannot be compared leaves none
    on_disk.write_comparison(folder, found, {"gt": gt, "a": a, "b": b})
    _tell(found)
    print(printable_lines("\n".join(metrics.comparison_lines(found, a, b))))
    print(f"\nwritten: {folder / 'compare.json'}, {folder / 'compare.png'}")


def _tell(report: Mapping[str, Any]) -> None:
    """Print what is to be known of how the files were read."""
    for note in report.get("notes", ()):
        print(f"note: {printable(note)}", file=sys.stderr)
