"""The pictures that a JSON lists, found on disk, also where it writes their names in another form."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from ...errors import InputError
from ...image_files import list_images
from ..records import Dataset

MISSING = "image file missing"
OUTSIDE = "image file outside the folder of the data set, from where nothing is taken"
DOUBTFUL = "image file not certain: its name fits several files, or several names fit it"


def find_pictures(files: Sequence[str], path: Path, root: Path, split: str, data: Dataset) -> list[tuple[Path, str]]:
    """Find the file of every picture.

    Taken is what lies there by its very name; else what differs in capitals, in `\\` for `/`, in `%20` for a space, or
    in the folders before the name, one of the two being the end of the other. A file that is found in this way for two
    names, or a name that fits two files, is left alone, and so is a file that a name such as `../../x.jpg` or `/x.jpg`
    means outside `root`: a data set from a stranger brings its own pictures and no others.

    Args:
        files: the names in the JSON.
        path: the JSON.
        root: the folder of the data set.
        split: its split.
        data: takes a note of names in another form, and counts.
    Returns:
        (file, its name inside the split) of each; for one that is not found, an empty path and the reason.
    Raises:
        InputError: no names at all, one name twice, or none found.
    """
    _distinct(files, path)
    folders = _folders(path, root, split)
    exact = next((f for f in folders if any(_there(f / name, root) for name in files)), None)
    for folder in folders if exact is None else [exact]:
        found = {name: (folder / name, name) for name in files if _there(folder / name, root)}
        others = [name for name in files if name not in found]
        alike = _alike(others, folder, {image for image, _ in found.values()}) if others and folder.is_dir() else {}
        if taken := [name for name, (image, _) in alike.items() if image.name]:
            note = f"{split}: {len(taken)} file names of {path.name} are written otherwise on disk, such as "
            data.notes.append(f"{note}{taken[0]}: {alike[taken[0]][1]}")
        if found or taken:
            return [found.get(name) or alike.get(name) or (Path(), _reason(name, folders)) for name in files]
    if outside := next((name for name in files if _reason(name, folders) == OUTSIDE), None):
        raise InputError(f"{path} names pictures outside {root}, such as {outside}; give a source that holds both")
    looked = ", ".join(map(str, dict.fromkeys(folders[1:4] + [root / "images", path.parent])))
    raise InputError(f"none of the {len(files)} images of {path} found; looked in {looked} and the like")


def _there(file: Path, root: Path) -> bool:
    return file.is_file() and lies_in(root, file)


def lies_in(folder: Path, file: Path) -> bool:
    """Whether a file lies below a folder as its path is written; links in a data set may lead outside."""
    return Path(os.path.abspath(file)).is_relative_to(os.path.abspath(folder))


def _reason(name: str, folders: Sequence[Path]) -> str:
    """Why there is no picture of a name."""
    return OUTSIDE if any((folder / name).is_file() for folder in folders) else MISSING


def _distinct(files: Sequence[str], path: Path) -> None:
    """Refuse a JSON that lists nothing, or one file twice, whose boxes would be told apart by nothing."""
    if not files:
        raise InputError(f"{path} lists no image: its 'images' is empty; take the file away, or export it again")
    first: dict[str, int] = {}
    for i, name in enumerate(files):
        if first.setdefault(name, i) != i:
            raise InputError(f"{path} images[{i}]: {name} is images[{first[name]}] already; keep one entry a file")


def _folders(path: Path, root: Path, split: str) -> list[Path]:
    """Where the files of a JSON may lie, the likeliest first."""
    other = {"val": ["valid", "validation", "trainval"], "test": ["test-dev"]}.get(split, ["trainval"])
    names = [path.stem.removeprefix("instances_"), split, *other]
    folders = [root / n for n in names] + [root / "images" / n for n in names] + [root / "images", path.parent, root]
    return folders + [root / n / inner for n in names for inner in ("images", "JPEGImages")]


def _parts(name: str) -> tuple[str, ...]:
    """A name in the form that all ways to write it share, by folders."""
    path = PurePosixPath(unquote(name.replace("\\", "/")).casefold())
    return tuple(p for p in path.parts if p not in ("/", ".", "..") and not p.endswith(":"))


def _alike(names: Sequence[str], folder: Path, taken: set[Path]) -> dict[str, tuple[Path, str]]:
    """The files below a folder that names in another form mean; `DOUBTFUL` for those that are not certain."""
    by_last: dict[str, list[tuple[tuple[str, ...], Path]]] = defaultdict(list)
    for image in list_images(folder):
        parts = _parts(image.relative_to(folder).as_posix().replace("%", "%25"))  # on disk it stands for itself
        by_last[parts[-1]].append((parts, image))
    fits: dict[str, list[Path]] = {}
    owners: dict[Path, list[str]] = defaultdict(list)
    for name in names:
        wanted = _parts(name)
        near = [(parts, image) for parts, image in by_last.get(wanted[-1] if wanted else "", []) if image not in taken]
        ends = [(p, i) for p, i in near if p == wanted[-len(p) :] or wanted == p[-len(wanted) :]]
        fits[name] = [i for p, i in ends if p == wanted] or [i for _, i in ends]
        for image in fits[name]:
            owners[image].append(name)
    found = {}
    for name, images in fits.items():
        if len(images) == 1 and len(owners[images[0]]) == 1:
            found[name] = images[0], images[0].relative_to(folder).as_posix()
        elif images:
            found[name] = Path(), DOUBTFUL
    return found
