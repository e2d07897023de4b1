"""Labels without a picture, and pictures that share their labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..formats.yolo import side_file
from ..records import IMAGES
from .listing import Listing
from .samples import Problem

NOT_LABELS = {"classes.txt", "readme.txt", "notes.txt"}  # text files that often lie among labels


def check_folders(listing: Listing) -> Iterator[Problem]:
    """Yield the pictures that share a label file, and the label and ignore files that have no picture.

    A picture counts as there when it lies in the folder, whether a list names it or not.
    """
    owner: dict[Path, Path] = {}
    for image in dict.fromkeys(image for images in listing.splits.values() for image in images):
        label = side_file(image, "labels")
        if owner.setdefault(label, image) != image:
            yield Problem("shared", image, None, f"{label.name} belongs to {owner[label].name} too")
    for folder in dict.fromkeys(image.parent for images in listing.splits.values() for image in images):
        stems = {p.stem for p in folder.iterdir() if p.suffix.lower() in IMAGES}
        for kind in ("labels", "ignore"):
            beside = side_file(folder / "any.jpg", kind).parent
            if beside == folder or not beside.is_dir():  # pictures, labels and lists in one folder: nothing to tell
                continue
            for file in sorted(beside.glob("*.txt")):
                if file.stem not in stems and file.name.lower() not in NOT_LABELS:
                    yield Problem("no picture", file)
