"""Which pictures and videos a source means: a file, a folder, a pattern, a list in a file or in Python."""

from __future__ import annotations

import csv
import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError

ADDRESSES = ("http://", "https://")
LISTS = (".txt", ".csv")
HEADER = ["source"]  # a csv file may begin with it
# By suffix, as ultralytics has them; which of these can be decoded is another question.
PICTURES = frozenset("avif bmp dng heic heif jp2 jpeg jpg mpo png tif tiff webp".split())
VIDEOS = frozenset("asf avi gif m4v mkv mov mp4 mpeg mpg ts webm wmv".split())


def reads_files(source: Any) -> bool:
    """Whether a source is files, or a list, and not a camera, a stream, a screen or a single picture in memory."""
    if not isinstance(source, (str, Path)):
        return isinstance(source, (list, tuple))
    text = str(source).lower()
    streams = text.isnumeric() or text.endswith(".streams") or "://" in text
    screen = text == "screen" or (text.startswith("screen ") and not Path(source).exists())
    return not streams and not screen


def usual_batch(source: Any) -> int:
    """Pictures of a batch where the user says nothing: one, and a list of arrays as a whole, as ultralytics has it."""
    listed = isinstance(source, (list, tuple)) and not any(isinstance(item, (str, Path)) for item in source)
    return max(len(source), 1) if listed else 1


def is_video(name: str) -> bool:
    """Whether a file is a video, by its suffix."""
    return name.rpartition(".")[2].lower() in VIDEOS


def items_of(source: str | Path | Sequence[Any]) -> list[Any]:
    """The pictures and videos of a source, one by one; none is opened.

    Args:
        source: a file; a folder, or a pattern with `*`, whose pictures and then videos come by name; a .txt or .csv
            file with one of these a row; or a list of these, of arrays and of PIL pictures. The order of a list is
            kept, and what stands in it twice comes twice. A file that is listed but not there, or no picture by its
            suffix, is among them: reading it will tell.

    Returns:
        absolute paths, addresses, arrays and PIL pictures.

    Raises:
        InputError: there is nothing, or something of another kind.
    """
    if isinstance(source, (str, Path)):
        listed = Path(source).suffix.lower() in LISTS and Path(source).is_file()
        found = _listed(Path(source)) if listed else [f for f in _expand(source) if _known(f)]
        if not found:
            raise InputError(f"No images or videos found in {str(source)!r}")
        return found
    found = []
    for i, item in enumerate(source):
        if isinstance(item, (str, Path)):
            found += _expand(item) or [str(Path(item).absolute())]
        elif isinstance(item, np.ndarray) or is_pil(item):
            found.append(item)
        else:
            raise InputError(f"source[{i}] is of type {type(item).__name__}; give paths, arrays or PIL pictures")
    if not found:
        raise InputError("source is a list without a picture")
    return found


def pictures_of(items: Iterable[Any]) -> list[Any]:
    """The pictures among the items of a source that lie on this machine: files, arrays and PIL pictures."""
    return [x for x in items if not isinstance(x, str) or not (x.lower().startswith(ADDRESSES) or is_video(x))]


def is_pil(item: Any) -> bool:
    """Whether this is a picture of Pillow."""
    return hasattr(item, "getbands") and hasattr(item, "convert")


def _known(file: str) -> bool:
    return file.rpartition(".")[2].lower() in PICTURES | VIDEOS


def _by_name(files: Iterable[str]) -> list[str]:
    """Pictures by name, then videos by name."""
    return sorted(filter(_known, files), key=lambda f: (is_video(f), f))


def _expand(item: str | Path, beside: Path | None = None) -> list[str]:
    """The files that one path, pattern or address means; a path that is relative may start `beside` a list."""
    text = str(item)
    if text.lower().startswith(ADDRESSES):
        return [text]
    path = str(Path(item).absolute())
    if beside is not None and not os.path.lexists(path) and not glob.glob(path):
        path = str((beside / item).absolute())
    if os.path.isdir(path) and not _known(path):
        return _by_name(glob.glob(os.path.join(glob.escape(path), "*.*")))
    if any(c in path for c in "*?[") and not os.path.lexists(path):
        return _by_name(glob.glob(path, recursive=True))
    return [path]


def _listed(file: Path) -> list[str]:
    """The rows of a list file, in their order."""
    text = file.read_bytes().decode("utf-8-sig", "surrogateescape")  # names of files may be any bytes
    rows = text.split("\n")
    if file.suffix.lower() == ".csv":
        table = list(csv.reader(rows))
        rows = [cell for row in (table[1:] if table[:1] == [HEADER] else table) for cell in row]
    names = [row.strip() for row in rows if row.strip()]
    return [path for name in names for path in _expand(name, file.parent) or [str(Path(name).absolute())]]
