"""TinyPerson: people at sea and on the shore, under 20 px; COCO JSON with flags for what cannot be told."""

from __future__ import annotations

from pathlib import Path

from ...errors import InputError
from ..records import Dataset, existing_folder
from .coco import Dialect, read_split

TINYPERSON = Dialect(
    names=("person",),
    rename={"sea_person": "person", "earth_person": "person"},
    flags=("iscrowd", "ignore", "uncertain"),
    leave_out="in_dense_image",
)


def read_tinyperson(source: str | Path) -> Dataset:
    """Read TinyPerson, task "all": people at sea and on earth are one class.

    An annotation marked `ignore` or `uncertain` is an ignore region of that class, which excuses detections by their
    share inside it. Pictures whose annotations are marked `in_dense_image` (more than about 200 people) are left out of
    train and test, as in the published figures. `logo` changes nothing. The "corner" files, which list tiles of 640x512
    of the same pictures, are not read: `tile=640` cuts them.

    Args:
        source: `tiny_set`, which holds `annotations/tiny_set_{train,test}.json` and the pictures in `train` and `test`,
            or the folder above it.

    Raises:
        InputError: nothing found, malformed JSON, another category.
    """
    root = existing_folder(source, "TinyPerson source")
    root = root / "tiny_set" if (root / "tiny_set").is_dir() else root
    data = Dataset([], {})
    for split in ("train", "test"):
        path = root / "annotations" / f"tiny_set_{split}.json"
        if path.is_file():
            read_split(data, split, path, root, TINYPERSON)
    if not data.splits:
        raise InputError(f"no annotations in {root}: expected annotations/tiny_set_train.json and tiny_set_test.json")
    return data
