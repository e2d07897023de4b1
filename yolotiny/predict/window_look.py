"""What a network sees of a raster: windows as large as its input, or larger ones at an overview and crops of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import cv2
import numpy as np
import torch

from ..errors import InputError
from ..geo.windows import Plan
from ..ops.letterbox import Letterbox
from ..rasters.view import View
from ..registry import build
from ..slicing import MERGE, MERGES, CoarsePass, Grid, SlicedInference, TileScale
from ..slicing.merge import Joins
from ..training_stats import TrainingStats
from .predictor import Predictor
from .sliced import coarse_passes, tile_batcher

OVERLAP_SHARE = 0.2  # share of a window that the next one repeats, where nobody says
COARSE_OVERLAP_SHARE = 0.1  # the same of the windows of a coarse pass, which are several times as large
COARSE_OBJECT_PX = 2.5  # network pixels: the smallest objects of the training are shown no smaller in the coarse pass
LEAST_REDUCTION = 2.0  # of the coarse pass: with less of it, looking at everything closely costs as much
MOST_REDUCTION = 4.0


class WindowLook:
    """Looks at windows of a raster by a network.

    Args:
        predictor: has its network and options.

    Attributes:
        channels: of the network.
        plan: the windows that it wants to see.
        merge: how what they hold is joined.

    Raises:
        InputError: a setting of crops that says nothing of a raster.
    """

    def __init__(self, predictor: Predictor):
        self.predictor, self.channels = predictor, getattr(predictor.model, "channels", None) or 3
        predictor.setup_source(torch.zeros(1, self.channels, 32, 32))  # for its sizes alone; bands are of the rasters
        self.input = int(predictor.imgsz[0]), int(predictor.imgsz[1])
        training = TrainingStats.of(predictor.model)
        sliced = predictor.sliced
        self.sliced = None if sliced is None or isinstance(sliced.slicer, Grid) else sliced
        self.merge: Joins = build(MERGE, MERGES) if sliced is None else sliced.merge
        fine = _scale(sliced, training, self.input)
        reduction, overlap = 1.0, OVERLAP_SHARE
        if self.sliced is not None:
            reduction, overlap = _reduction(self.sliced, training), COARSE_OVERLAP_SHARE
            self.sliced.scale = TileScale(fine, max_side=self.sliced.scale.max_side)
            self.sliced.warns = False  # the size of the coarse pass is ours
        elif sliced is not None and isinstance(sliced.slicer, Grid):
            _check_grid(sliced)
            overlap = sliced.slicer.overlap
        self.ratio = fine / reduction  # network pixels of the pass over a window, per pixel of the raster
        h, w = (max(round(side / self.ratio), 1) for side in self.input)
        self.plan = Plan((h, w), overlap, 1 / fine, max(int(predictor.args.batch), 1))

    def __call__(self, views: Sequence[View]) -> list[np.ndarray]:
        """Windows of one size -> for each (n, 6) xyxy in its pixels, score, class."""
        predictor = self.predictor
        pictures = [self._picture(view) for view in views]
        im = predictor.preprocess(pictures)
        preds = predictor.inference(im)
        found = predictor.suppress(preds[0] if isinstance(preds, (list, tuple)) else preds)
        letterboxes = [Letterbox.of(view.shape[:2], im.shape[2:]) for view in views]
        if self.sliced is None:
            return [_rows(rows, letterbox) for rows, letterbox in zip(found, letterboxes, strict=True)]
        coarse = coarse_passes(self.sliced, preds, found, letterboxes)
        coarse = [_without_data(seen, view) for seen, view in zip(coarse, views, strict=True)]
        batcher = tile_batcher(predictor.model, partial(predictor.suppress, of_crops=True), predictor.args.augment)
        joined = self.sliced.run(views, coarse, batcher, self.input, predictor.args.conf)
        return [both.rows for both in joined]

    def _picture(self, view: View) -> np.ndarray:
        """(h, w, C) uint8 of a window: its own pixels, or of an overview where it is seen coarsely."""
        if self.sliced is None:
            return view.everything()
        h, w = (min(max(round(n * self.ratio), 1), most) for n, most in zip(view.shape, self.input, strict=False))
        return view.shown((h, w))


def _rows(rows: torch.Tensor, letterbox: Letterbox) -> np.ndarray:
    """(n, 6) rows in pixels of the input -> in pixels of the window."""
    array = rows.float().cpu().numpy()
    return np.concatenate((letterbox.to_image(array[:, :4]), array[:, 4:6]), 1)


def _without_data(seen: CoarsePass, view: View) -> CoarsePass:
    """A coarse pass that points at no place where the raster holds no data."""
    held = view.held()
    if held is None or seen.heatmap is None:
        return seen
    h, w = seen.heatmap.shape
    there = cv2.resize(held.astype(np.uint8), (w, h), interpolation=cv2.INTER_AREA if w < held.shape[1] else 0)
    return CoarsePass(seen.rows, seen.heatmap * (there > 0), seen.ratio)


def _scale(sliced: SlicedInference | None, training: TrainingStats, size: tuple[int, int]) -> float:
    """Network pixels per pixel of the raster, where objects are seen best; the same for all of it."""
    if sliced is not None and sliced.scale.pixel:
        return float(sliced.scale.pixel)
    if sliced is not None and sliced.slicer.tile:
        return min(size) / sliced.slicer.tile
    return (training.pixel_scale or 1.0) * (1.0 if sliced is None else float(sliced.slicer.zoom))


def _reduction(sliced: SlicedInference, training: TrainingStats) -> float:
    """How much smaller the coarse pass shows a raster than crops do: a power of two, as overviews are."""
    if sliced.scale.relative:
        return float(sliced.scale.relative)
    if not training.object_areas:
        return LEAST_REDUCTION
    smallest = math.sqrt(training.object_areas[0]) * float(sliced.slicer.zoom)
    overview = 2.0 ** math.floor(math.log2(max(smallest / COARSE_OBJECT_PX, 1)))
    return min(max(overview, LEAST_REDUCTION), MOST_REDUCTION)


def _check_grid(sliced: SlicedInference) -> None:
    """Raise InputError for a setting that goes with a pass over the whole, which a raster's grid has none of."""
    settings = {"budget": sliced.budget, "prior": sliced.prior, "infer.scale": sliced.scale.relative}
    settings["infer.max_side"] = sliced.scale.max_side if sliced.scale.max_side != math.inf else None
    if given := [key for key, value in settings.items() if value]:
        raise InputError(f"{given[0]}= says nothing of a raster seen by crops=grid; leave it out, or write crops=auto")
