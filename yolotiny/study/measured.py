"""Options of an arm whose values are measured on the weights that it starts from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..analysis.feature_maps import analyze
from ..data_file import find_file, read_data_file
from ..errors import InputError
from ..model import YOLO
from .records import Run

USUAL = 640  # pixels, where no arm says what
PICTURES = 60  # of the training pictures, evenly chosen


def background(weights: Path, data: str, imgsz: int) -> float:
    """Mean difference between picture and reconstruction where no tiny object is, 0 to 1, on pictures of train.

    Raises:
        InputError: weights of a model without SR-TOD, or pictures without labels.
    """
    files = read_data_file(find_file(data)).usable("train")["train"].images
    chosen = files[:: max(1, len(files) // PICTURES)]
    found = analyze(YOLO(weights).model, chosen, imgsz, weights.parent, sheets=0)
    if found is None or not found.counts[1].any():
        raise InputError(f"the background's difference cannot be measured by {weights}: it takes SRTOD and labels")
    return round(float(found.sums[1] / found.counts[1].sum()), 5)


MEASURES: dict[str, Callable[[Path, str, int], float]] = {"background": background}


def with_measured(run: Run) -> Run:
    """The run with numbers in the place of what was to be measured."""
    if not run.measured:
        return run
    weights = Path(run.call["pretrained"])
    values: dict[str, Any] = {
        option: MEASURES[what](weights, run.options["data"], run.settings.get("imgsz") or USUAL)
        for option, what in run.measured.items()
    }
    return replace(run, options=run.options | values)
