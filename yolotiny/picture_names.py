"""What pictures are called, so that two of one file name in two folders stay two."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePath, PurePosixPath
from typing import NamedTuple


class PictureName(NamedTuple):
    """What a picture is called where its path is too long: `file` as of `relative_names`, `stem` as of `own_stems`."""

    file: str
    stem: str


def named(files: Iterable[str], is_video: Callable[[str], bool] | None = None) -> dict[str, PictureName]:
    """The name of each file; for the arguments see `relative_names` and `own_stems`."""
    each = list(dict.fromkeys(files))
    names = relative_names(each)
    return dict(zip(each, map(PictureName, names, own_stems(names, is_video)), strict=True))


def relative_names(files: Sequence[str]) -> list[str]:
    """The names of pictures as seen from the deepest folder that holds them all, with `/` between folders.

    Args:
        files: absolute paths; besides, addresses and names of pictures in memory, which have a folder of their own.
    """
    parts = [_parts(file) for file in files]
    roots: dict[bool, tuple[str, ...]] = {}
    for file, path in zip(files, parts, strict=True):
        kind = _is_path(file)
        roots[kind] = _common(roots.get(kind, path[:-1]), path[:-1])
    return ["/".join(path[len(roots[_is_path(file)]) :]) for file, path in zip(files, parts, strict=True)]


def own_stems(names: Sequence[str], is_video: Callable[[str], bool] | None = None) -> list[str]:
    """A name without suffix and folders for each picture, as its label file has it: no two are equal.

    It is the stem. Where stems repeat, the folders join all of them (`a/1.jpg` is `a_1`), as `data convert` does it,
    and the suffix those that are still equal.

    Args:
        names: of `relative_names`, each once.
        is_video: tells videos, whose frames are called by their number (`clip_7`) and are not to meet a picture.
    """
    paths = [PurePosixPath(name) for name in names]
    stems = [p.stem for p in paths]
    if len(set(stems)) < len(stems):
        stems = ["_".join((*p.parts[:-1], p.stem)) for p in paths]
    count = Counter(stems)
    if is_video is not None:
        numbered = {m[1] for stem in stems if (m := re.fullmatch(r"(.*)_\d+", stem))}
        count.update(s for name, s in zip(names, stems, strict=True) if is_video(name) and s in numbered)
    stems = [s + p.suffix.replace(".", "_") if count[s] > 1 else s for p, s in zip(paths, stems, strict=True)]
    every, taken = set(stems), dict[str, None]()
    for stem in stems:
        own, k = stem, 1
        while own in taken or (k > 1 and own in every):
            k += 1
            own = f"{stem}-{k}"
        taken[own] = None
    return list(taken)


class KnownPictures:
    """Finds the picture that a name means, among those of a data set.

    Args:
        names: of the pictures, with as much of the folders as the data set gives.
    """

    def __init__(self, names: Iterable[str]):
        self.paths = [_tidy(name) for name in names]
        self.exact, self.flat, self.by_stem = (defaultdict[str, list[int]](list) for _ in range(3))
        for i, path in enumerate(self.paths):
            if path.name:
                self.exact[str(path)].append(i)
                self.flat["_".join(path.parts)].append(i)
                self.by_stem[path.stem].append(i)

    def find(self, name: str) -> list[int]:
        """The numbers of the pictures that fit best: none, one, or several where it cannot be told which.

        The same path is best. Then one path may be the end of the other; then as many folders as possible, from the
        file up, and last the suffix agree. A path whose folders were joined by `_` fits too.
        """
        path = _tidy(name)
        if found := self.exact.get(str(path)):
            return found
        if not (alike := self.by_stem.get(path.stem, [])):
            return self.flat.get("_".join(path.parts), [])
        closeness = [_closeness(path, self.paths[i]) for i in alike]
        return [i for i, close in zip(alike, closeness, strict=True) if close == max(closeness)]


def _closeness(a: PurePosixPath, b: PurePosixPath) -> tuple[bool, int, bool]:
    """How well two paths of one stem fit: whether one holds the other, equal folders from the file up, same suffix."""
    folders = list(zip(reversed(a.parts[:-1]), reversed(b.parts[:-1]), strict=False))
    equal = next((n for n, (x, y) in enumerate(folders) if x != y), len(folders))
    return equal == len(folders), equal, a.suffix == b.suffix


def _tidy(name: str) -> PurePosixPath:
    """A path as written on any system; one step up, or the root, is no folder that could be compared."""
    return PurePosixPath(*(p for p in name.replace("\\", "/").split("/") if p not in ("", ".", "..")))


def _is_path(file: str) -> bool:
    return PurePath(file).is_absolute()


def _parts(file: str) -> tuple[str, ...]:
    return PurePath(file).parts if _is_path(file) else tuple(file.rpartition("://")[2].split("/"))


def _common(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
    n = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return a[:n]
