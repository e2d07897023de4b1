"""A data set as training names it: a data.yaml, by its path or by the name of one of ours, and the pictures in it.

What is listed but absent is kept apart instead of ending the reading, so that a check can name all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import InputError, did_you_mean
from ...shipped import cfg_dir
from ..formats.yolo import find_yaml, load_yaml
from ..records import SPLITS, list_images, read_lines


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
    """

    file: Path
    root: Path
    names: list[str]
    splits: dict[str, list[Path]]
    annotations: dict[str, Path]
    absent: dict[str, list[tuple[Path, int, Path]]] = field(default_factory=dict)


def read_listing(data: str | Path) -> Listing:
    """Find and read a data.yaml and list the pictures of its splits.

    Args:
        data: a data.yaml, the folder that holds it, or a name in cfg/datasets. A relative `path` in it is looked for
            in the current folder, as training does, then beside the file. A split is a folder, a text file with an
            image a line, or a list of these.

    Raises:
        InputError: no such data set, no `names`, no split, or a split that is neither folder nor list.
    """
    file = _find(data)
    content, names = load_yaml(file)
    entries = {s: content.get(s) or (content.get("validation") if s == "val" else None) for s in SPLITS}
    entries = {split: entry for split, entry in entries.items() if entry}
    if not entries:
        raise InputError(f"{file} names no split: expected train, val or test")
    root = _root(file, content.get("path"), list(entries.values()))
    listing = Listing(file, root, names, {}, {})
    for split, entry in entries.items():
        listing.splits[split] = _images(entry, listing, split)
    found = content.get("annotations")
    listing.annotations.update({s: root / str(p) for s, p in (found if isinstance(found, dict) else {}).items()})
    return listing


def _find(data: str | Path) -> Path:
    """The data.yaml that is meant."""
    path, folder = Path(data).expanduser(), cfg_dir() / "datasets"
    if path.exists():
        return find_yaml(path)
    for file in (folder / str(data), folder / f"{data}.yaml"):
        if file.is_file():
            return file
    near = did_you_mean(str(data), [p.stem for p in folder.glob("*.yaml")])
    raise InputError(f"data {str(data)!r} does not exist{near}; give a data.yaml or the folder that holds it")


def _root(file: Path, path: Any, entries: list[Any]) -> Path:
    """The folder that the paths of a data.yaml start from: of those that `path` may mean, the one with a split."""
    folders = [Path(str(path)).expanduser(), file.parent / str(path)] if path else [file.parent]
    folders = [folder for folder in folders if folder.is_dir()]
    if not folders:
        raise InputError(f"{file}: there is no folder {path!r} (its path), neither from here nor beside the file")
    firsts = [str(e[0] if isinstance(e, list) else e) for e in entries]
    return next((f for f in folders if any((f / first).exists() for first in firsts)), folders[0])


def _images(entry: Any, listing: Listing, split: str) -> list[Path]:
    """The images of a split; what is absent goes to `listing.absent`."""
    if isinstance(entry, list):
        return [p for e in entry for p in _images(e, listing, split)]
    place = listing.root / str(entry)
    if not place.exists() and str(entry).startswith("../"):  # as some tools write them; training reads it so too
        place = listing.root / str(entry)[3:]
    if place.is_dir():
        return list_images(place)
    if not place.is_file():
        raise InputError(f"{listing.file} {split}: there is no folder or list {place}")
    found = []
    for row, line in enumerate(read_lines(place), 1):
        if not line.strip():
            continue
        beside, here = place.parent / line.strip(), Path(line.strip())
        image = beside if beside.is_file() or not here.is_file() else here
        if image.is_file():
            found.append(image)
        else:
            listing.absent.setdefault(split, []).append((place, row, image))
    return found
