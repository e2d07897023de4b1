"""Pictures that show part of one another: crops of one scene, whatever their names.

Found by points that lie where the picture puts them, not where a grid does: strongest places of a difference of
Gaussians, each described by 128 brightness comparisons round it. Pictures of two splits whose points agree in look and
in one shift are laid over each other by that shift, and told where the pixels of the shared region correlate. A crop
that was turned, mirrored or resized is not found, nor one with little of it shared or nothing in it to hold on to.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from ...data_file import SPLITS
from .samples import Problem

Progress = Callable[[str, int, int], None]
LONGEST = 1024  # pixels of a median picture's longer side; larger ones are looked at by a half, a quarter or an eighth
RADIUS, LEAST = 12, 2.0  # pixels to the next stronger point at least; grey levels that it stands out by
MOST = 400  # points of a picture
GRID = (np.arange(8) - 3.5) * 4  # where a point's surroundings are sampled, pixels from it
BORDER = 16
PAIRS = np.random.default_rng(0).permuted(np.tile(np.arange(64), (128, 1)), axis=1)[:, :2]  # compared samples
WORDS = 5  # of 24 bits, one of which has to agree
COMMON = 40  # points of the other splits with one word; above, it says nothing
APART = 24  # of 128 bits that may differ
ONES = np.unpackbits(np.arange(1 << 16, dtype=np.uint16).view(np.uint8).reshape(-1, 2), axis=1).sum(1, dtype=np.uint8)
VOTES, STEP = 4, 4  # points that agree in a shift, and pixels it is rounded to
TRIED = 3  # pictures laid over one
FLAT = 0.5  # grey levels of details; with less there is nothing to compare
SHARE, SIDE = 0.1, 48  # least share and side (pixels) of what two pictures share
ALIKE = 0.4  # least correlation of the details there: pairs of HIT-UAV above it show one place, as far as looked at


@dataclass(frozen=True)
class Points:
    """Points of several pictures.

    Attributes:
        picture: (N,) index of the picture.
        place: (N, 2) x, y, pixels of the reduced picture.
        bits: (N, 16) uint8, 128 comparisons.
    """

    picture: np.ndarray
    place: np.ndarray
    bits: np.ndarray

    def words(self) -> np.ndarray:
        """(WORDS, N) 24 bits each."""
        parts = self.bits[:, : 3 * WORDS].reshape(-1, WORDS, 3).astype(np.int64)
        return (parts @ [65536, 256, 1]).T


def overlaps(splits: Mapping[str, Sequence[tuple[Path, tuple[int, int]]]], told: set[Path]) -> Iterator[Problem]:
    """Yield every picture that shows part of one of an earlier split: the one most alike, and how many seem to be.

    Args:
        splits: (file, (width, height)) of the pictures that can be read, by split.
        told: pictures of which it is known already.
    """
    if sum(map(bool, splits.values())) < 2:
        return
    factor = factor_of([size for pictures in splits.values() for _, size in pictures])
    files = [file for s in SPLITS for file, _ in splits.get(s, ())]
    of = np.array([i for i, s in enumerate(SPLITS) for _ in splits.get(s, ())])
    for picture, others in _candidates(read_points(files, factor), of).items():
        if files[picture] in told:
            continue
        for other, shift in others[:TRIED]:
            share = shared(files[picture], files[other], shift, factor)
            if share:
                more = f"; {len(others) - 1} more may" if others[1:] else ""
                note = f"{share:.0%} of it is in {files[other]} ({SPLITS[of[other]]}){more}"
                yield Problem("overlap", files[picture], None, note)
                break


def join_overlapping(
    files: Sequence[Path],
    sizes: Sequence[tuple[int, int]],
    joined: Callable[[int, int], bool],
    join: Callable[[int, int], None],
    progress: Progress | None = None,
) -> None:
    """Join all pictures of one set that show part of one another.

    Two different numbers differ in a bit, so passes for each bit of their places, which compare those with it and those
    without, see every two pictures. There are two for a bit: what is too common to tell anything in one picture (see
    `COMMON`) may tell something in the other.

    Args:
        files, sizes: the pictures, and (width, height) of each.
        joined: whether two, by place, are together already; these are not looked at.
        join: called with the places of two that share pixels.
        progress: called with ("compare", done, total) after each pass.
    """
    factor = factor_of(sizes)
    points, places = read_points(files, factor), np.arange(len(files))
    tried: set[tuple[int, int]] = set()
    bits = max(len(files) - 1, 0).bit_length()
    for bit in range(bits):
        with_bit = places >> bit & 1
        for picture, others in (*_candidates(points, with_bit).items(), *_candidates(points, 1 - with_bit).items()):
            for other, shift in others:
                if (picture, other) in tried or joined(picture, other):
                    continue
                tried.add((picture, other))
                if shared(files[picture], files[other], shift, factor):
                    join(picture, other)
        if progress:
            progress("compare", bit + 1, bits)


def factor_of(sizes: Sequence[tuple[int, int]]) -> int:
    """What pictures of (width, height) are reduced by before they are looked at: 1, 2, 4 or 8."""
    longer = np.median([max(size) for size in sizes]) if len(sizes) else 0
    return next((f for f in (1, 2, 4) if longer <= LONGEST * f), 8)


def read_points(files: Sequence[Path], factor: int) -> Points:
    """The points of pictures, reduced by `factor`."""
    with ThreadPoolExecutor(min(8, (os.cpu_count() or 1) + 1)) as pool:
        found = list(pool.map(partial(_points, factor=factor), files))
    return Points(
        np.repeat(np.arange(len(files)), [len(place) for place, _ in found]),
        np.concatenate([place for place, _ in found]),
        np.concatenate([bits for _, bits in found]),
    )


def _points(file: Path, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """Places (n, 2) and bits (n, 16) of a picture's points."""
    grey = read_grey(file, factor)
    if grey is None or min(grey.shape) <= 2 * BORDER:
        return np.zeros((0, 2), np.int32), np.zeros((0, 16), np.uint8)
    fine = cv2.GaussianBlur(grey, (0, 0), 2)
    stands = np.abs(fine - cv2.GaussianBlur(grey, (0, 0), 4))
    top = (stands >= cv2.dilate(stands, np.ones((2 * RADIUS + 1,) * 2, np.uint8))) & (stands > LEAST)
    y, x = np.nonzero(top[BORDER:-BORDER, BORDER:-BORDER])
    x, y = x + BORDER, y + BORDER
    best = np.argsort(-stands[y, x], kind="stable")[:MOST]
    x, y = x[best], y[best]
    step = np.round(GRID).astype(int)
    samples = fine[(y[:, None] + step)[:, :, None], (x[:, None] + step)[:, None, :]].reshape(len(x), 64)
    bits = np.packbits(samples[:, PAIRS[:, 0]] > samples[:, PAIRS[:, 1]], axis=1)
    return np.stack((x, y), 1).astype(np.int32).reshape(-1, 2), bits.reshape(-1, 16)


