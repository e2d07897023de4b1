"""Which picture of the ground truth a row of detections is of: by the name of its file, by id where names are missing.

Three ways of writing `image_id` are met: the id of the ground truth (COCO), the number or text in the name of the file
(ultralytics), and a numbering of somebody's own beside a `file_name`. Pictures named 1.png to 12.png fit all of them,
each with another picture; so a file is read in one way as a whole, and refused where nothing tells which.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from ..errors import InputError
from ..image_files import IMAGES, UNREAD
from ..picture_names import KnownPictures

LONGEST = 255  # characters of a file name; Python makes no number of some thousand digits
NOTHING = (None, None, None)  # what a row says that is none; that is said where it is read


class Key(NamedTuple):
    """What a row says of its picture; `frame` counts within a video, whose rows have one `file_name`."""

    image_id: Any
    file_name: str | None = None
    frame: Any = None

    @classmethod
    def of(cls, image_id: Any, file_name: Any, frame: Any) -> Key:
        """The key of the values of a row; a picture's own name says all, whatever `frame` it was once."""
        file = file_name if isinstance(file_name, str) and file_name else None
        is_picture = file is None or PurePosixPath(file).suffix.lower() in IMAGES | UNREAD
        return cls(image_id, file, None if is_picture else frame)

    @property
    def name(self) -> str:
        """The file; for a frame of `a/clip.avi` what it is called when it is saved as a picture, `a/clip_7`."""
        assert self.file_name is not None
        if self.frame is None:
            return self.file_name
        path = PurePosixPath(self.file_name.replace("\\", "/"))
        return f"{path.parent}/{path.stem}_{self.frame}.jpg"

    @property
    def from_name(self) -> bool:
        """Whether the id is only what stands in the name."""
        return self.image_id == _number(PurePosixPath(self.name.replace("\\", "/")).stem)


def _number(stem: str) -> int | str:
    """ultralytics turns a stem of digits into a number."""
    return int(stem) if stem.isdecimal() and len(stem) <= LONGEST else stem


def _shared(a: Key, b: Key, name: str) -> str:
    """What is wrong with two keys of one picture."""
    if (a.file_name, a.frame) == (b.file_name, b.frame):
        return f"file_name {b.file_name!r} has two image ids, {a.image_id!r} and {b.image_id!r}"
    return f"{b.name} and {a.name} both fit {name} of the ground truth; write file_name with its folders"


