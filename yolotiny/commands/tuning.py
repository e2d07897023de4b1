"""The command tune-crops."""

from __future__ import annotations

from typing import Any

from .models import load


def tune_crops(model: str, data: str, to: str | None = None, **options: Any) -> None:
    """Compare settings of crops; print the table and the command line of the cheapest that is good enough."""
    loaded = load(model)
    from ultralytics.utils.files import increment_path

    from ..engine.tune_crops import tune

    loaded.warn_untrained()
    report = tune(loaded, data, to or increment_path("runs/tune-crops"), **options)
    print(f"{report}\nwritten: {report.folder}")
