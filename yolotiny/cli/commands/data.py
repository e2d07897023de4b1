"""Commands about data sets: data demo, convert, split, export, suggest, stats, check, assign."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...files import write_text
from ...text import printable_lines
from .models import load
from .progress import progress_bar


def demo(clip: int = 0, **options: Any) -> None:
    """Write the synthetic data set and print its data.yaml; with `clip`, a video of so many frames too."""
    from ...data import write_demo

    if not clip:
        print(write_demo(**options))
        return
    from ...data.clip import check_frames, write_clip

    check_frames(clip)  # before anything is written
    print(data := write_demo(**options))
    print(write_clip(data.parent / "clip.mp4", clip, seed=options.get("seed", 0)))


def convert(to: str, force: bool = False, **options: Any) -> None:
    """Convert a data set and print its counts; a terminal sees how far it is."""
    from ...data import Conversion, convert

    with progress_bar() as progress:
        summary = convert(Conversion(**options), to, force, progress)
    print(printable_lines(summary))


def export(to: str, **options: Any) -> None:
    """Write a data set, or detections, in the format of another tool, and print the counts."""
    from ...exchange import Asked, export

    with progress_bar() as progress:
        made = export(Asked(**options), to, progress)
    print(printable_lines(made))


def split(**options: Any) -> None:
    """Divide a data set into train and val, or folds, and print what is in each."""
    from ...data import split

    with progress_bar("pass") as progress:
        made = split(progress=progress, **options)
    print(printable_lines(made))


def suggest(model: str, data: str, to: str = "runs/suggest", **options: Any) -> None:
    """Find the labels that a model doubts, and write them for review; print how many there are."""
    from ...data_file import find_file
    from ...exchange.suggest import LEAST, Wanted, suggest

    loaded = load(model)
    loaded.warn_untrained()
    looking = {k: options.pop(k) for k in ("imgsz", "device", "crops", "bands", "stretch") if k in options}

    def look(files: Sequence[Path]) -> Iterator[tuple[Path, Any]]:
        asked = {"data": str(find_file(data)), "conf": LEAST, "verbose": False, "stream": True} | looking
        for result in loaded.predict([str(file) for file in files], **asked):
            yield Path(result.path), result.boxes.data.cpu().numpy()

    with progress_bar() as progress:
        made = suggest(Wanted(data, **options), look, to, progress)
    print(printable_lines(made))


def stats(
    data: str,
    imgsz: int = 640,
    split: str = "train",
    out: str | None = None,
    bands: Any = None,
    stretch: Any = "auto",
) -> None:
    """Print what a data set is made of, and write figures and plot where `out` is given."""
    from ...data import stats
    from ...data.quality.stats_report import as_dict, save

    with progress_bar() as progress:
        found = stats(data, imgsz, split, bands, stretch, progress)
    print(printable_lines(found))
    if out is not None:
        print("written: " + ", ".join(map(str, save(found, as_dict(found), Path(out).expanduser()))))


def check(
    data: str,
    imgsz: int = 640,
    strict: bool = False,
    out: str | None = None,
    bands: Any = None,
    stretch: Any = "auto",
) -> int:
    """Print what is wrong with a data set; exit code 1 where there is an error, with `strict` also for a warning."""
    from ...data import check
    from ...report import prepare

    file = None if out is None else Path(out).expanduser()
    if file is not None:
        prepare(file.absolute().parent)
    with progress_bar() as progress:
        report = check(data, imgsz, progress, bands, stretch)
    if file is not None:
        write_text(file, json.dumps(report.to_dict(), indent=2) + "\n")
    print(printable_lines(report))
    return int(bool(report.errors or (strict and report.warnings)))


def assign(
    model: str,
    data: str,
    to: str = "runs/assign",
    imgsz: int | None = None,
    pictures: int = 200,
    sizes: Any = (4, 12, 32),
    **changes: Any,
) -> None:
    """Compare a model's assigner with its family's own on training pictures; print the table."""
    from ...analysis.assignment import analyze_assignment

    loaded = load(model)
    loaded.need_network("data assign")
    imgsz = imgsz or loaded.overrides.get("imgsz", 640)
    sides = sizes if isinstance(sizes, (list, tuple)) else [float(x) for x in str(sizes).split(",")]
    reading = {k: changes.pop(k) for k in ("bands", "stretch") if k in changes}
    print(analyze_assignment(loaded.model, data, to, imgsz, pictures, sides, bool(loaded.ckpt), changes, reading))
