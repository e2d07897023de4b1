"""AI-TOD and AI-TOD-v2: satellite tiles of 800 px with objects of 13 px; the same pictures under two annotations."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from ...errors import InputError
from ..records import Dataset, existing_folder
from .coco import Dialect, read_split

NAMES = ("airplane", "bridge", "storage-tank", "ship", "swimming-pool", "vehicle", "person", "wind-mill")
AITOD = Dialect(names=NAMES, rename={n.replace("-", joint): n for n in NAMES for joint in "_ " if "-" in n})
_NAME = re.compile(r"(?<![a-z])(trainval|train|val|test)(?:ing|idation)?(?![a-z])")


def _files(source: Path, version: str) -> dict[str, Path]:
    """The JSON of each split, `trainval` included, that belongs to one version of the annotations."""
    other = "v1" if version == "v2" else "v2"
    found: dict[str, Path] = {}
    for path in sorted((*source.glob("annotations/*.json"), *source.glob("*.json"))):
        part = _NAME.search(path.stem.lower())
        if part is None or re.search(rf"{other}(?!\d)", path.stem.lower()):
            continue
        if part[1] in found:
            raise InputError(
                f"two files for {part[1]!r}: {found[part[1]]} and {path}; keep the one of AI-TOD {version}"
            )
        found[part[1]] = path
    return found


def read_aitod(source: str | Path, version: str = "v1") -> Dataset:
    """Read AI-TOD, `version` "v1" or "v2".

    Args:
        source: the folder that holds `annotations/aitod_{train,val,trainval,test}_v1.json` (any names that say split
            and version, such as `small_trainval_v2_2.0.json`) and the pictures in `train`, `images/train`, `images`,
            `train/images` or the like. Where `train` is there, `trainval` is left out, as it repeats the pictures;
            alone it is the train split.
        version: annotations to take where a folder holds both; files that name no version belong to either.

    The eight classes are taken by name in the order of its metric, whatever their ids; no region is ignored.

    Raises:
        InputError: nothing found, two files for a split, malformed JSON, a category that is none of the eight.
    """
    source = existing_folder(source, "AI-TOD source")
    files = _files(source, version)
    if not files:
        raise InputError(
            f"no AI-TOD {version} annotations in {source}: expected annotations/aitod_train_{version}.json and the "
            "like (train, val, trainval, test)"
        )
    data = Dataset([], {})
    both = files.pop("trainval", None)
    if both and "train" in files:
        data.notes.append(f"{both.name} is left out: its pictures are those of train and val")
    elif both:
        files["train"] = both
    for split in ("train", "val", "test"):
        if split in files:
            read_split(data, split, files[split], source, AITOD)
    return data


read_aitod_v2 = partial(read_aitod, version="v2")
