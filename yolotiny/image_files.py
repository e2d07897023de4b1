"""Which image files a folder or a list means, and where the text file of each lies.

Training, validation, checks and converters ask here, so that all of them see the same pictures.
"""

from __future__ import annotations

import codecs
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .errors import InputError
from .yaml_file import regular_file

IMAGES = frozenset(".avif .bmp .jp2 .jpeg .jpg .mpo .png .tif .tiff .webp".split())  # OpenCV and Pillow both open these
UNREAD = frozenset(".dng .gif .heic .heif".split())  # pictures that one of them does not, or not without more packages
COMPANION = "._"  # begins the names of files that macOS puts beside others, with nothing of a picture in them
HIDDEN = "hidden file, such as ._*"
SUFFIXES = ", ".join(sorted(IMAGES))


@dataclass
class Found:
    """The image files of a split.

    Attributes:
        images: in the order of the entries; a folder's by name, a list's by row, one that is named twice comes twice.
        absent: (list, row, image) of every image that a list names and that does not exist.
        left_out: files with the suffix of a picture that are not among them, by reason.
    """

    images: list[Path] = field(default_factory=list)
    absent: list[tuple[Path, int, Path]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Found) -> Found:
        """Both, one behind the other."""
        return Found(self.images + other.images, self.absent + other.absent, self.left_out + other.left_out)

    def check(self, where: str) -> Found:
        """Return itself; raise InputError, beginning with `where`, unless a run can use it."""
        if self.absent:
            file, row, image = self.absent[0]
            others = f", and {len(self.absent) - 1} more are missing" if self.absent[1:] else ""
            raise InputError(f"{file} row {row}: there is no image {image}{others}; take out the rows or add the files")
        if not self.images:
            left = f" ({self.why_left_out()})" if self.left_out else ""
            raise InputError(f"{where}: no image in it{left}; files with these suffixes are read: {SUFFIXES}")
        if two := next(sharing(self.images), None):
            raise InputError(f"{where}: {shared(*two)}")
        return self

    def why_left_out(self) -> str:
        """What was left out, in words; "" where nothing was."""
        return ", ".join(f"{n} left out: {reason}" for reason, n in sorted(self.left_out.items()))


def list_images(folder: Path) -> list[Path]:
    """Return the image files under `folder`, sub-folders included, sorted; without hidden ones."""
    return in_folder(folder).images


def in_folder(folder: Path) -> Found:
    """The image files under a folder, sub-folders and links included; nothing is looked for in hidden folders.

    Raises:
        InputError: a folder cannot be read.
    """
    found = Found()
    try:
        for entry in _walk(folder, frozenset()):
            kind = os.path.splitext(entry.name)[1].lower()
            if reason := _why_not(entry.name, kind):
                found.left_out[reason] += 1
            elif kind in IMAGES:
                found.images.append(Path(entry.path))
    except OSError as error:
        raise InputError(f"cannot read the folder {error.filename or folder}: {error.strerror or error}") from None
    found.images.sort()
    return found


def _why_not(name: str, kind: str) -> str:
    """Why a file with the suffix of a picture is left out; "" where it is not, or is none."""
    if name.startswith("."):
        return HIDDEN if kind in IMAGES | UNREAD else ""
    return f"picture in {kind}, which is not read" if kind in UNREAD else ""


def _walk(folder: str | Path, above: frozenset[tuple[int, int]]) -> Iterator[os.DirEntry]:
    """All files below a folder; a link to one of the folders `above` is not followed, as that would never end."""
    state = os.stat(folder)
    here = (state.st_dev, state.st_ino)
    if here in above:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            folder_too = entry.is_dir()
            if not folder_too or os.path.splitext(entry.name)[1].lower() in IMAGES:
                yield entry  # a folder too where it poses as a picture: reading it will tell
            if folder_too and not entry.name.startswith("."):
                yield from _walk(entry.path, above | {here})


