"""Training on the crops that inference will look at: what a tile of a picture is to training, whoever chose it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from ...errors import InputError, number
from ...ignore import IgnoreKind, is_region, to_index
from ..tile import Tile

MIN_VISIBLE_SHARE = 0.1  # share of an object below which what is left of it says nothing
SHARE_ROUNDING = 0.01  # shares in a label file carry rounding: an object is whole from 0.99 on
MAX_SCALE = 16  # network pixels per pixel of the file


@dataclass(frozen=True)
class ObjectCrop:
    """A tile of a picture and the labels in it.

    Attributes:
        tile: where it lies and how large it is shown.
        boxes: (n, 4) xywh as shares of the tile.
        cls: (n, 1) class; ignore regions as in `TinyDataset`.
    """

    tile: Tile
    boxes: np.ndarray
    cls: np.ndarray

    @property
    def scale(self) -> float:
        """Network pixels per pixel of the file."""
        return self.tile.shown[0] / self.tile.w


class TileSampler:
    """What grids and clusters share: how often, how large, and what becomes of the objects that a tile cuts.

    Args:
        probability: how often a picture gives way to one of its tiles.
        scale: network pixels per pixel of the file, or "auto", which each kind of tile explains.
        keep: an object counts, cut to the tile, when at least this share of its area lies inside; with less it is an
            ignore region, and under a tenth it goes.

    Attributes:
        together: share of the tiles in whose place an input full of small object crops is seen, which `fitted` chooses.
        advice: what slicers are told of a detector trained so, beside what is measured; see `slicing.Slicer.adapt`.

    Raises:
        InputError: a value out of range.
    """

    together = 0.0
    advice: Mapping[str, float] = MappingProxyType({})

    def __init__(self, probability: float, scale: float | str, keep: float):
        self.probability = number(probability, "crop_train: probability", 0, 1)
        self.scale = None if scale == "auto" else number(scale, "crop_train: scale", 0, MAX_SCALE, "(]", "1.0, or auto")
        self.keep = number(keep, "crop_train: keep", 0, 1)
        if not self.keep:
            raise InputError("crop_train: keep=0 would call a corner of an object the object; 0.7 is usual")

    def check(self, imgsz: int) -> None:
        """Raise InputError for a setting that an input of `imgsz` pixels has no room for."""

    def sample_tile(self, file: str, boxes: np.ndarray, size: tuple[int, int], room: tuple[int, int], rng: Any) -> Any:
        """Choose a tile.

        Args:
            file: the picture's name.
            boxes: (n, 4) xyxy of its objects, pixels of the file.
            size: (height, width) of the picture, pixels of the file.
            room: (height, width) of the network input.
            rng: `random`, or one `random.Random`.

        Returns:
            A `Tile`, or None for a picture that is better seen whole.
        """
        raise AssertionError("a kind of tile without a choice")

    def fitted(self, file: str, boxes: np.ndarray, size: tuple[int, int], room: tuple[int, int], rng: Any) -> Tile:
        """Choose a small object crop, of which several are seen on one input; see `sample_tile`."""
        raise AssertionError("a kind of tile without small object crops")

    def choose(
        self,
        label: dict[str, Any],
        size: tuple[int, int],
        room: tuple[int, int],
        nc: int,
        rng: Any,
        small: bool = False,
    ) -> Any:
        """A tile of a picture, a `small` object crop if wanted, or None for the whole picture.

        Args:
            label: `im_file`, `bboxes` (n, 4) xywh as shares of the picture, `cls` (n, 1).
            size: (height, width) of the picture, pixels of the file.
            room: (height, width) of the network input.
            nc: number of classes; `nc` and above are ignore regions.
            rng: `random`, or one `random.Random`.
            small: an object crop of which several are seen on one input.
        """
        objects = label["bboxes"][~is_region(label["cls"][:, 0], nc)] * np.tile(size[::-1], 2)
        corners = np.concatenate((objects[:, :2] - objects[:, 2:] / 2, objects[:, :2] + objects[:, 2:] / 2), 1)
        return (self.fitted if small else self.sample_tile)(label["im_file"], corners, size, room, rng)

    def cut(self, label: dict[str, Any], size: tuple[int, int], tile: Tile, nc: int) -> ObjectCrop:
        """A tile of a picture with its labels; see `choose` for the arguments."""
        return ObjectCrop(tile, *inside(label["bboxes"] * np.tile(size[::-1], 2), label["cls"], tile, nc, self.keep))


def inside(boxes: np.ndarray, cls: np.ndarray, tile: Tile, nc: int, keep: float) -> tuple[np.ndarray, np.ndarray]:
    """Boxes as a tile shows them.

    Args:
        boxes: (n, 4) xywh, pixels of the picture.
        cls: (n, 1); `nc` and above are ignore regions.
        tile: the object crop.
        nc: number of classes.
        keep: share of an object that must lie in the tile, see `TileSampler`.

    Returns:
        (m, 4) xywh as shares of the tile, cut to it, and (m, 1) classes.
    """
    low, high = boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2
    corner, size = np.array([tile.x, tile.y]), np.array([tile.w, tile.h])
    cut_low, cut_high = np.clip(low - corner, 0, size), np.clip(high - corner, 0, size)
    sides = cut_high - cut_low
    seen = sides.prod(1) / np.maximum(boxes[:, 2:].prod(1), 1e-9)
    region = is_region(cls[:, 0], nc)
    there = (sides > 0).all(1) & (region | (seen >= MIN_VISIBLE_SHARE))
    torn = (seen < keep - SHARE_ROUNDING) & ~region
    cls = np.where(torn[:, None], to_index(IgnoreKind.EVERY, nc), cls).astype(np.float32)
    xywh = np.concatenate(((cut_low + cut_high) / 2, sides), 1) / np.tile(size, 2)
    return xywh[there].astype(np.float32), cls[there]
