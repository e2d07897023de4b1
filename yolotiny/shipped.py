"""The YAML files that come with the package: where they lie, and how one is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .yaml_file import read_yaml


def cfg_dir() -> Path:
    """Return the folder of shipped YAMLs: inside the package in a wheel, beside it in a source checkout."""
    package = Path(__file__).resolve().parent
    for folder in (package / "cfg", package.parent / "cfg"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"{package} was installed without its cfg folder; install yolotiny again")


def read(file: Path) -> dict[str, Any]:
    """Read one model YAML as it is."""
    return read_yaml(file, "a model")
