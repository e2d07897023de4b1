"""The command eval: figures of detections that any program has written."""

from __future__ import annotations

import sys
from pathlib import Path

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
) -> None:
    """Score detections and print the tables; write the JSON to `out`, and JSON, plots and a page to folder `report`."""
    from ... import metrics
    from ... import report as on_disk

    if report is None and (images, worst) != (None, None):
        raise InputError(f"{'worst' if images is None else 'images'}= is for the page: give report=FOLDER too")
    for key, value, least in (("worst", worst, 0), ("imgsz", imgsz, 1)):
        if value is not None and (not isinstance(value, int) or value < least):
            raise InputError(f"{key}={value}: give a whole number from {least} up")
    if out is not None:
        if Path(out).is_dir():
            raise InputError(f"out={out} is a folder: name a JSON file, or give report={out}")
        on_disk.prepare(Path(out).absolute().parent)
    folder = None if report is None else on_disk.prepare(Path(report))

    def scene() -> metrics.Scene:
        made = metrics.read(gt, pred)
        if images is not None:
            on_disk.check_folder(Path(images), made.pictures)
        return made

    found = metrics.evaluate_scene(scene, protocol, backend, imgsz)
    about = {"data": gt, "pred": pred, "model": model}
    if out is not None:
        on_disk.write_json(Path(out), found.report, about)
    if folder is not None:
        count = on_disk.WORST if worst is None else worst
        on_disk.write(folder, found, about, images and Path(images), count)
    for note in found.report.get("notes", ()):
        print(f"note: {printable(note)}", file=sys.stderr)
    print(printable_lines(f"{metrics.table(found.report)}\n\n{metrics.analysis_tables(found.report)}"))
    if folder is not None:
        print(f"\nreport: {folder / 'report.html'}")
