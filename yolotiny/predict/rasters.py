"""Prediction on rasters of any size: a network looks at windows, and a vector file says where objects lie on Earth."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from ultralytics.utils import LOGGER

from ..errors import InputError
from ..geo import Found, Job, Journal, draw, write_coco, write_vectors
from ..geo.journal import EMPTY, FAULT, SUFFIX, unfinished
from ..geo.windows import Rules
from ..loaders.trained import reader_for
from ..picture_names import PictureName, named
from ..pictures.files import Unreadable
from ..rasters.levels import Levels
from ..rasters.place import Place
from ..rasters.raster import Raster
from ..rasters.sources import is_virtual
from ..rasters.view import View
from ..text import printable
from .predictor import Predictor
from .window_look import WindowLook

OF_PICTURES = "it is of pictures and videos, and a raster leaves a vector file"
REFUSED = {  # options of a prediction that say nothing of a raster
    **dict.fromkeys(("save_txt", "save_conf", "save_crop", "save_frames", "show", "visualize", "embed"), OF_PICTURES),
    **dict.fromkeys(("show_labels", "show_conf", "show_boxes", "line_width", "uncertainty"), OF_PICTURES),
    **dict.fromkeys(("vid_stride", "stream_buffer"), "it is of videos and cameras"),
}
# What a run may be gone on with another value of: where it writes and how fast it is, not what it finds.
FREE = {"project", "name", "exist_ok", "verbose", "save", "save_json", "format", "batch", "device", "compile"}
FREE |= {"channels_last", "model", "source", "plugins", "debug"}


@dataclass(frozen=True)
class RasterResult:
    """What was found in a raster.

    Attributes:
        path: the raster.
        rows: (n, 6) xyxy in pixels of the raster, score, class; the best first.
        names: of the classes.
        place: how its pixels lie on Earth.
        windows: how many were seen, empty (without data), or at fault (not decoded).
        files: what was written, the vector file first.
    """

    path: str
    rows: np.ndarray
    names: Mapping[int, str]
    place: Place
    windows: Counter[str]
    files: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        counts = Counter(self.rows[:, 5].astype(int).tolist())
        each = ", ".join(f"{self.names[c]} {n:,}" for c, n in sorted(counts.items()))
        odd = f", {self.windows[EMPTY]:,} of them without data" if self.windows[EMPTY] else ""
        odd += f", {self.windows[FAULT]:,} that do not decode" if self.windows[FAULT] else ""
        files = ", ".join(map(str, self.files))
        found = f"{len(self):,} objects" + (f" ({each})" if each else "")
        return printable(f"{self.path}: {found} in {self.windows.total():,} windows{odd}; written: {files}")


def check_options(options: Mapping[str, Any]) -> None:
    """Raise InputError for an option that says nothing of a raster."""
    for key in options:
        if key in REFUSED:
            raise InputError(f"predict does not read {key}= of a raster: {REFUSED[key]}")
    if options.get("full"):
        raise InputError("full=True is of pictures: there is no pass over a whole raster; leave full= out")


def fingerprint(model: Any) -> str:
    """A number that changes with any weight of a network, or any byte of an exported file or folder."""
    found = hashlib.sha256()
    if isinstance(model, nn.Module):
        for key, value in model.state_dict().items():
            found.update(key.encode() + value.detach().cpu().contiguous().float().numpy().tobytes())
    else:
        path = Path(str(model))
        for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
            found.update(file.read_bytes())
    return found.hexdigest()[:16]


def predict_rasters(
    predictor: Predictor, rasters: Sequence[str], options: Mapping[str, Any], model: str
) -> Iterator[RasterResult]:
    """Results of rasters, one by one; what is wrong with any of them is told before the first is looked at.

    Args:
        predictor: has its network and options.
        rasters: of `rasters_of`.
        options: as the user gave them.
        model: what its network is, see `fingerprint`.

    Raises:
        InputError: a raster cannot be opened or understood, or does not go with an option.
    """
    paths = [path if is_virtual(path) else os.path.abspath(path) for path in rasters]
    look = WindowLook(predictor)
    runs = [RasterRun(look, path, name, options, model) for path, name in named(paths).items()]
    for run in runs:  # nothing is written before all of them are understood
        run.begin()
    return _results(runs)


def _results(runs: Sequence[RasterRun]) -> Iterator[RasterResult]:
    """Of each run; the journals stay until all are through, so that a cut makes none start anew."""
    for run in runs:
        yield run.result()
    for run in runs:
        run.journal.remove()


class RasterRun:
    """One raster of a prediction, ready to be looked at.

    Args:
        look: at its windows.
        path: the raster.
        name: what it is called in what is written.
        options, model: see `predict_rasters`.
    """

    def __init__(self, look: WindowLook, path: str, name: PictureName, options: Mapping[str, Any], model: str):
        self.look, self.predictor, self.path, self.name, self.model = look, look.predictor, path, name, model
        self.format = options.get("format") or "gpkg"
        self.raster = Raster(path)
        if self.format == "geojson" and not self.raster.georeferenced:
            raise InputError(
                f"{path} has no coordinate system, and GeoJSON is in WGS84: give format=gpkg, which keeps pixels"
            )
        predictor = self.predictor
        levels, said = Levels.of(self.raster, reader_for(predictor.model, predictor.pictures))
        rules = Rules(look.merge, predictor.nms_config.suppression)
        self.job = Job(self.raster, levels, look.channels, look.plan, rules, self._tell)
        self.about = self._about(options)
        if said:
            self._tell(f"{path}, {said}")
        self.raster.close()  # until it is its turn: they may be thousands

    def begin(self) -> None:
        """Open the journal, in the folder of a run that was cut off or in a new one.

        Raises:
            InputError: another run was cut off there, or it cannot be written.
        """
        folder, name = Path(self.predictor.save_dir), self.predictor.args.name or "predict"
        self.folder = unfinished(folder.parent, name, self.about) or folder
        self.journal = Journal(self.folder / f"{self.name.stem}{SUFFIX}", self.about)

    def _tell(self, line: str) -> None:
        if self.predictor.args.verbose:
            LOGGER.info(printable(line))

    def _about(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """What a run that goes on has to have in common with the one before."""
        state = None if is_virtual(self.path) else os.stat(self.path)
        raster = {"path": self.path, "size": list(self.raster.size)}
        raster |= {} if state is None else {"bytes": state.st_size, "changed": state.st_mtime_ns}
        plan = self.look.plan
        told = {"levels": self.job.levels.as_dict(), "window": list(plan.window), "overlap": plan.overlap}
        given = {k: str(v) for k, v in options.items() if k not in FREE}
        return {"name": self.name.stem, "raster": raster, "model": self.model, **told, **given}

    def result(self) -> RasterResult:
        """Look at the windows that are left, and write what all of them hold.

        Raises:
            KeyboardInterrupt: says that the windows so far are kept.
        """
        try:
            with torch.inference_mode():
                found = self.job.run(self.look, self.journal)
        except KeyboardInterrupt:
            done = len(self.journal.entries)
            raise KeyboardInterrupt(f"{done:,} windows are kept in {self.folder}; the same command goes on") from None
        files, names = self._write(found), self.predictor.model.names
        self.raster.close()
        return RasterResult(self.path, found.rows, names, self.raster.place, found.windows, files)

    def _write(self, found: Found) -> tuple[Path, ...]:
        """Write the files of a raster; returns them."""
        names, args = self.predictor.model.names, self.predictor.args
        file = self.folder / f"{self.name.stem}.{self.format}"
        plan = self.job.plan
        about = {"raster": self.name.file, "model": self.model, "conf": args.conf, "iou": args.iou}
        about |= {"levels": self.job.levels.as_dict(), "window": list(plan.window), "overlap": plan.overlap}
        write_vectors(file, found.rows, names, self.raster.place, about)
        files = [file]
        if args.save_json:
            files.append(self.folder / f"{self.name.stem}.json")
            write_coco(files[-1], found.rows, self.name, len(names))
        if args.save:
            picture, (h, w) = self.folder / f"{self.name.stem}.png", self.raster.size
            try:
                draw(picture, View(self.raster, (0, 0, w, h), self.job.levels, self.job.channels), found.rows, names)
                files.append(picture)
            except Unreadable as error:  # what was found is written all the same
                self._tell(f"no picture of the raster is drawn: {error}")
        return tuple(files)
