"""The one reader of data YAMLs: which classes and which pictures one names, for every command alike.

It comes with the data, from whoever made them: it names pictures and runs nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .errors import InputError, did_you_mean
from .image_files import Found, find, here, plain, shared, sharing
from .shipped import cfg_dir
from .text import printable
from .yaml_file import read_yaml

SPLITS = ("train", "val", "test")  # the order in which splits are written and listed
NEEDED = ("train", "val")  # what training reads
MOST = {"nc": 100_000, "channels": 1_000}  # classes of a detector, bands of a picture


@dataclass(frozen=True)
class DataFile:
    """What a data YAML says.

    Attributes:
        file: the YAML.
        content: all of it, as it stands there.
        names: of the classes, in class order.
        channels: bands of a picture.
        root: the folder that its paths start from.
    """

    file: Path
    content: dict[str, Any]
    names: list[str]
    channels: int
    root: Path

    @property
    def splits(self) -> list[str]:
        """The splits it names."""
        return [split for split in SPLITS if _entries(self.content, split, self.file)]

    @property
    def protocol(self) -> str | None:
        """The evaluation protocol that it names as its own."""
        found = self.content.get("protocol")
        return None if found is None else str(found)

    def places(self, split: str) -> list[Path]:
        """The folders and lists of a split, absolute.

        Raises:
            InputError: no such split, or something that is neither folder nor list.
        """
        entries = _entries(self.content, split, self.file)
        if not entries:
            raise InputError(f"{self.file} names no split {split!r}{did_you_mean(split, self.splits)}")
        found = []
        for entry in entries:
            place = _place(self.root, entry)
            if not os.path.exists(place):
                said = f"there is no folder or list {place}"
                raise InputError(f"{self.file} {split}: {_with_download(said, self.content)}")
            if not place.is_dir() and not place.is_file():
                raise InputError(
                    f"{self.file} {split}: {entry} is a device or a pipe; expected a folder of pictures or a list"
                )
            found.append(plain(place))
        return found

    def found(self, split: str) -> Found:
        """All that a split names, what is wrong with it included; InputError as for `places`."""
        return find(self.places(split), self.root)

    def usable(self, *splits: str) -> dict[str, Found]:
        """What the splits that a run needs name.

        Raises:
            InputError: as for `places`, a listed picture that is not there, a split without pictures, two pictures
                with one label file.
        """
        found = {split: self.found(split).check(f"{self.file} {split}") for split in splits}
        if two := next(sharing(image for one in found.values() for image in one.images), None):
            raise InputError(f"{self.file}: {shared(*two)}")
        return found

    def as_ultralytics(self, split: str = "") -> dict[str, Any]:
        """Its content as ultralytics' own check gives it, every path absolute; InputError where `split` is not there.

        A split that is not asked for may be absent.
        """
        data = self.content | {"names": dict(enumerate(self.names)), "nc": len(self.names), "channels": self.channels}
        data |= {"path": self.root, "yaml_file": str(self.file)}
        if split:
            self.places(split)
        for name in self.splits:
            places = [str(plain(_place(self.root, e))) for e in _entries(self.content, name, self.file)]
            data[name] = places[0] if len(places) == 1 else places
        return data


def find_file(data: str | Path) -> Path:
    """The data YAML that is meant by a file, the folder it lies in, or a name among ours or those of ultralytics.

    Raises:
        InputError: there is none, or a folder holds several.
    """
    path = Path(os.path.expanduser(data))
    if os.path.exists(path):
        return in_folder(path) if path.is_dir() else path
    ours, package = cfg_dir() / "datasets", find_spec("ultralytics")  # which is not imported by this
    theirs = [Path(p, "cfg", "datasets") for p in (package and package.submodule_search_locations) or ()]
    for file in (folder / f"{data}{suffix}" for folder in (ours, *theirs) for suffix in ("", ".yaml")):
        if os.path.isfile(file):
            return file
    near = did_you_mean(str(data), [name for p in ours.glob("*.yaml") for name in (p.name, p.stem)])
    raise InputError(
        f"data file {str(data)!r} does not exist{near}; give a data.yaml or the folder that holds it, or let "
        "yolotiny data demo to=DIR write one to try"
    )


def in_folder(folder: Path) -> Path:
    """The data.yaml of a folder: the one called so, else the only YAML in it."""
    if not folder.is_dir():
        raise InputError(f"YOLO source not found: there is no file or folder {folder}")
    found = [folder / "data.yaml"] if (folder / "data.yaml").is_file() else sorted(folder.glob("*.y*ml"))
    if len(found) != 1:
        raise InputError(
            f"expected one data.yaml in {folder}, found {len(found)}; write one with path, train, val and names, "
            "or name the file itself"
        )
    return found[0]


def read_data_file(file: Path) -> DataFile:
    """Read a data YAML.

    Raises:
        InputError: no YAML (an archive, a list of addresses), no split, classes or numbers that cannot be, or a `path`
            that is no folder.
    """
    if file.suffix.lower() not in (".yaml", ".yml"):
        raise InputError(f"data {file} is no data YAML; unpack an archive, and give the data.yaml in it")
    content = read_yaml(file, "a data YAML")
    names, channels = _names(content, file), _count(content, "channels", file) or 3
    if not any(_entries(content, split, file) for split in SPLITS):
        raise InputError(f"{file} names no split: expected train, val or test")
    return DataFile(file, content, names, channels, _root(content, file))


def class_names(file: Path) -> dict[int, str]:
    """The names of the classes by number, of a YAML that may say no more; InputError where it does not name them."""
    return dict(enumerate(_names(read_yaml(file, "a data YAML"), file)))


def _names(content: dict[str, Any], file: Path) -> list[str]:
    """The class names in class order; `nc` alone gives them numbers for names."""
    nc, names = _count(content, "nc", file), content.get("names")
    if names is None and nc is not None:
        return [f"class_{i}" for i in range(nc)]
    if isinstance(names, list):
        names = dict(enumerate(names))
    pairs = names.items() if isinstance(names, dict) else ()
    found = {int(k) if isinstance(k, str) and k.isdecimal() else k: name for k, name in pairs}
    if not found or len(found) < len(names) or found.keys() != set(range(len(found))):
        raise InputError(f"{file}: 'names' must list the classes, or number them from 0 without a gap")
    for k, name in found.items():
        if name is None or isinstance(name, (list, dict)):
            raise InputError(f"{file}: 'names' gives class {k} no name but {name!r}")
    if nc is not None and nc != len(found):
        raise InputError(f"{file}: nc is {nc}, but 'names' has {len(found)}; take out nc, or make them match")
    return [printable(found[k]) for k in range(len(found))]


def _count(content: dict[str, Any], key: str, file: Path) -> int | None:
    """A whole number above 0, None where there is none; 10.0 and '10' are ten."""
    value = content.get(key)
    if value is None:
        return None
    try:
        number = float(value)
        fits = not isinstance(value, bool) and 1 <= number <= MOST[key] and number == int(number)
    except (TypeError, ValueError, OverflowError):
        fits = False
    if not fits:
        raise InputError(f"data {file}: {key} is {value!r}; expected a whole number from 1 to {MOST[key]:,}")
    return int(number)


def _entries(content: dict[str, Any], split: str, file: Path) -> list[str]:
    """What stands under a split, as a list."""
    entry = content.get(split)
    if not entry and split == "val":
        entry = content.get("validation")  # as some tools write it
    entries = entry if isinstance(entry, list) else [entry] if entry else []
    for one in entries:
        if not isinstance(one, str) or not one:
            raise InputError(f"{file} {split}: {one!r} is no folder of pictures, no list of them, and no list of these")
    return entries


def _place(root: Path, entry: str) -> Path:
    """Where an entry lies; `../train/images`, as Roboflow writes it, may mean `train/images`."""
    place, inside = root / os.path.expanduser(entry), root / entry[3:]
    return inside if entry.startswith("../") and not os.path.exists(place) and os.path.exists(inside) else place


def _roots(path: str, file: Path) -> Iterator[Path]:
    """The folders that a `path` may mean: seen from the file, from here, or from the folder of data sets here."""
    for start in (file.absolute().parent, *here(), *(folder / "datasets" for folder in here())):
        yield start / os.path.expanduser(path)


def _root(content: dict[str, Any], file: Path) -> Path:
    """The folder that paths start from: of those that `path` may mean, the first with something of a split in it."""
    beside, path = file.absolute().parent, content.get("path")
    entries = [e for split in SPLITS for e in _entries(content, split, file)]
    if path is None or path == "":
        return beside
    folders = [plain(folder) for folder in _roots(str(path), file) if os.path.isdir(folder)]
    if not folders:
        said = f"there is no folder {str(path)!r} (its path), neither beside the file nor from here"
        if any(os.path.exists(_place(beside, e)) for e in entries):
            said += "; the pictures lie beside the file: take out path"
        raise InputError(f"{file}: {_with_download(said, content)}")
    return next((f for f in folders if any(os.path.exists(_place(f, e)) for e in entries)), folders[0])


def _with_download(said: str, content: dict[str, Any]) -> str:
    """What is said of a folder that is not there, and of the `download:` that would have made it."""
    if not content.get("download"):
        return said
    return f"{said}; its download: is never run: read it, and run it by hand if you trust it"
