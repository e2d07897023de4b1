"""Many pictures: predict out=DIR, and the command results."""

from __future__ import annotations

from typing import Any

from .progress import progress_lines


def predict(model: str, **options: Any) -> None:
    """Look at many pictures, and say what is there."""
    from ...bulk import predict

    with progress_lines() as progress:
        found = predict(model, progress=progress, **options)
    cannot = f", {found.failed} of them cannot be read (failed.parquet)" if found.failed else ""
    before = f", {found.pictures - found.new} of them before" if found.new < found.pictures else ""
    boxes = f"{found.boxes} boxes in {found.shards} shards"
    print(f"{found.pictures} pictures{before}{cannot}: {boxes}, saved to {options['out']}")


def results(source: str, to: str, out: str | None = None) -> None:
    """Write what was found as one file."""
    from ...bulk.results import convert

    file, count = convert(source, to, out)
    print(f"{count} boxes written to {file}")