def in_list(file: Path, root: Path) -> Found:
    """The image files that the rows of a text file name.

    Args:
        file: an image a row, seen from the list's own folder, else from `root`, else from the current folder.
        root: of the data set.

    Raises:
        InputError: the list cannot be read, or a row names something that is no picture.
    """
    found = Found()
    for row, line in enumerate(read_lines(file), 1):
        if not (name := line.strip()):
            continue
        kind = os.path.splitext(name)[1].lower()
        if reason := _why_not(os.path.basename(name), kind):
            found.left_out[reason] += 1
            continue
        if kind not in IMAGES:
            raise InputError(f"{file} row {row}: {name[:60]!r} is no picture; these suffixes are read: {SUFFIXES}")
        places = [file.parent / name, root / name, *(folder / name for folder in here())]
        image = next((p for p in places if os.path.isfile(p)), None)
        if image is None:
            found.absent.append((file, row, places[0]))
        else:
            found.images.append(plain(image) if ".." in name else image)
    return found


def find(places: Iterable[Path], root: Path) -> Found:
    """The image files of several folders and lists; see `in_folder` and `in_list`."""
    return sum((in_folder(p) if p.is_dir() else in_list(p, root) for p in places), Found())


def here() -> list[Path]:
    """The folder that the program runs in; none where it was removed."""
    try:
        return [Path.cwd()]
    except FileNotFoundError:
        return []


def plain(path: Path) -> Path:
    """The absolute path without `..`; a link on the way stays, unless going up from behind it leads elsewhere."""
    short = Path(os.path.abspath(path))
    same = os.path.exists(short) and os.path.exists(path) and short.samefile(path)
    return short if same or not os.path.exists(path) else path.resolve()


def side_file(image: Path, folder: str) -> Path:
    """Return an image's text file in a folder beside `images`: .../images/train/a.jpg -> .../labels/train/a.txt."""
    parts = list(image.parts)
    for i in range(len(parts) - 2, -1, -1):  # the last `images`, as the training loader has it
        if parts[i] == "images":
            parts[i] = folder
            break
    return Path(*parts).with_suffix(".txt")


def labels_expected(image: Path) -> str:
    """What to say where no image of a split has a label file: where that of one is looked for, and seems to lie."""
    label = side_file(image, "labels")
    said = f"expected {label} and so on"
    for above in [p for p in image.parents if p.name == "images"][:1]:
        near = [p for p in sorted(above.parent.iterdir()) if p.is_dir() and re.match(r"label|annot", p.name.lower())]
        if others := [p for p in near if p.name != "labels"]:
            return f"{said}; is {others[0]} meant? Call it labels, with the folders below it like those of images"
    if label.parent != image.parent and image.with_suffix(".txt").is_file():
        return f"{said}; text files beside the images are not read: move them there"
    return said


def sharing(images: Iterable[Path]) -> Iterator[tuple[Path, Path]]:
    """Yield (the first, another one) of different images that have one label file."""
    owner: dict[str, Path] = {}
    for image in images:  # label files are equal where folders and stems are
        first = owner.setdefault(os.path.splitext(image)[0], image)
        if first != image:
            yield first, image


def shared(first: Path, image: Path) -> str:
    """What is wrong with two images that have one label file."""
    return f"{first} and {image.name} share the label file {side_file(image, 'labels')}; rename or remove one"


def read_text(path: Path, largest: int | None = None) -> str:
    """Return the content of a text file; raise InputError where it is missing, never ends, or is no text.

    Args:
        path: the file.
        largest: bytes of it at most.
    """
    regular_file(path, largest)
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as e:
        raise InputError(f"cannot read {path}: {e.strerror}") from None
    except UnicodeDecodeError as e:
        wide = e.object.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        hint = ", but UTF-16: save it as UTF-8" if wide else ""
        raise InputError(f"cannot read {path}: not a UTF-8 text file{hint}") from None


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file; raise InputError where it is missing or is no text."""
    return read_text(path).splitlines()
