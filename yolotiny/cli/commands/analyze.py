"""Commands that look inside a model or compare settings: analyze maps, analyze gradients, tune-crops, benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import InputError
from .models import load


def maps(
    model: str, source: str, imgsz: int | None = None, sheets: int = 8, to: str | None = None, **reading: Any
) -> None:
    """Draw what SARL and SR-TOD see, and print how well the difference map finds tiny objects."""
    loaded = load(model)
    from ultralytics.utils.files import increment_path

    from ...analysis import feature_maps as maps

    loaded.need_network("analyze maps")
    loaded.warn_untrained()
    files = maps.pictures_of(source)
    folder = Path(to) if to else increment_path(Path("runs/analyze/maps"))
    size = int(imgsz or loaded.overrides.get("imgsz") or 640)
    try:
        found = maps.analyze(loaded.model, files, size, folder, sheets, reading)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"the sheets drawn so far are in {folder}; nothing is measured") from None
    print(f"{min(len(files), sheets)} of {len(files)} pictures at {size} px drawn to {folder}")
    if found is None or found.auc is None or found.means is None:
        print("no figure of the difference map: it takes SRTOD, and pictures with labels of tiny objects")
        return
    inside, outside = found.means
    print(
        f"difference map: {found.objects} objects of at most {found.largest:g} px: mean {inside:.4f} inside, "
        f"{outside:.4f} in the background, AUC {found.auc:.3f}"
    )


def gradients(model: str, data: str, baseline: str | None = None, **options: Any) -> None:
    """Print the variance of the localisation gradient, and the ratio to that of a baseline."""
    from ...analysis.gradients import analyze_gradients

    if baseline == model:
        raise InputError("analyze gradients: model and baseline are the same")
    detectors = {}
    for name in (model, baseline) if baseline else (model,):
        loaded = load(name)
        loaded.need_network("analyze gradients")
        detectors[name] = loaded.model
    report = analyze_gradients(detectors, data, **options)
    for name, row in report["models"].items():
        print(f"{name}: variance {row['variance']:.4g} of ln |gradient|, {row['pairs']} pairs, {row['still']} at rest")
    if "ratio" in report:
        print(f"ratio baseline / model: {report['ratio']:.3g}")
    print(f"saved to {options.get('to', 'runs/analyze/gradients')}")


def tune_crops(data: str, model: str | None = None, **options: Any) -> None:
    """Compare settings of crops; print the table and the command line of the cheapest that is good enough."""
    report = load(model).tune_crops(data, **options)
    print(f"{report}\nwritten: {report.folder}")


def benchmark(data: str, model: str | None = None, to: str | None = None, **options: Any) -> None:
    """Compare a checkpoint with its exports; print the table."""
    loaded = load(model)
    from ultralytics.utils.files import increment_path

    from ...analysis.formats import FILE

    folder = to or increment_path("runs/benchmark")
    print(f"{loaded.benchmark(data, folder, **options)}\nwritten: {Path(folder) / FILE}")
