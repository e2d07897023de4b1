"""A data set as a check sees it: what is wrong with its lists is kept instead of ending the reading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...data_file import NEEDED, find_file, read_data_file
from ...errors import InputError
from ...image_files import Found
from .samples import Problem


@dataclass(frozen=True)
class Listing:
    """What a data.yaml points at.

    Attributes:
        file: the data.yaml.
        root: the folder its paths start from.
        names: class names in class order.
        splits: image files by split.
        annotations: COCO JSON by split, where the data.yaml names one.
        absent: by split, (list file, row, image) of every image that a list names and that does not exist.
        left_out: files that are no pictures of it in spite of their suffix, by reason.
        untested: why the test split, which training does not read, cannot be; "" where it can, or is not named.
        channels: bands that the network reads.
    """

    file: Path
    root: Path
    names: list[str]
    splits: dict[str, list[Path]]
    annotations: dict[str, Path]
    absent: dict[str, list[tuple[Path, int, Path]]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    untested: str = ""
    channels: int = 3


def read_listing(data: str | Path) -> Listing:
    """Find and read a data.yaml and list the pictures of its splits.

    Args:
        data: a data.yaml, the folder that holds it, or a name in cfg/datasets.

    Raises:
        InputError: no such data set, no `names`, no split, or a train or val that is neither folder nor list.
    """
    file = read_data_file(find_file(data))
    found: dict[str, Found] = {}
    untested = ""
    for split in file.splits:
        try:
            found[split] = file.found(split)
        except InputError as error:
            if split in NEEDED:
                raise
            untested = str(error)
    named = file.content.get("annotations")
    annotations = {s: file.root / str(p) for s, p in (named if isinstance(named, dict) else {}).items()}
    images = {split: one.images for split, one in found.items()}
    absent = {split: one.absent for split, one in found.items() if one.absent}
    left_out = sum((one.left_out for one in found.values()), Counter())
    return Listing(file.file, file.root, file.names, images, annotations, absent, left_out, untested, file.channels)


def check_listing(listing: Listing) -> Iterator[Problem]:
    """Yield what keeps a run from starting on a data set, however good its pictures are."""
    for entries in listing.absent.values():
        yield from (Problem("absent", file, row, f"there is no {image}") for file, row, image in entries)
    for split in (*NEEDED, *(s for s in listing.splits if s not in NEEDED)):
        if split not in listing.splits:
            yield Problem("no pictures", listing.file, None, f"it names no split {split!r}")
        elif not listing.splits[split]:
            yield Problem("no pictures", listing.file, None, f"{split} holds none")
    if listing.untested:
        yield Problem("no test", listing.file, None, listing.untested.removeprefix(f"{listing.file} "))
