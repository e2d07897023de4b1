"""Training on what `crops=auto` looks at: small object crops fitted round objects, many on one input."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from ...errors import number
from ..packing import pack
from ..tile import Tile
from .tiles import GridSampler, placed

CONTEXT_RANGE_PX = 4.0, 14.0  # network pixels round what an object crop is fitted to, each side drawn anew
GROUP_RANGE_PX = 5.0, 60.0  # network pixels within which an object's neighbours belong to the same object crop
SINGLE_OBJECT_SHARE = 0.5  # share of the object crops round objects that are fitted to one object alone
# network pixels of the sides of an object crop without a choice of objects, before its context
EMPTY_SIDE_RANGE_PX = 4.0, 60.0
PITCH_PX = 8  # network pixels: no object crop shares a prior of the usual finest levels with another
CROPS_PER_PICTURE = 1, 4  # object crops of a picture before the next picture's turn
# For crops=auto: a detector that learnt on object crops scores more places, and finds objects with less round them.
ADVICE = MappingProxyType({"crop_threshold": 0.05, "crop_context": 12.0})
FILLED_SHARE = 0.9  # of the input's area is what object crops are chosen for: of more, small ones would be left over


class FittedSampler(GridSampler):
    """Tiles as of a grid, and inputs filled with small object crops fitted round objects, from several pictures.

    An object crop shows an object or a group with little round it, or any place, and whatever is beside it cuts it.
    A detector that learns on them finds with little context what `crops=auto` shows it, and takes several crops on one
    input for what they are.

    An example, at one pixel of the input per pixel of the file and an input of 64x64: an object lies at (100, 100, 110,
    108), is to be shown alone, and gets a context of 6, 6, 10 and 4 px to its left, above, right and below. That makes
    (94, 94, 120, 112), 26x18 px, rounded up to multiples of `PITCH_PX` about the same middle: the object crop at (91,
    91) of 32x24 px. An input full of such crops needs `FILLED_SHARE` of its 4,096 px, so five of 768 px are chosen;
    four find a place, two beside two, and the fifth is left out.

    Args:
        probability, keep, tile, scale, objects: see `GridSampler`; `objects` holds for tiles and object crops.
        pieces: share of the tiles that give way to an input full of object crops.
    Raises:
        InputError: a value out of range.
    """

    advice = ADVICE

    def __init__(
        self,
        probability: float = 0.65,
        pieces: float = 0.6,
        tile: int | str = "auto",
        scale: float | str = "auto",
        keep: float = 0.7,
        objects: float = 0.6,
    ):
        super().__init__(probability, tile, scale, keep, objects)
        self.together = number(pieces, "crop_train: pieces", 0, 1)

    def fitted(self, file: str, boxes: np.ndarray, size: tuple[int, int], room: tuple[int, int], rng: Any) -> Tile:
        """A small object crop round objects, or anywhere; see `TileSampler.sample_tile` for the arguments."""
        scale = self.shown(room)
        if len(boxes) and rng.random() < self.objects:
            one = boxes[rng.randrange(len(boxes))]
            near = 0.0 if rng.random() < SINGLE_OBJECT_SHARE else rng.uniform(*GROUP_RANGE_PX) / scale
            middle = boxes[:, :2] + boxes[:, 2:]
            group = boxes[(np.abs(middle - one[:2] - one[2:]) <= 2 * near).all(1)]
            low, high = group[:, :2].min(0), group[:, 2:].max(0)
        else:
            low = np.array([rng.uniform(0, size[1]), rng.uniform(0, size[0])])
            high = low + [math.exp(rng.uniform(*map(math.log, EMPTY_SIDE_RANGE_PX))) / scale for _ in range(2)]
        span = np.concatenate((low, high)) + [sign * rng.uniform(*CONTEXT_RANGE_PX) / scale for sign in (-1, -1, 1, 1)]
        start, side = [0, 0], [0, 0]
        for axis in (0, 1):  # x, y
            wanted = math.ceil((span[2 + axis] - span[axis]) * scale / PITCH_PX) * PITCH_PX
            side[axis] = max(min(round(min(wanted, room[1 - axis]) / scale), size[1 - axis]), 1)
            middle_ = (span[axis] + span[2 + axis] - side[axis]) / 2
            start[axis] = min(max(int(middle_), 0), size[1 - axis] - side[axis])
        return placed(start[0], start[1], side[0], side[1], scale, room)


@dataclass(frozen=True)
class Placed:
    """An object crop of a picture on an input.

    Attributes:
        picture: its number in the data set.
        tile: what it shows.
        x, y: its upper left corner on the input, pixels.
    """

    picture: int
    tile: Tile
    x: int
    y: int


def side_by_side(
    first: int, pictures: int, choose: Callable[[int], Tile], room: tuple[int, int], rng: Any
) -> list[Placed]:
    """Object crops of a picture, and of others drawn at random, that fill an input.

    Args:
        first: number of the picture that comes first.
        pictures: how many there are.
        choose: chooses an object crop of a picture.
        room: (height, width) of the input.
        rng: `random`, or one `random.Random`.
    """
    chosen: list[tuple[int, Tile]] = []
    picture, area = first, 0
    while area < FILLED_SHARE * room[0] * room[1]:
        for _ in range(rng.randint(*CROPS_PER_PICTURE)):
            chosen.append((picture, choose(picture)))
            area += math.prod(chosen[-1][1].shown)
        picture = rng.randrange(pictures)
    pitched = lambda side, most: min(math.ceil(side / PITCH_PX) * PITCH_PX, most)  # noqa: E731
    sizes = [(pitched(w.shown[1], room[0]), pitched(w.shown[0], room[1])) for _, w in chosen]
    places, _ = pack(sizes, room)
    return [Placed(i, w, x, y) for (i, w), (canvas, x, y) in zip(chosen, places, strict=True) if canvas == 0]
