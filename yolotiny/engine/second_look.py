"""The second look: parts of a picture, at the size objects were trained at, through the same network, and merged."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from ultralytics.utils import LOGGER

from ..crops import (
    CROPPERS,
    MERGE,
    MERGES,
    Budget,
    Canvas,
    ObjectScale,
    Window,
    centred,
    gather,
    grid,
    pooled,
    trained_size,
    whole_only,
    without_rim,
)
from ..errors import InputError, above_zero, did_you_mean
from ..registry import build
from .forwards import Forwards
from .look_section import name_of

KEYS = ("crops", "full", "pixel_scale", "scale", "max_side", "merge", "budget", "prior")
EDGE = 2.0  # network pixels from a crop's border within which a box counts as cut
FAR = 3.5  # times larger in crops than in the first look, from where on it points at too little
OVERLAP = 0.2  # of the tiles that a crop too large for the network's input is cut into


@dataclass
class Look:
    """What two looks at a picture found.

    Attributes:
        rows: (n, 6) xyxy in pixels of the picture, score, class; the best first.
        crops: (m, 4) where was looked twice.
    """

    rows: Tensor
    crops: Tensor


class SecondLook:
    """Where to look again, how large, and how both looks join: the `infer:` section of a model file.

    Args:
        section: `crops` (a cropper); `full`: whether the whole picture is looked at first, which only a cropper that
            needs no heat map may do without; `pixel_scale`: network pixels of the second look per pixel of the picture,
            or `scale`: per network pixel of the first look, or neither, and objects are brought to the size of
            training; `max_side` (network pixels, a larger crop is shown smaller), `merge`, `budget`, see `Budget`, and
            `prior`, the weight of the first look's score in that of what crops find, see `pooled`.
        where: the file, for messages.

    Attributes:
        objects: compares sizes of objects with those in training, see `know`.
        pictures, crops, forwards, seconds: how many pictures were looked at, how many crops and forwards (a batch
            is one) they took beside the first look, and the time of these.
        warns: whether a setting that is likely not meant is still to be told.
        last_scale: network pixels per pixel of the picture that crops of the last picture were shown at.

    Raises:
        InputError: an unknown key, component or argument, or a value that makes no sense.
    """

    def __init__(self, section: Mapping[str, Any], where: str = "the configuration"):
        if unknown := [k for k in section if k not in KEYS]:
            raise InputError(f"infer.{unknown[0]} in {where} is not known{did_you_mean(unknown[0], KEYS)}")
        self.cropper = build(section.get("crops") or "lsm", CROPPERS, where=f"{where}: infer.crops")
        self.merge = build(section.get("merge") or MERGE, MERGES, where=f"{where}: infer.merge")
        for key in ("scale", "pixel_scale", "max_side"):
            if section.get(key) is not None:
                above_zero(section[key], f"infer.{key} in {where}", 1536 if key == "max_side" else 1.5)
        self.scale, self.pixel_scale = section.get("scale"), section.get("pixel_scale")
        self.max_side = section.get("max_side") or math.inf
        self.full = section.get("full", True)
        if not isinstance(self.full, bool):
            raise InputError(f"infer.full in {where} must be True or False, not {self.full!r}")
        if self.cropper.looks and not self.full:
            raise InputError(f"full=False goes with crops=grid: {name_of(section.get('crops'))} looks at all first")
        self.budget = None if section.get("budget") is None else Budget(section["budget"])
        if self.budget and not self.full:
            raise InputError("budget= needs the look at the whole picture, which finds the best crops: leave full= out")
        self.prior = section.get("prior")
        if self.prior is None:
            self.prior = self.cropper.prior
        if isinstance(self.prior, bool) or not isinstance(self.prior, (int, float)) or not 0 <= self.prior < 1:
            raise InputError(f"infer.prior in {where} must lie from 0 up to below 1, such as 0.1, not {self.prior!r}")
        if self.prior and not self.full:
            raise InputError("prior= is the weight of the look at the whole picture: leave full= out")
        self.objects = ObjectScale(None)
        self.pictures, self.crops, self.forwards, self.seconds = 0, 0, 0, 0.0
        self.last_scale, self.warns = 0.0, True

    @property
    def looks(self) -> bool:
        """Whether a heat map is needed."""
        return self.cropper.looks or self.budget is not None or self.prior > 0

    @property
    def least(self) -> float:
        """The score up to which nothing in the heat map counts."""
        return float(self.cropper.threshold)

    def know(self, model: Any) -> None:
        """Start anew with a network, which tells the size of the objects that it was trained with, if it can.

        Args:
            model: ultralytics' AutoBackend; a checkpoint has `measured` in its configuration, a file in its metadata.
        """
        cfg = getattr(getattr(model, "model", None), "yaml", None) or {}
        says = lambda key: (cfg.get("measured") or {}).get(key) or getattr(model, key, None)  # noqa: E731
        self.objects = ObjectScale(trained_size(says), float(says("pixel_scale") or 1.0))
        self.cropper.know(says)

    def shown(self, ratio: float, canvas: tuple[int, int]) -> float:
        """Network pixels of the second look per pixel of the picture.

        Args:
            ratio: the same of the first look.
            canvas: (height, width) of the network input.
        """
        if self.pixel_scale:
            return float(self.pixel_scale)
        if self.scale:
            return float(self.scale) * ratio
        if tile := self.cropper.tile:
            return min(canvas) / tile
        return self.objects.value * float(self.cropper.zoom)

    def __call__(
        self,
        pictures: Sequence[np.ndarray],
        coarse: Sequence[Tensor],
        heats: Sequence[Tensor | None],
        ratios: Sequence[float],
        canvas: tuple[int, int],
        forwards: Forwards,
        conf: float = 0.0,
    ) -> list[Look]:
        """Look again at the pictures of a batch.

        Args:
            pictures: (H, W, C) each, as read.
            coarse: (n, 6) rows of the first look: xyxy in pixels of the picture, score, class.
            heats: (h, w) scores over the whole picture, or None where the cropper needs none.
            ratios: network pixels per pixel of the picture in the first look.
            canvas: (height, width) of the network input.
            forwards: runs canvases through the network.
            conf: least score of a detection; with `prior` what crops find may fall below it.
        """
        start = time.perf_counter()
        plans = []
        for picture, rows, heat, ratio in zip(pictures, coarse, heats, ratios, strict=True):
            self.objects.see(rows, refined=False)
            scale = self.shown(ratio, canvas)
            self._warn(picture.shape[:2], scale, ratio)
            idle = self.cropper.larger and scale <= ratio
            plans.append([] if idle else self.plan(picture.shape[:2], heat, scale, canvas, forwards))
        before = forwards.count
        found = iter(forwards((p, c) for p, plan in zip(pictures, plans, strict=True) for c in plan))
        looks = []
        for picture, rows, heat, plan in zip(pictures, coarse, heats, plans, strict=True):
            fine = [next(found) for _ in plan]
            merged, crops = self._join(rows, plan, fine, heat, picture.shape[:2], conf)
            self.objects.see(merged, refined=True)
            looks.append(Look(merged, crops))
            self.crops += len(crops)
        self.forwards += forwards.count - before
        took = time.perf_counter() - start
        self.pictures += len(looks)
        self.seconds += took
        if self.budget:
            self.budget.second_look(took, sum(c.size[0] * c.size[1] for plan in plans for c in plan))
        return looks

    def _join(
        self,
        coarse: Tensor,
        plan: list[Canvas],
        found: list[Tensor],
        heat: Tensor | None,
        size: tuple[int, int],
        conf: float,
    ) -> tuple[Tensor, Tensor]:
        """Rows of the first look and of each canvas -> one list, and the (m, 4) crops."""
        if not plan:
            return self.merge(coarse, coarse[:0, :4], coarse[:0]), torch.zeros(0, 4)
        fine, owner = gather(plan, [rows.to(coarse) for rows in found])
        places = [window for canvas in plan for window, _, _ in canvas.places]
        crops = torch.tensor([w.box for w in places], dtype=torch.float32)
        windows = crops.to(coarse)
        pixel = windows.new_tensor([w.w / w.shown[0] for w in places])  # of the network, in pixels of the picture
        if self.cropper.rim:
            windows = without_rim(windows, size, self.cropper.rim * pixel)
            counts = centred(fine, windows[owner])
            fine, owner = fine[counts], owner[counts]
        fine = fine[whole_only(coarse, fine, crops.to(coarse)[owner], size, EDGE * pixel[owner])]
        if heat is not None and self.prior:
            fine = pooled(fine, heat, size, self.prior)
            fine = fine[fine[:, 4] > conf]
        return self.merge(coarse, windows, fine), crops

    def _warn(self, size: tuple[int, int], scale: float, ratio: float) -> None:
        """Say once what is likely not meant for a picture of `size` (height, width)."""
        if not self.warns:
            return
        if not (self.pixel_scale or self.scale):  # a look that is too small finds large objects alone, and says so
            scale = max(scale, self.objects.otherwise)
        if (self.cropper.tile or 0) > max(size):
            said = f"tile={self.cropper.tile} is larger than a picture of {size[1]}x{size[0]}: it is seen whole"
        elif self.cropper.looks and scale > FAR * ratio:
            half = math.ceil(max(size) * scale / 64) * 32
            said = (
                f"small objects may be missed: the first look shows the picture {scale / ratio:.1f} times smaller than "
                f"crops at {scale:.3g} network pixels per pixel; imgsz={half} is half of that"
            )
        else:
            return
        self.warns = False
        LOGGER.warning(said)

    def plan(
        self, size: tuple[int, int], heat: Tensor | None, scale: float, canvas: tuple[int, int], forwards: Forwards
    ) -> list[Canvas]:
        """The canvases that are run for a picture of `size` (height, width)."""
        seen = None if heat is None else heat.cpu().numpy()
        self.last_scale = scale
        crops = self.cropper.find(seen, size, scale, canvas)
        if forwards.fixed:  # a crop larger than the only input there is becomes several, so that the scale stays
            tile = max(int(forwards.fixed[0] / scale), 1), max(int(forwards.fixed[1] / scale), 1)
            crops = [piece for crop in crops for piece in _pieces(crop, tile)]
        windows = [Window.of(crop, size, scale, self.max_side, forwards.fixed) for crop in crops]
        if self.budget and seen is not None:
            costs = [math.prod(Canvas.of(w, forwards.stride).size) for w in windows]
            kept = self.budget.afford([w.box for w in windows], seen, size, costs, math.prod(canvas))
            windows = [windows[i] for i in kept]
        packs = forwards.fixed is not None if self.cropper.packs is None else self.cropper.packs
        if not packs:
            return [Canvas.of(w, forwards.stride, forwards.fixed) for w in windows]
        return Canvas.packed(windows, forwards.fixed or canvas, forwards.stride, forwards.fixed)


def _pieces(crop: Sequence[float], tile: tuple[int, int]) -> list[tuple[float, ...]]:
    """A crop as tiles no larger than `tile` (height, width)."""
    x1, y1, x2, y2 = crop
    if x2 - x1 <= tile[1] and y2 - y1 <= tile[0]:
        return [tuple(crop)]
    size = math.ceil(y2 - y1), math.ceil(x2 - x1)
    return [(x1 + a, y1 + b, x1 + c, y1 + d) for a, b, c, d in grid(size, tile, OVERLAP)]
