"""DroneSwarms: groups of drones of about 8 px, one class."""

from __future__ import annotations

from pathlib import Path

from ...errors import InputError
from ..records import Dataset, existing_folder
from .coco import Dialect, read_split

DRONES = Dialect(names=("drone",), rename={"Drone": "drone"})


def read_droneswarms(source: str | Path) -> Dataset:
    """Read DroneSwarms.

    Args:
        source: the folder that holds `train/train.json`, `test/test.json` and `{train,test}/JPEGImages`, or the folder
            above it, with these in `Drones`.

    Raises:
        InputError: nothing found, malformed JSON, a category that is not `drone`.
    """
    root = existing_folder(source, "DroneSwarms source")
    root = root / "Drones" if (root / "Drones").is_dir() else root
    data = Dataset([], {})
    for split in ("train", "test"):
        path = root / split / f"{split}.json"
        if path.is_file():
            read_split(data, split, path, root, DRONES)
    if not data.splits:
        raise InputError(f"no DroneSwarms split in {root}: expected train/train.json and test/test.json")
    return data
