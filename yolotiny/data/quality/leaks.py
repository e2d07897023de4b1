"""Pictures that are in two splits: the same file, nearly the same picture, or frames of one video.

`overlaps` finds parts of pictures, `tile_names` what the names of tiles and copies tell.

Nearly the same means two things at once: the signs of brightness steps agree (a difference hash of 256 bits), and so do
the grey values of a 32x32 thumbnail. The hash alone trips over flat pictures, whose signs are noise, and the thumbnail
alone over dim pictures with one bright corner. On HIT-UAV (infrared, 290 val against 1,200 train pictures) no pair of
two different series lies within the limits below, and 81 val pictures have a train picture that does. A picture that
was turned by quarters or mirrored is the same one: training shows it so.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ...data_file import SPLITS
from .samples import Problem
from .tile_names import tile_of, without_copy

BITS = 256
APART = 32  # bits that may differ
ALIKE = 0.9  # least correlation of the thumbnails
BLOCK = 512  # pictures compared at once
QUARTERS = ("", "turned by 90 degrees", "turned by 180 degrees", "turned by 270 degrees")


@dataclass(frozen=True)
class Fingerprint:
    """What is left of a picture for comparing it.

    Attributes:
        image: the file.
        split: its split.
        digest: of the file's bytes.
        steps: (2, 16, 16) signs of the steps of brightness to the right in a 17x16 thumbnail, and downwards in a 16x17
            one; a turned picture has the same, turned.
        thumb: (1024,) grey values of a 32x32 thumbnail, mean 0, length 1 (all 0 for a flat picture).
    """

    image: Path
    split: str
    digest: bytes
    steps: np.ndarray
    thumb: np.ndarray


def fingerprint(picture: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """Return `steps` (2, 16, 16) and `thumb` (1024,) of a picture of any mode, see `Fingerprint`; this decodes it."""
    values = np.asarray(picture) if picture.mode[0] in "IF" else None  # 16 and 32 bits: `convert` would cut them off
    if values is not None:
        low, high = float(values.min()), float(values.max())
        picture = Image.fromarray(((values - low) * (255 / (high - low or 1))).astype(np.uint8))
    grey = picture.convert("L")
    wide, tall = (np.asarray(grey.resize(size, Image.Resampling.BOX), np.int16) for size in ((17, 16), (16, 17)))
    thumb = np.asarray(grey.resize((32, 32), Image.Resampling.BOX), np.float32).ravel()
    thumb = thumb - thumb.mean()
    steps = np.sign(np.stack((np.diff(wide, axis=1), np.diff(tall, axis=0)))).astype(np.int8)
    return steps, (thumb / (np.linalg.norm(thumb) + 1e-6)).astype(np.float32)


def bits_of(steps: np.ndarray) -> np.ndarray:
    """(..., 2, 16, 16) steps -> (..., 256) +1 where brightness grows to the right, else -1."""
    return np.where(steps[..., 0, :, :] > 0, 1, -1).reshape(*steps.shape[:-3], BITS).astype(np.float32)


def orientations(steps: np.ndarray, thumbs: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Pictures as they are, turned by quarters, and mirrored.

    Args:
        steps: (N, 2, 16, 16), see `Fingerprint`.
        thumbs: (N, 1024).

    Yields:
        How they lie, in words; (N, 256) their bits and (N, 1024) thumbnails.
    """
    thumbs = thumbs.reshape(-1, 32, 32)
    for mirrored in ("", "mirrored"):
        for turned in QUARTERS:
            words = " and ".join(filter(None, (mirrored, turned)))
            yield words, bits_of(steps), thumbs.reshape(-1, 1024)
            right, down = np.rot90(steps, axes=(2, 3)).transpose(1, 0, 2, 3)
            steps, thumbs = np.stack((down, -right), 1), np.rot90(thumbs, axes=(1, 2))
        right, down = steps[..., ::-1].transpose(1, 0, 2, 3)
        steps, thumbs = np.stack((-right, down), 1), thumbs[..., ::-1]


