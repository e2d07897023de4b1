"""What a converter hands to the writer: pictures with their boxes, and the small readers every converter shares."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import InputError

IMAGES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"}
SPLITS = ("train", "val", "test")  # the order in which splits are written and listed
_SPLIT = re.compile(r"(?<![a-z])(train|val|test)(?:val|id|idation|ing|dev)?(?![a-z])")


def _boxes() -> np.ndarray:
    return np.zeros((0, 4))


def _labels() -> np.ndarray:
    return np.zeros(0, int)


@dataclass(frozen=True)
class Record:
    """One picture of a data set, boxes as the source states them (not clipped yet).

    Attributes:
        image: the file.
        name: its path inside the split ("a.jpg", "sequence1/a.jpg").
        width, height: pixels.
        boxes: (N, 4) xyxy, pixels.
        labels: (N,) class index.
        ignore: (K, 4) xyxy, pixels: regions that count neither as object nor as background.
        ignore_labels: (K,) the class a region belongs to (a COCO crowd), -1 for every class.
        id: the picture's number in the source, None where it has none.
    """

    image: Path
    name: str
    width: int
    height: int
    boxes: np.ndarray = field(default_factory=_boxes)
    labels: np.ndarray = field(default_factory=_labels)
    ignore: np.ndarray = field(default_factory=_boxes)
    ignore_labels: np.ndarray = field(default_factory=_labels)
    id: int | None = None


@dataclass
class Dataset:
    """All splits of a data set.

    Attributes:
        names: class names in class order.
        splits: records by split name.
        dropped: by split, how many files the converter left out, by reason.
    """

    names: list[str]
    splits: dict[str, list[Record]]
    dropped: dict[str, Counter] = field(default_factory=dict)

    def drop(self, split: str, reason: str, count: int = 1) -> None:
        """Note that `count` files of `split` were left out."""
        self.dropped.setdefault(split, Counter())[reason] += count


def split_of(name: str) -> str | None:
    """Return "train", "val" or "test" where a file or folder name says so.

    "instances_val2017", "valid" and "VisDrone2019-DET-test-dev" do; "trainval" is train.
    """
    found = _SPLIT.search(name.lower())
    return found.group(1) if found else None


def by_split(paths: Iterable[Path], names: Iterable[str]) -> dict[str, Path]:
    """Sort files or folders into splits by their names; a lone one without a split in its name becomes "train".

    Args:
        paths: files or folders.
        names: the name of each in which the split is looked for.

    Raises:
        InputError: two for one split, or several of which one names no split.
    """
    paths = list(paths)
    found: dict[str, Path] = {}
    for path, name in zip(paths, names, strict=True):
        split = split_of(name) or ("train" if len(paths) == 1 else None)
        if split is None:
            raise InputError(f"cannot tell the split of {path}: put train, val or test in its name")
        if split in found:
            raise InputError(f"two sources for split {split!r}: {found[split]} and {path}; keep one of them")
        found[split] = path
    return {s: found[s] for s in SPLITS if s in found}


def image_size(path: Path) -> tuple[int, int]:
    """Return (width, height) in pixels as a viewer shows the picture, reading the header only.

    A camera's rotation tag swaps the two, as the training loader and OpenCV do.
    """
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # satellite scenes are large, and nothing is decoded
    try:
        with Image.open(path) as picture:
            turned = picture.getexif().get(274) in (5, 6, 7, 8)
            return picture.size[::-1] if turned else picture.size
    except (OSError, ImportError) as e:  # ultralytics' opener asks for a HEIF package when a file is no picture
        raise InputError(f"cannot read image {path}: {e}") from None
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def list_images(folder: Path) -> list[Path]:
    """Return the image files under `folder`, sub-folders included, sorted."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGES)


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file; raise InputError where it is missing or is no text."""
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        reason = e.strerror if isinstance(e, OSError) else "not a UTF-8 text file"
        raise InputError(f"cannot read {path}: {reason}") from None


def existing_folder(path: str | Path, what: str) -> Path:
    """Return `path` as a Path; raise InputError when no such folder exists."""
    path = Path(path).expanduser()
    if not path.is_dir():
        raise InputError(f"{what} not found: there is no folder {path}")
    return path
