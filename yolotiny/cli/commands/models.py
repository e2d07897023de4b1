"""Commands about models: train, val, predict, track, export, info, demo, models."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

EVERY = 10.0  # seconds between lines that say how long a prediction will take


def load(model: str) -> Any:
    """Open a model as a user names it."""
    from ... import YOLO

    return YOLO(model)


def train(model: str | None = None, **options: Any) -> None:
    """Train; an interrupted run needs no more than `resume=last.pt`."""
    load(model or options["resume"]).train(**options)


def val(model: str, **options: Any) -> None:
    """Measure a model; the figures are logged."""
    load(model).val(**options)


def predict(model: str, **options: Any) -> None:
    """Predict and save; results are dropped one by one, so that a folder of huge pictures fits into memory."""
    loaded = load(model)
    _watch(loaded, loaded.predict(**{"save": True} | options, stream=True))


def track(model: str, **options: Any) -> None:
    """Predict, follow objects from frame to frame, and save."""
    loaded = load(model)
    _watch(loaded, loaded.track(**{"save": True} | options, stream=True), "frames")


def _watch(model: Any, results: Iterable[Any], what: str = "pictures") -> None:
    """Run through results, and say how many there were and where they are, now and then also how long it takes."""
    from ...study.bar import clock  # which imports torch

    pictures, begun = 0, time.monotonic()
    told = begun
    try:
        for _ in results:
            pictures += 1
            if (now := time.monotonic()) - told > EVERY:
                told = now
                if total := model.predictor.total:
                    left = clock((now - begun) * (total - pictures) / pictures)
                    print(f"{pictures} of {total} {what}, {left} left", file=sys.stderr)
    except KeyboardInterrupt as stop:
        if getattr(model.predictor, "seen", None) is None:  # it has not begun
            raise
        raise type(stop)(model.predictor.cut()) from None
    unread, ids = model.predictor.unread, model.predictor.ids
    count = f"{pictures} {what}" + (f", {unread} more cannot be read" if unread else "")
    count += "" if ids is None else f", {ids} tracks"
    folder = Path(model.predictor.save_dir)
    print(f"{count}, results saved to {folder}" if folder.is_dir() else f"{count}, nothing saved")


def export(model: str, **options: Any) -> None:
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
