"""Where training looks in a picture: at random tiles of a grid's size, or at clusters of objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ...errors import InputError, number
from ...ops.gaussian import draw_gaussians, gaussian_radius
from ..slicers import LSM
from ..tile import Tile
from .base import TileSampler

CLUSTER_ZOOM = 1.5  # a cluster beside the whole picture, as in YOLC's inference
MAX_SIDE_PX = 1 << 16  # pixels


class GridSampler(TileSampler):
    """Tiles of the size that a grid's tiles have, at random places. A picture that one tile covers is seen whole.

    Args:
        probability, keep: see `TileSampler`.
        tile: side of a tile, pixels of the file; "auto" for as much as the network input shows at `scale`.
        scale: network pixels per pixel of the file; "auto" for 1, the file's own pixels, or where `tile` is given for a
            tile that fills the input.
        objects: share of the tiles that hold an object, chosen at random, so crowded places come more often; the
            others lie anywhere and are often empty.
    Raises:
        InputError: a value out of range.
    """

    def __init__(
        self,
        probability: float = 0.5,
        tile: int | str = "auto",
        scale: float | str = "auto",
        keep: float = 0.7,
        objects: float = 0.8,
    ):
        super().__init__(probability, scale, keep)
        pixels = None if tile == "auto" else number(tile, "crop_train: tile", 0, MAX_SIDE_PX, "(]", "640, or auto")
        self.tile = None if pixels is None else round(pixels)
        self.objects = number(objects, "crop_train: objects", 0, 1)

    def check(self, imgsz: int) -> None:
        """Raise InputError for a tile that the input cannot show at this scale."""
        if self.tile and self.scale and (shown := self.tile * self.scale) > imgsz:
            raise InputError(
                f"crop_train: tile={self.tile} at scale={self.scale} is {shown:.0f} px and imgsz is {imgsz}; "
                f"write scale={imgsz / self.tile:.3g} or leave one of them out"
            )

    def shown(self, room: tuple[int, int]) -> float:
        """Network pixels per pixel of the file, on an input of `room` (h, w)."""
        return self.scale or (max(room) / self.tile if self.tile else 1.0)

    def sample_tile(self, file: str, boxes: np.ndarray, size: tuple[int, int], room: tuple[int, int], rng: Any) -> Any:
        """A tile round an object, or anywhere; see `TileSampler.sample_tile`."""
        scale = self.shown(room)
        sides = [
            min(round(side / scale), self.tile or MAX_SIDE_PX, length) for side, length in zip(room, size, strict=True)
        ]
        if sides == list(size):
            return None
        one = boxes[rng.randrange(len(boxes))] if len(boxes) and rng.random() < self.objects else None
        y, x = (_start(None if one is None else one[1 - axis :: 2], sides[axis], size[axis], rng) for axis in (0, 1))
        return placed(x, y, sides[1], sides[0], scale, room)


class ClusterSampler(TileSampler):
    """Clusters of objects, enlarged, found as in inference, in the heat map that the labels ask for.

    The tile grows about its cluster to what fills the network input at this scale; a cluster too large for that is
    shown smaller. A picture without a cluster is seen whole.

    Args:
        probability, keep: see `TileSampler`.
        scale: network pixels per pixel of the file; "auto" for 1.5 times that of the whole picture, as in YOLC.
        k: the largest clusters of a picture, of which one is drawn.
        grid, top_k, threshold, enlarge, min_area: see `slicing.LSMConfig`.
    Raises:
        InputError: a value out of range.
    Source: Liu et al. 2024 (YOLC), section IV-B, where one crop per picture is written to disk.
    """

    def __init__(
        self,
        probability: float = 0.5,
        scale: float | str = "auto",
        keep: float = 0.7,
        k: int = 1,
        grid: tuple[int, int] = (16, 10),
        top_k: int = 50,
        threshold: float = 0.09,
        enlarge: float = 1.2,
        min_area: float = 96**2,
    ):
        super().__init__(probability, scale, keep)
        self.slicer = LSM(k, grid, top_k, threshold, enlarge, min_area)
        self.known: dict[str, list[np.ndarray]] = {}

    def sample_tile(self, file: str, boxes: np.ndarray, size: tuple[int, int], room: tuple[int, int], rng: Any) -> Any:
        """One of the largest clusters; see `TileSampler.sample_tile`."""
        whole = max(room) / max(size)
        if file not in self.known:
            self.known[file] = self.clusters(boxes * whole, (round(size[0] * whole), round(size[1] * whole)))
        if not self.known[file]:
            return None
        crop = rng.choice(self.known[file]) * np.tile(size[::-1], 2)
        return fill(crop, size, self.scale or CLUSTER_ZOOM * whole, room)

    def clusters(self, boxes: np.ndarray, size: tuple[int, int]) -> list[np.ndarray]:
        """Clusters of a picture.

        Args:
            boxes: (n, 4) xyxy of its objects, pixels of a map.
            size: (height, width) of that map.
        Returns:
            Each (4,) xyxy, as shares of the picture.
        """
        limit = torch.tensor([size[1] - 1, size[0] - 1])
        corners = torch.from_numpy(boxes).float().view(-1, 4)
        centre = torch.minimum(((corners[:, :2] + corners[:, 2:]) / 2).long().clamp(min=0), limit)
        radius = gaussian_radius(corners[:, 2:] - corners[:, :2]).long()
        heat = draw_gaussians(1, size, torch.zeros(len(boxes), dtype=torch.long), centre, radius)
        return [np.array(c) / np.tile(size[::-1], 2) for c in self.slicer(heat[0].numpy())]


def fill(crop: np.ndarray, size: tuple[int, int], scale: float, room: tuple[int, int]) -> Tile:
    """The tile round a crop that fills an input, as far as the picture goes.

    Args:
        crop: (4,) xyxy, pixels of the picture.
        size: (height, width) of the picture.
        scale: network pixels per pixel of the picture, at most.
        room: (height, width) of the input.
    """
    sides = [
        min(max(round(crop[3 - axis] - crop[1 - axis]), round(room[axis] / scale), 1), size[axis]) for axis in (0, 1)
    ]
    y, x = (min(max(round((crop[1 - a] + crop[3 - a] - sides[a]) / 2), 0), size[a] - sides[a]) for a in (0, 1))
    return placed(x, y, sides[1], sides[0], min(scale, room[0] / sides[0], room[1] / sides[1]), room)


def placed(x: int, y: int, w: int, h: int, scale: float, room: tuple[int, int]) -> Tile:
    """A tile shown at a scale, never larger than `room` (h, w)."""
    return Tile(x, y, w, h, (min(max(round(w * scale), 1), room[1]), min(max(round(h * scale), 1), room[0])))


def _start(span: np.ndarray | None, side: int, length: int, rng: Any) -> int:
    """Where a tile of `side` begins on an axis of `length`; with a `span` (low, high) so that it lies inside."""
    low, high = 0, length - side
    if span is not None:
        first, last = max(int(np.ceil(span[1])) - side, 0), min(int(span[0]), length - side)
        if first > last:  # longer than the tile: show its middle
            first = last = min(max(round((span[0] + span[1] - side) / 2), 0), length - side)
        low, high = first, last
    return rng.randint(low, high)