class PictureIds:
    """Finds the pictures of a file of detections.

    Args:
        images: rows of `images` of the ground truth.
        where: the file of the detections, for messages.

    Attributes:
        notes: what a user should know of how the file was read.
    """

    def __init__(self, images: Sequence[Mapping[str, Any]], where: str):
        self.names = [str(im.get("file_name") or "") for im in images]
        self.ids = {im["id"]: i for i, im in enumerate(images)}
        self.known, self.where = KnownPictures(self.names), where
        self.notes: list[str] = []

    def of_rows(self, rows: Sequence[Any]) -> list[int]:
        """The picture of each row of detections, as its place in `images`; -1 for a row without `image_id`.

        Raises:
            InputError: see `find`.
        """
        said = [
            (row.get("image_id"), row.get("file_name"), row.get("frame")) if isinstance(row, Mapping) else NOTHING
            for row in rows
        ]
        try:
            first = dict(zip(reversed(said), range(len(said), 0, -1), strict=True))
        except TypeError:
            row = next(i for i, values in enumerate(said, 1) if any(isinstance(v, dict | list) for v in values))
            raise self._error(row, "image_id and file_name must be numbers or texts") from None
        keys = {raw: Key.of(*raw) for raw in first}
        wanted: dict[Key, int] = {}
        for raw, row in sorted(first.items(), key=itemgetter(1)):
            if raw[0] is not None:
                wanted.setdefault(keys[raw], row)
        places = self.find(wanted)
        of_raw = {raw: places.get(key, -1) for raw, key in keys.items()}
        return [of_raw[raw] for raw in said]

    def find(self, keys: Mapping[Key, int]) -> dict[Key, int]:
        """The picture of each key, as its place in `images`.

        Args:
            keys: all keys of the file, each with the first row (from 1) that has it.

        Raises:
            InputError: a key fits no picture or several, or names and ids fit and say different things.
        """
        with_name = {key: row for key, row in keys.items() if key.file_name is not None}
        if not any(self.names):
            with_name = {}
        found = self._by_name(with_name)
        bare = {key: row for key, row in keys.items() if key not in with_name}
        return found | self._by_id(bare)

    def _by_name(self, keys: Mapping[Key, int]) -> dict[Key, int]:
        """Read by `file_name`; an id helps where several pictures fit, unless it only repeats the name."""
        repeats = all(key.from_name for key in keys)
        found, owner = {}, dict[int, Key]()
        for key, row in keys.items():
            fits = self.known.find(key.name)
            if len(fits) > 1 and not repeats and self.ids.get(key.image_id) in fits:
                fits = [self.ids[key.image_id]]
            if not fits:
                hint = "; leave file_name out where its ids count" if key.image_id in self.ids else ""
                example = next(name for name in self.names if name)
                what = f"file_name {key.file_name!r} is not in the ground truth, which has {example} and others{hint}"
                raise self._error(row, what)
            if len(fits) > 1:
                two = " and ".join(self.names[i] for i in fits[:2])
                raise self._error(row, f"file_name {key.file_name!r} may be {two}; write it with its folder")
            found[key] = fits[0]
            if (first := owner.setdefault(fits[0], key)) != key:
                raise self._error(row, _shared(first, key, self.names[fits[0]]))
        if not repeats and all(key.image_id in self.ids for key in keys):
            self._compare_ids(found, keys)
        return found

    def _compare_ids(self, found: Mapping[Key, int], keys: Mapping[Key, int]) -> None:
        """Raise InputError where ids that are no repetition of the names mean other pictures than these."""
        for key, i in found.items():
            if (other := self.ids[key.image_id]) != i:
                what = f"image_id {key.image_id!r} is {self.names[other] or 'another picture'} in the ground truth"
                raise self._error(
                    keys[key], f"{what}, file_name says {key.file_name}; correct one, or leave file_name out"
                )

    def _by_id(self, keys: Mapping[Key, int]) -> dict[Key, int]:
        """Read by `image_id`: as ids if all are, else as what stands in the names of files."""
        rows: dict[Any, int] = {}
        for key, row in keys.items():
            rows.setdefault(key.image_id, row)
        stems: defaultdict[Any, list[int]] = defaultdict(list)
        for i, name in enumerate(self.names):
            stem = PurePosixPath(name.replace("\\", "/")).stem
            for text in {stem, _number(stem)}:
                stems[text].append(i)
        fits = {w: stems.get(w) or (self.known.find(w) if isinstance(w, str) and w else []) for w in rows}
        if all(w in self.ids for w in rows):
            self._note_ids(fits)
            return {key: self.ids[key.image_id] for key in keys}
        for w, row in sorted(rows.items(), key=lambda item: item[1]):
            if not fits[w] and w not in self.ids:
                raise self._error(row, f"image_id {w!r} is neither an image id nor a file stem in the ground truth")
            if len(fits[w]) > 1:
                raise self._error(row, f"two images have the file stem {w!r}; write their numeric image_id")
        for w, row in rows.items():
            if not fits[w]:
                raise self._error(row, f"image_id {w!r} is an id, other rows name file stems; write one kind only")
        return {key: fits[key.image_id][0] for key in keys}

    def _note_ids(self, fits: Mapping[Any, list[int]]) -> None:
        """Say it where numbers that are read as ids would, as names of files, be other pictures."""
        other = [w for w, found in fits.items() if found != [self.ids[w]]]
        if other and all(len(found) == 1 for found in fits.values()):
            w = other[0]
            self.notes.append(
                f"{self.where} names no files: image_id {w!r} is read as an id, {self.names[self.ids[w]]}, and not as "
                f"the file {self.names[fits[w][0]]}; where it is the file, write file_name in every row"
            )

    def _error(self, row: int, text: str) -> InputError:
        return InputError(f"{self.where} row {row}: {text}")
