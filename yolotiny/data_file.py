"""What a data YAML may say. It comes with the data, from whoever made them: it names pictures and runs nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .errors import InputError
from .yaml_file import read_yaml

MOST = {"nc": 100_000, "channels": 1_000}  # classes of a detector, bands of a picture; ultralytics makes a list of each


def read_data_file(file: Path) -> dict[str, Any]:
    """Read a data YAML and check what ultralytics would act on; the rest it checks itself.

    Raises:
        InputError: no YAML (an archive, a list of addresses), or numbers that no data set has.
    """
    if file.suffix.lower() not in (".yaml", ".yml"):
        raise InputError(f"data {file} is no data YAML; unpack an archive, and give the data.yaml in it")
    content = read_yaml(file, "a data YAML")
    for key, most in MOST.items():
        value = content.get(key)
        if isinstance(value, (int, float)) and not 1 <= value <= most:
            raise InputError(f"data {file}: {key} is {value}; expected a whole number from 1 to {most:,}")
    return content


def checked(file: Path, check: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """What ultralytics makes of a data YAML.

    Args:
        file: the data YAML.
        check: ultralytics' own check, told to run nothing.

    Raises:
        InputError: no data YAML, or pictures that are not there although the file says how to fetch them.
    """
    content = read_data_file(file)
    try:
        return check(str(file))
    except FileNotFoundError as error:
        gone = re.search("missing path '(.*)'", str(error))
        if gone is None or not content.get("download"):
            raise
        raise InputError(f"data {file}: {absent(gone[1], content)}") from None


def absent(place: Any, content: Mapping[str, Any]) -> str:
    """What to say of a folder or list that is not there, and of the `download:` that would have made it."""
    said = f"there is no {place}"
    if content.get("download"):
        said += "; its download: is never run: read it, and run it by hand if you trust it"
    return said


def check_place(place: Any, where: str, content: Mapping[str, Any]) -> None:
    """Raise InputError unless a split's entry is a folder or a file that ends."""
    path = Path(str(place))
    if not path.exists():
        raise InputError(f"{where}: {absent(place, content)}")
    if not path.is_dir() and not path.is_file():
        raise InputError(f"{where}: {place} is a device or a pipe; expected a folder of pictures or a list of them")