def identical(prints: Sequence[Fingerprint]) -> Iterator[Problem]:
    """Yield every picture whose file equals an earlier one's, byte for byte."""
    first: dict[bytes, Fingerprint] = {}
    for one in prints:
        other = first.setdefault(one.digest, one)
        if other is not one:
            kind = "twin" if other.split == one.split else "leak"
            yield Problem(kind, one.image, None, f"the same as {other.image} ({other.split})")


def near(prints: Sequence[Fingerprint]) -> Iterator[Problem]:
    """Yield every picture that nearly equals one of an earlier split: the nearest one, and how many there are.

    It is compared as it is and, where that finds none, in the seven other ways to lay it.
    """
    for (a, earlier), (_, later) in _split_pairs(prints):
        known = {p.digest for p in earlier}
        later = [p for p in later if p.digest not in known]  # those are reported as identical
        bits, thumbs = bits_of(np.array([p.steps for p in earlier])), np.array([p.thumb for p in earlier])
        for start in range(0, len(later), BLOCK):
            block = later[start : start + BLOCK]
            found: dict[int, str] = {}
            seen = np.array([p.steps for p in block]), np.array([p.thumb for p in block])
            for words, ours, looks in orientations(*seen):
                apart = (BITS - ours @ bits.T) / 2
                match = apart <= APART
                rows, columns = np.flatnonzero(match.any(1)), np.flatnonzero(match.any(0))  # few, as a rule
                match[np.ix_(rows, columns)] &= looks[rows] @ thumbs[columns].T >= ALIKE
                for i in set(np.flatnonzero(match.any(1)).tolist()) - found.keys():
                    j = int(np.where(match[i], apart[i], BITS).argmin())
                    more = f", and {match[i].sum() - 1} more" if match[i].sum() > 1 else ""
                    where = f"{earlier[j].image} ({a}){words and f', {words},'}"
                    found[i] = f"{where} differs by {apart[i, j]:.0f} of {BITS} bits{more}"
            yield from (Problem("near leak", block[i].image, None, found[i]) for i in sorted(found))


def sequences(images: Mapping[str, Sequence[Path]]) -> Iterator[Problem]:
    """Yield one problem for each video whose frames are in two splits, as far as the names tell.

    A video is what precedes the last number of a name ("0_100_30_0_" of "0_100_30_0_03306.jpg"); tiles of a scene are
    told by `tile_names.scenes`. Names that all begin
    alike ("img_0001") say nothing, nor does a name that is a number alone.

    Args:
        images: image files by split.
    """
    videos: dict[str, dict[str, list[tuple[int, Path]]]] = defaultdict(lambda: defaultdict(list))
    for split, paths in images.items():
        for path in paths:
            found = re.fullmatch(r"(.*?[^0-9])([0-9]{1,12})", without_copy(path.stem))
            if found and not tile_of(path):  # whose last number is no time
                videos[found[1]][split].append((int(found[2]), path))
    if len(videos) < 2:
        return
    for name, by_split in videos.items():
        splits = [s for s in SPLITS if s in by_split]
        for later in splits[1:]:
            others = [pair for s in splits[: splits.index(later)] for pair in by_split[s]]
            theirs, ours = (np.array([n for n, _ in pairs]) for pairs in (others, by_split[later]))
            nearest = [int(np.abs(theirs - n).argmin()) for n in ours]
            i = int(np.abs(theirs[nearest] - ours).argmin())
            other = others[nearest[i]][1]
            counts = ", ".join(f"{len(by_split[s])} in {s}" for s in splits)
            note = f"frames {name}*: {counts}; nearest is {other.name}, {abs(theirs[nearest[i]] - ours[i])} away"
            yield Problem("sequence", by_split[later][i][1], None, note)


def _split_pairs(prints: Sequence[Fingerprint]) -> Iterator[tuple]:
    """Every two splits, the earlier one first."""
    groups = [(s, [p for p in prints if p.split == s]) for s in SPLITS]
    groups = [(s, g) for s, g in groups if g]
    for i, first in enumerate(groups):
        for second in groups[i + 1 :]:
            yield first, second
