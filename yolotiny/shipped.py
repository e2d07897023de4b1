"""The files that come with the package: where they lie, which weights a name means, and how a YAML is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .yaml_file import read_yaml

WEIGHTS = "yolotiny-n-hit-uav.pt"  # what looks where no model is named


def cfg_dir() -> Path:
    """Return the folder of shipped YAMLs: inside the package in a wheel, beside it in a source checkout."""
    package = Path(__file__).resolve().parent
    for folder in (package / "cfg", package.parent / "cfg"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"{package} was installed without its cfg folder; install yolotiny again")


def of_package(file: Path) -> bool:
    """Whether a file is one that comes with the package, or would lie among those: no run writes there."""
    return file.resolve().is_relative_to(cfg_dir())


def weights_file(name: str | Path) -> Path | None:
    """Return the shipped checkpoint or exported file of this name, unless the current folder has one of that name."""
    return None if Path(name).exists() else weights_of_package(name)


def weights_of_package(name: str | Path) -> Path | None:
    """Return the shipped checkpoint or exported file of this name, which has no folder."""
    file = cfg_dir() / "weights" / name
    bare = Path(name).name == str(name) and file.suffix in (".pt", ".onnx")
    return file if bare and file.is_file() else None


def read(file: Path) -> dict[str, Any]:
    """Read one model YAML as it is."""
    return read_yaml(file, "a model")
