"""Labels without a picture, and pictures that share their labels."""

from __future__ import annotations

from collections.abc import Iterator

from ...image_files import IMAGES, sharing, side_file
from .listing import Listing
from .samples import Problem

NOT_LABELS = {"classes.txt", "readme.txt", "notes.txt"}  # text files that often lie among labels


def check_folders(listing: Listing) -> Iterator[Problem]:
    """Yield the pictures that share a label file, and the label and ignore files that have no picture.

    A picture counts as there when it lies in the folder, whether a list names it or not.
    """
    for first, image in sharing(image for images in listing.splits.values() for image in images):
        yield Problem("shared", image, None, f"{side_file(image, 'labels').name} belongs to {first.name} too")
    for folder in dict.fromkeys(image.parent for images in listing.splits.values() for image in images):
        stems = {p.stem for p in folder.iterdir() if p.suffix.lower() in IMAGES}
        for kind in ("labels", "ignore"):
            beside = side_file(folder / "any.jpg", kind).parent
            if beside == folder or not beside.is_dir():  # pictures, labels and lists in one folder: nothing to tell
                continue
            for file in sorted(beside.glob("*.txt")):
                if file.stem not in stems and file.name.lower() not in NOT_LABELS:
                    yield Problem("no picture", file)
