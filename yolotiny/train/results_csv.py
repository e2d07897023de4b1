"""The rows of results.csv: read for a checkpoint, and cut back to where a run is taken up again."""

from __future__ import annotations

import csv
from pathlib import Path

from .. import checkpoint


def columns_of(file: Path) -> dict[str, list[float]]:
    """The numbers under each heading, a row an epoch; nothing where there is no file, NaN where a field is empty."""
    if not file.exists():
        return {}
    with open(file, newline="", encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    return {key: [float(row[key] or "nan") for row in rows] for key in (rows[0] if rows else ())}


def cut_rows(file: Path, epochs: int) -> None:
    """Keep the rows of the first `epochs` epochs, one each, and none that a kill has cut short."""
    if not file.exists() or not file.stat().st_size:
        return
    head, *rows = csv.reader(file.read_text(encoding="utf-8").splitlines())
    kept: dict[int, list[str]] = {}
    for row in rows:
        if len(row) == len(head) and row[0].isdigit() and int(row[0]) <= epochs:
            kept.setdefault(int(row[0]), row)
    text = "".join(",".join(row) + "\n" for row in (head, *kept.values()))
    checkpoint.replace(file, text.encode())
