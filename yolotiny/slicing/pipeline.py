"""Sliced inference: tiles of an image, at the size objects were trained at, through the same network, and merged."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import InputError, did_you_mean, number
from ..ops.letterbox import Letterbox
from ..ops.nms import Suppression
from ..registry import build
from ..training_stats import TrainingStats
from .batching import Detect, TileBatcher
from .budget import Budget
from .canvas import Canvas, gather
from .heatmap import from_rows
from .merge import MERGE, MERGES, USUAL, Joins, join
from .rescore import rescore
from .results import CoarsePass, SlicedDetections, SlicingStats
from .scale import ObjectScale, TileScale
from .slicers import SLICERS, Box, Slicer, grid
from .tile import Tile
from .truncated import centred, drop_truncated, without_border_margin

KEYS = ("crops", "full", "pixel_scale", "scale", "max_side", "merge", "budget", "prior")
CUT_REACH_PX = 2.0  # network pixels from a tile's border within which a box counts as cut
SMALL_PASS_RATIO = 3.5  # times larger in tiles than in the coarse pass, from where on it points at too little
PART_OVERLAP_SHARE = 0.2  # share, of the parts that a tile too large for the network's input is cut into
NO_TILES = np.zeros((0, 4), np.float32)
logger = logging.getLogger(__name__)


class SlicedInference:
    """Where to look again, how large, and how both passes join. `start` comes before the first image of a source.

    Args:
        slicer: a name (`grid`, `lsm`, `auto`), a mapping with `type` and its arguments, or a `Slicer`.
        merge: likewise of `MERGES`, or any `merge(coarse, tiles, fine) -> rows`.
        scale: the size that tiles are shown at, see `TileScale`; a number means network pixels per pixel of the image.
        budget: what both passes may cost, see `Budget`.
        full: whether the whole image is looked at first, which only a slicer without a heat map may do without.
        prior: weight of the coarse pass's score in that of what tiles find, see `rescore`; None: what the slicer says.

    Attributes:
        stats: what was done since `start`.

    Raises:
        InputError: an unknown component or argument, or a value that makes no sense.
    """

    def __init__(
        self,
        slicer: str | Mapping[str, Any] | Slicer = "auto",
        merge: Any = None,
        scale: TileScale | float | None = None,
        budget: Any = None,
        full: bool = True,
        prior: float | None = None,
    ):
        self.slicer: Slicer = slicer if isinstance(slicer, Slicer) else build(slicer, SLICERS, where="slicing")
        self.merge: Joins = merge if callable(merge) else build(merge or MERGE, MERGES, where="slicing")
        self.scale = scale if isinstance(scale, TileScale) else TileScale(scale)
        self.budget = None if budget is None else Budget(budget)
        self.full = full
        self.prior = self.slicer.prior if prior is None else prior
        if not isinstance(full, bool):
            raise InputError(f"infer.full must be True or False, not {full!r}")
        number(self.prior, "infer.prior", 0, 1, "[)", 0.1)
        if not full and self.slicer.needs_heatmap:
            raise InputError("full=False goes with crops=grid: other crops need a pass over the whole picture first")
        if not full and self.budget:
            raise InputError("budget= needs the pass over the whole picture, which finds the best: leave full= out")
        if not full and self.prior:
            raise InputError("prior= is the weight of the pass over the whole picture: leave full= out")
        self.start()

    @classmethod
    def from_config(cls, section: Mapping[str, Any], where: str = "the configuration") -> SlicedInference:
        """From the `infer:` section of a model file.

        Args:
            section: `crops` (a slicer), `merge`, `pixel_scale`, `scale`, `max_side` (see `TileScale`), `budget`, `full`
                and `prior`.
            where: the file, for messages.
        """
        if unknown := [k for k in section if k not in KEYS]:
            raise InputError(f"infer.{unknown[0]} in {where} is not known{did_you_mean(unknown[0], KEYS)}")
        slicer = build(section.get("crops") or "lsm", SLICERS, where=f"{where}: infer.crops")
        merge = build(section.get("merge") or MERGE, MERGES, where=f"{where}: infer.merge")
        most = section.get("max_side")
        try:
            scale = TileScale(section.get("pixel_scale"), section.get("scale"), math.inf if most is None else most)
            return cls(slicer, merge, scale, section.get("budget"), section.get("full", True), section.get("prior"))
        except InputError as error:
            raise InputError(f"{where}: {error}") from None

    @property
    def needs_heatmap(self) -> bool:
        """Whether the coarse pass is to give a heat map."""
        return bool(self.slicer.needs_heatmap or self.budget is not None or self.prior)

    @property
    def least_score(self) -> float:
        """The score up to which nothing in the heat map counts."""
        return float(self.slicer.threshold)

    def start(self, training: TrainingStats | None = None, warns: bool = True, suppress: Suppression = USUAL) -> None:
        """Forget what was seen, before a new source or a new network.

        Args:
            training: sizes of the objects that the network was trained with.
            warns: say once what is likely not meant.
            suppress: how either pass suppresses, and so where both join; `c` in pixels of the network.
        """
        training = training or TrainingStats()
        self.objects = ObjectScale(training.tile_object_size, training.pixel_scale or 1.0)
        self.slicer.adapt(training)
        self.stats, self.warns, self.suppress = SlicingStats(), warns, suppress

    def __call__(self, image: np.ndarray, detect: Detect | TileBatcher, imgsz: int = 640) -> SlicedDetections:
        """Both passes over one image with any detector; heat maps come from its rows.

        Args:
            image: (H, W, C) uint8.
            detect: (N, H, W, C) uint8 images -> for each (n, 6) xyxy in its pixels, score, class, with weak ones too;
                or a `TileBatcher` round it, for a detector with another stride than 32 or of one input size.
            imgsz: longer side of the network input in the coarse pass, pixels.
        """
        batcher = detect if isinstance(detect, TileBatcher) else TileBatcher(detect)
        size = batcher.fixed or _input_size(image.shape[:2], imgsz, batcher.stride)
        letterbox = Letterbox.of(image.shape[:2], size)
        rows = np.zeros((0, 6), np.float32)
        if self.full:
            rows = batcher.rows(letterbox.draw(image)[None])[0].astype(np.float32)
        heatmap = from_rows(rows, letterbox, self.least_score) if self.needs_heatmap else None
        rows = np.concatenate((letterbox.to_image(rows[:, :4]), rows[:, 4:]), 1)
        return self.run([image], [CoarsePass(rows, heatmap, letterbox.ratio)], batcher, size)[0]

    def run(
        self,
        images: Sequence[np.ndarray],
        coarse: Sequence[CoarsePass],
        batcher: TileBatcher,
        input_size: tuple[int, int],
        conf: float = 0.0,
    ) -> list[SlicedDetections]:
        """The fine pass over the images of a batch.

        Args:
            images: (H, W, C) uint8 each, as read.
            coarse: what the coarse pass said of each.
            batcher: runs canvases through the network.
            input_size: (height, width) of the network input, pixels.
            conf: least score of a detection; with `prior` what tiles find may fall below it.
        """
        start, before = time.perf_counter(), batcher.forwards
        plans = [self._plan(im.shape[:2], c, input_size, batcher) for im, c in zip(images, coarse, strict=True)]
        found = iter(batcher((im, canvas) for im, plan in zip(images, plans, strict=True) for canvas in plan))
        out = []
        for image, seen, plan in zip(images, coarse, plans, strict=True):
            fine = [next(found) for _ in plan]
            out.append(self._join(seen, plan, fine, image.shape[:2], conf))
            self.objects.see(out[-1].rows, refined=True)
        took = time.perf_counter() - start
        self.stats.images += len(out)
        self.stats.tiles += sum(len(x.tiles) for x in out)
        self.stats.forwards += batcher.forwards - before
        self.stats.seconds += took
        if self.budget:
            self.budget.fine_pass(took, sum(canvas.pixels for plan in plans for canvas in plan))
        return out

    def _plan(
        self, size: tuple[int, int], coarse: CoarsePass, input_size: tuple[int, int], batcher: TileBatcher
    ) -> list[Canvas]:
        """The canvases that are run for an image of `size` (height, width)."""
        self.objects.see(coarse.rows, refined=False)
        scale = self._shown(coarse.ratio, input_size)
        self._warn(size, scale, coarse.ratio)
        if self.slicer.must_enlarge and scale <= coarse.ratio:
            return []
        self.stats.last_scale = scale
        boxes = self.slicer.find(coarse.heatmap, size, scale, input_size)
        if fixed := batcher.fixed:  # a tile larger than the only input becomes several, so that the scale stays
            most = max(int(fixed[0] / scale), 1), max(int(fixed[1] / scale), 1)
            boxes = [part for box in boxes for part in _parts(box, most)]
        tiles = [Tile.of(box, size, scale, self.scale.max_side, fixed) for box in boxes]
        if self.budget and coarse.heatmap is not None:
            costs = [Canvas.of(tile, batcher.stride).pixels for tile in tiles]
            kept = self.budget.select([t.box for t in tiles], coarse.heatmap, size, costs, math.prod(input_size))
            tiles = [tiles[i] for i in kept]
        packs = fixed is not None if self.slicer.packs is None else self.slicer.packs
        if not packs:
            return [Canvas.of(tile, batcher.stride, fixed) for tile in tiles]
        return Canvas.packed(tiles, fixed or input_size, batcher.stride, fixed)

    def _shown(self, ratio: float, input_size: tuple[int, int]) -> float:
        """Network pixels of a tile per pixel of the image; `ratio` is that of the coarse pass."""
        if self.scale.pixel:
            return float(self.scale.pixel)
        if self.scale.relative:
            return float(self.scale.relative) * ratio
        if side := self.slicer.tile:
            return min(input_size) / side
        return self.objects.value * float(self.slicer.zoom)

    def _join(
        self, coarse: CoarsePass, plan: list[Canvas], found: list[np.ndarray], size: tuple[int, int], conf: float
    ) -> SlicedDetections:
        """Detections of the coarse pass and of each canvas -> one list."""
        if not plan:
            run = self.suppress.in_pixels(1 / coarse.ratio)
            return SlicedDetections(join(self.merge, coarse.rows, NO_TILES, coarse.rows[:0], run), NO_TILES)
        fine, owner = gather(plan, [np.asarray(rows, coarse.rows.dtype) for rows in found])
        places = [tile for canvas in plan for tile, _, _ in canvas.places]
        tiles = np.array([t.box for t in places], np.float32)
        pixel = np.array([t.w / t.shown[0] for t in places], np.float32)  # of the network, in pixels of the image
        counted = tiles
        if self.slicer.border_margin:
            counted = without_border_margin(tiles, size, self.slicer.border_margin * pixel)
            stays = centred(fine, counted[owner])
            fine, owner = fine[stays], owner[stays]
        agnostic = self.suppress.agnostic
        fine = fine[drop_truncated(coarse.rows, fine, tiles[owner], size, CUT_REACH_PX * pixel[owner], agnostic)]
        if coarse.heatmap is not None and self.prior:
            fine = rescore(fine, coarse.heatmap, size, self.prior)
            fine = fine[fine[:, 4] > conf]
        run = self.suppress.in_pixels(float(np.median(pixel)))  # of the tiles, where objects have their trained size
        return SlicedDetections(join(self.merge, coarse.rows, counted, fine, run), tiles)

    def _warn(self, size: tuple[int, int], scale: float, ratio: float) -> None:
        """Say once what is likely not meant for an image of `size` (height, width)."""
        if not self.warns:
            return
        if not self.scale.settled:  # a coarse pass that is too small finds large objects alone, and says so
            scale = max(scale, self.objects.otherwise)
        if (self.slicer.tile or 0) > max(size):
            said = f"tile={self.slicer.tile} is larger than a picture of {size[1]}x{size[0]}: it is seen whole"
        elif self.slicer.needs_heatmap and scale > SMALL_PASS_RATIO * ratio:
            half = math.ceil(max(size) * scale / 64) * 32
            said = (
                f"small objects may be missed: the coarse pass shows the picture {scale / ratio:.1f} times smaller "
                f"than crops at {scale:.3g} network pixels per pixel; imgsz={half} is half of that"
            )
        else:
            return
        self.warns = False
        logger.warning(said)


def _input_size(size: tuple[int, int], imgsz: int, stride: int) -> tuple[int, int]:
    """(height, width) of the network input for an image: its longer side `imgsz`, both divisible by the stride."""
    ratio = imgsz / max(size)
    h, w = (max(math.ceil(round(side * ratio, 6) / stride), 1) * stride for side in size)
    return h, w


def _parts(box: Box, most: tuple[int, int]) -> list[Box]:
    """A box as tiles no larger than `most` (height, width), pixels of the image."""
    x1, y1, x2, y2 = box
    if x2 - x1 <= most[1] and y2 - y1 <= most[0]:
        return [box]
    size = math.ceil(y2 - y1), math.ceil(x2 - x1)
    return [(x1 + a, y1 + b, x1 + c, y1 + d) for a, b, c, d in grid(size, most, PART_OVERLAP_SHARE)]
