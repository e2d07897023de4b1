"""How unevenly objects are spread: the share of a picture's area that holds most of them."""

from __future__ import annotations

from functools import cache

import numpy as np

GRID = (16, 10)  # columns and rows, those by which YOLC chooses its crops (Liu et al. 2024)
MOST = 0.9
FEWEST = 10  # objects: with fewer, even an even spread looks like a cluster


def area_of_most(centres: np.ndarray) -> float:
    """The share of a picture's area that holds 90 % of its objects.

    The picture is divided into 16x10 equal cells, and the fullest cells are taken until 90 % of the objects (rounded
    up) lie in them; the result is their number divided by 160.

    Args:
        centres: (N, 2) centres of the objects as shares of the picture, N > 0.
    """
    cells = np.minimum((np.clip(centres, 0, 1) * GRID).astype(int), np.array(GRID) - 1)
    counts = np.sort(np.bincount(cells[:, 0] * GRID[1] + cells[:, 1], minlength=GRID[0] * GRID[1]))[::-1]
    needed = int(np.searchsorted(counts.cumsum(), np.ceil(MOST * len(centres) - 1e-9))) + 1
    return needed / (GRID[0] * GRID[1])


@cache
def area_if_even(n: int, draws: int = 20) -> float:
    """What `area_of_most` is on average for `n` objects scattered evenly by chance."""
    rng = np.random.default_rng(n)
    return float(np.mean([area_of_most(rng.random((n, 2))) for _ in range(draws)]))


def tiles(width: int, height: int, centres: np.ndarray, side: int) -> tuple[int, int]:
    """Lay tiles of `side` pixels over a picture, without overlap; return how many there are and how many hold nothing.

    Args:
        width, height: pixels.
        centres: (N, 2) centres of the objects as shares of the picture.
        side: pixels of the picture.
    """
    columns, rows = -(-width // side), -(-height // side)
    at = np.clip(centres, 0, 1) * [width, height] // side
    at = np.minimum(at, [columns - 1, rows - 1])
    return columns * rows, columns * rows - len(np.unique(at, axis=0))
