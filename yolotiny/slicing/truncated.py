"""Objects that the border of a tile cuts: a part is no detection where somebody else saw the whole."""

from __future__ import annotations

import numpy as np

from ..ops.nms import close_pairs

SAME_PART_IOU = 0.5  # IoU from which a part and the visible part of a whole box are the same thing
WEAKER_SCORE_SHARE = 0.5  # a whole box below this share of the part's score does not replace it


def _inner(tiles: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(m, 4) True for sides of tiles that are no border of the image."""
    h, w = size
    return np.concatenate((tiles[:, :2] > 0, tiles[:, 2:] < np.array([w, h], tiles.dtype)), 1)


def at_border(boxes: np.ndarray, tiles: np.ndarray, size: tuple[int, int], reach: np.ndarray) -> np.ndarray:
    """(n, 4) boxes, each seen in a tile of its own -> (n,) True where one ends at an inner border of it.

    Args:
        boxes, tiles: (n, 4) xyxy, pixels of the image.
        size: (height, width) of the image, whose own border cuts nothing, pixels.
        reach: (n,) how near the border is, pixels of the image.
    """
    return np.any(_inner(tiles, size) & (np.abs(boxes - tiles) <= reach[:, None]), axis=1)


def without_border_margin(tiles: np.ndarray, size: tuple[int, int], margins: np.ndarray) -> np.ndarray:
    """Tiles less a margin along their inner borders: where their detections count.

    Args:
        tiles: (m, 4) xyxy, pixels of the image.
        size: (height, width) of the image, pixels; along its own border nothing is taken off.
        margins: (m,) of each tile, pixels of the image.

    Returns:
        (m, 4) xyxy, pixels of the image.
    """
    return tiles + _inner(tiles, size) * margins[:, None] * np.array([1, 1, -1, -1], tiles.dtype)


def centred(boxes: np.ndarray, tiles: np.ndarray) -> np.ndarray:
    """(n, 4) boxes, each with a tile of its own, xyxy pixels -> (n,) True where the middle of one lies in its tile."""
    middle = (boxes[:, :2] + boxes[:, 2:4]) / 2
    return ((middle >= tiles[:, :2]) & (middle < tiles[:, 2:])).all(1)


def _across(rows: np.ndarray, tiles: np.ndarray) -> np.ndarray:
    """(n, 6) rows -> those that lie on a border of any tile: few, and the only ones that can explain a part."""
    boxes, tiles = rows[:, None, :4], tiles[None]
    meets = (boxes[..., :2] < tiles[..., 2:]) & (boxes[..., 2:] > tiles[..., :2])
    leaves = (boxes[..., :2] < tiles[..., :2]) | (boxes[..., 2:] > tiles[..., 2:])
    return rows[np.any(meets.all(-1) & leaves.any(-1), axis=1)]


def drop_truncated(
    coarse: np.ndarray,
    rows: np.ndarray,
    tiles: np.ndarray,
    size: tuple[int, int],
    reach: np.ndarray,
    agnostic: bool = False,
) -> np.ndarray:
    """Which detections of tiles are no parts of objects that another pass or tile shows whole.

    A part ends at an inner border of its tile. It is explained by a box of its class, itself not cut, that reaches
    across that border, whose share inside the tile is the part (IoU of 0.5) and whose score is at least half of the
    part's. A part that nothing explains stays: half an object is better than none.

    Args:
        coarse: (k, 6) rows of the coarse pass, which cuts nothing.
        rows: (n, 6) rows found in tiles, xyxy in pixels of the image, score, class.
        tiles: (n, 4) the tile of each row, xyxy in pixels of the image.
        size: (height, width) of the image, pixels.
        reach: (n,) how near to its tile's border a box is cut, pixels of the image.
        agnostic: a box of any class explains a part.

    Returns:
        (n,) True for rows that stay.
    """
    cut = at_border(rows[:, :4], tiles, size, reach)
    stays = np.ones(len(rows), bool)
    if not cut.any():
        return stays
    whole = _across(np.concatenate((coarse, rows[~cut])), np.unique(tiles[cut], axis=0))
    index = np.flatnonzero(cut)
    stays[index[_explained(rows[index], tiles[index], whole, agnostic)]] = False
    return stays


def _explained(parts: np.ndarray, tiles: np.ndarray, whole: np.ndarray, agnostic: bool) -> np.ndarray:
    """Numbers of the (n, 6) parts, each seen in a tile of its own, that one of the (k, 6) whole boxes explains."""
    both, n = np.concatenate((parts, whole)), len(parts)
    found = [np.zeros(0, np.int64)]
    group = None if agnostic else both[:, 5]
    for i, j in close_pairs(both[:, 0], np.maximum(both[:, 2] - both[:, 0], 0), group):  # overlap in x
        part, other = np.minimum(i, j), np.maximum(i, j)
        mixed = (part < n) & (other >= n)
        part, other = part[mixed], other[mixed]
        for low, high in ((0, 2), (1, 3)):  # half of a part's width and of its height is shared, or less of its area is
            shared = np.minimum(both[part, high], both[other, high]) - np.maximum(both[part, low], both[other, low])
            near = shared >= SAME_PART_IOU * (both[part, high] - both[part, low])
            part, other = part[near], other[near]
        found.append(part[_explains(whole[other - n], parts[part], tiles[part])])
    return np.concatenate(found)


def _explains(whole: np.ndarray, parts: np.ndarray, tiles: np.ndarray) -> np.ndarray:
    """Aligned (k, 6) whole boxes, (k, 6) parts, (k, 4) tiles, pixels -> (k,) True where a whole box explains a part."""
    sure = whole[:, 4] >= WEAKER_SCORE_SHARE * parts[:, 4]
    # A whole box has to reach across the border; one that ends inside is the part's neighbour.
    leaves = np.any((whole[:, :2] < tiles[:, :2]) | (whole[:, 2:4] > tiles[:, 2:]), axis=1)
    low, high = np.maximum(whole[:, :2], tiles[:, :2]), np.minimum(whole[:, 2:4], tiles[:, 2:])
    same = _iou(parts[:, :4], np.concatenate((low, high), 1)) >= SAME_PART_IOU
    return sure & leaves & np.all(low < high, axis=1) & same


def _iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """IoU of aligned boxes, (n, 4) xyxy pixels -> (n,)."""
    shared = np.maximum(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0).prod(1)
    one, two = (np.maximum(x[:, 2:] - x[:, :2], 0).prod(1) for x in (a, b))
    return shared / np.maximum(one + two - shared, 1e-7)
