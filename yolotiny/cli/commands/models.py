"""Commands about models: train, val, predict, track, export, info, demo, models, models get."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ...pace import Pace
from ...shipped import WEIGHTS
from . import bulk
from .progress import progress_lines

FLAGSHIP = "yolotiny-n.yaml"


def load(model: str | None) -> Any:
    """Open a model as a user names it, else the shipped weights."""
    from ... import YOLO

    return YOLO(trained(model))


def trained(model: str | None) -> str:
    """The model that a user names; where none is named, the shipped weights, and one line that says so."""
    if model is None:
        print(f"model={WEIGHTS}: shipped weights for infrared drone pictures; give model= for others", flush=True)
    return model or WEIGHTS


def train(model: str | None = None, **options: Any) -> None:
    """Train; an interrupted run needs no more than `resume=last.pt`."""
    if not model and not options.get("resume"):
        model = FLAGSHIP
        print(f"model={model}: the flagship; yolotiny models lists others", flush=True)
    load(model or options["resume"]).train(**options)


def val(model: str | None = None, **options: Any) -> None:
    """Measure a model; the figures are logged."""
    load(model).val(**options)


def predict(model: str | None = None, **options: Any) -> None:
    """Predict and save; results are dropped one by one, so that a folder of huge pictures fits into memory."""
    if (out := options.pop("out", None)) is not None:
        bulk.predict(trained(model), out=out, **options)
        return
    loaded = load(model)
    _watch(loaded, loaded.predict(**{"save": True} | options, stream=True))


def track(model: str | None = None, **options: Any) -> None:
    """Predict, follow objects from frame to frame, and save."""
    loaded = load(model)
    _watch(loaded, loaded.track(**{"save": True} | options, stream=True), "frames")


def _watch(model: Any, results: Iterable[Any], what: str = "pictures") -> None:
    """Run through results, and say how many there were and where they are, now and then also how long it takes."""
    pictures, pace = 0, Pace()
    try:
        for pictures, result in enumerate(results, 1):
            if hasattr(result, "place"):  # of a raster, which says itself what it left where
                what = "rasters"
                print(result)
            elif pace.due() and (total := model.predictor.total):
                print(pace.line(pictures, total, what), file=sys.stderr)
    except KeyboardInterrupt as stop:
        if stop.args or getattr(model.predictor, "seen", None) is None:  # it says so itself, or has not begun
            raise
        raise type(stop)(model.predictor.cut()) from None
    if what == "rasters":
        return
    unread, ids = model.predictor.unread, model.predictor.ids
    count = f"{pictures} {what}" + (f", {unread} more cannot be read" if unread else "")
    count += "" if ids is None else f", {ids} tracks"
    folder = Path(model.predictor.save_dir)
    print(f"{count}, results saved to {folder}" if folder.is_dir() else f"{count}, nothing saved")


def export(model: str | None = None, **options: Any) -> None:
    """Write the model in another format and print the file."""
    print(load(model).export(**options))


def info(model: str, imgsz: int = 640) -> None:
    """Show layers, parameters and GFLOPs."""
    load(model).info(imgsz=imgsz)


def demo(to: str = "runs/demo") -> None:
    """Run the demo; it prints its own summary."""
    from .demo import run

    run(to)


def models() -> None:
    """List the shipped models, and the parts of plugins: of those that were named and of installed packages."""
    from ... import plugins
    from ...config.load import available

    found = available()
    width = max((len(name) for name, _ in found), default=0)
    for name, summary in found:
        print(f"{name:<{width}}  {summary}".rstrip())
    plugins.more()
    for text in (plugins.listing(), *plugins.failed):
        if text:
            print(f"\n{text}")


def get(name: str, to: str = ".", file: str | None = None) -> None:
    """Fetch weights and say where they are."""
    from ...fetch import get as fetch

    with progress_lines("B") as progress:
        found, entry = fetch(name, to, file, progress)
    print(f"{found}: {entry.about} ({entry.licence})")