def read_grey(file: Path, factor: int = 1) -> np.ndarray | None:
    """(H, W) float32 grey values 0..255, reduced by 1, 2, 4 or 8, deeper ones stretched; None where OpenCV cannot."""
    reduced = {1: cv2.IMREAD_GRAYSCALE, 2: cv2.IMREAD_REDUCED_GRAYSCALE_2, 4: cv2.IMREAD_REDUCED_GRAYSCALE_4}
    flags = reduced.get(factor, cv2.IMREAD_REDUCED_GRAYSCALE_8)
    try:
        grey = cv2.imdecode(np.fromfile(file, np.uint8), flags | cv2.IMREAD_ANYDEPTH)
    except (OSError, cv2.error):
        return None
    if grey is None or grey.dtype == np.uint8:
        return None if grey is None else grey.astype(np.float32)
    grey = np.nan_to_num(grey.astype(np.float32), posinf=0, neginf=0)
    low, high = np.quantile(grey, (0.001, 0.999))
    return ((grey - low) * (255 / max(high - low, 1e-9))).clip(0, 255).astype(np.float32)


def _candidates(points: Points, of: np.ndarray) -> dict[int, list[tuple[int, tuple[int, int]]]]:
    """By picture: those of earlier splits whose points agree with its own in one shift (x, y), most votes first.

    Args:
        points: of all pictures.
        of: (P,) split of each picture.
    """
    found: dict[int, list[tuple[int, tuple[int, int], int]]] = {}
    split = of[points.picture]
    for later in np.unique(of)[1:]:
        mine, theirs = np.flatnonzero(split == later), np.flatnonzero(split < later)
        a, b = _alike(points, mine, theirs)
        shift = points.place[b] - points.place[a]
        for half in (0, STEP // 2):  # a shift on the bound of two steps would share its votes between them
            for one, two, mean, votes in _votes(points.picture[a], points.picture[b], shift, half):
                found.setdefault(one, []).append((two, mean, votes))
    best: dict[int, list[tuple[int, tuple[int, int]]]] = {}
    for picture, others in found.items():
        ordered = sorted(others, key=lambda one: one[2])
        each = {other: (shift, votes) for other, shift, votes in ordered}  # the shift with most votes is last
        best[picture] = [(o, s) for o, (s, _) in sorted(each.items(), key=lambda pair: -pair[1][1])]
    return best


def _votes(
    a: np.ndarray, b: np.ndarray, shift: np.ndarray, half: int
) -> Iterator[tuple[int, int, tuple[int, int], int]]:
    """Pictures of which `VOTES` pairs of points or more agree in a shift: both, its mean, and how many.

    Args:
        a, b: (N,) the pictures of each pair.
        shift: (N, 2) from the one to the other, pixels.
        half: what is added before it is rounded.
    """
    if not len(a):
        return
    cell = (shift + half) // STEP
    low, wide = cell.min(0), np.ptp(cell, axis=0) + 1
    # One number for a row: unique rows take ten times as long.
    number = ((a * (b.max() + 1) + b) * wide[0] + cell[:, 0] - low[0]) * wide[1] + cell[:, 1] - low[1]
    _, first, inverse, votes = np.unique(number, return_index=True, return_inverse=True, return_counts=True)
    mean = np.stack([np.bincount(inverse, shift[:, k], len(first)) / votes for k in (0, 1)], 1).round()
    for i in np.flatnonzero(votes >= VOTES):
        yield int(a[first[i]]), int(b[first[i]]), (int(mean[i, 0]), int(mean[i, 1])), int(votes[i])


def _alike(points: Points, mine: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of points, of `mine` and of `theirs`, that look alike."""
    words, pairs = points.words(), [np.zeros(0, np.int64)]
    total, sixteens = len(points.picture), np.ascontiguousarray(points.bits).view(np.uint16)
    for word in words:
        order = theirs[np.argsort(word[theirs], kind="stable")]
        first, last = (np.searchsorted(word[order], word[mine], side) for side in ("left", "right"))
        count = np.where(last - first <= COMMON, last - first, 0)
        a = np.repeat(mine, count)
        b = order[np.arange(len(a)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)]
        apart = ONES[sixteens[a] ^ sixteens[b]].sum(1, dtype=np.uint8)
        pairs.append((a * total + b)[apart <= APART])
    ordered = np.sort(np.concatenate(pairs))
    unique = ordered[np.diff(ordered, prepend=-1) > 0]  # np.unique hashes, which takes sixty times as long
    return unique // total, unique % total


def shared(file: Path, other: Path, shift: tuple[int, int], factor: int = 1) -> float:
    """How much of a picture another one shows at a shift; 0 where it is little, or not the same there.

    Args:
        file, other: the pictures.
        shift: a place x, y of the first is x + shift[0], y + shift[1] in the other, up to four pixels.
        factor: what both are reduced by, see `read_grey`; the shift is in pixels of these.
    """
    a, b = read_grey(file, factor), read_grey(other, factor)
    if a is None or b is None:
        return 0.0
    (h, w), (height, width), (dx, dy) = a.shape, b.shape, shift
    x1, y1, x2, y2 = max(0, -dx), max(0, -dy), min(w, width - dx), min(h, height - dy)
    share = max(x2 - x1, 0) * max(y2 - y1, 0) / (w * h)
    if share < SHARE or min(x2 - x1, y2 - y1) < SIDE:
        return 0.0
    inner = _details(a[y1:y2, x1:x2])[STEP:-STEP, STEP:-STEP]
    if inner.std() < FLAT:
        return 0.0
    alike = cv2.matchTemplate(_details(b[y1 + dy : y2 + dy, x1 + dx : x2 + dx]), inner, cv2.TM_CCOEFF_NORMED)
    return share if alike.max() >= ALIKE else 0.0


def _details(grey: np.ndarray) -> np.ndarray:
    """What is smaller than about 20 px: light and shade over a whole picture make other places look alike."""
    return cv2.GaussianBlur(grey, (0, 0), 1) - cv2.GaussianBlur(grey, (0, 0), 8)
