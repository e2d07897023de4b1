"""Small data sets in every format, written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest


@pytest.fixture
def picture() -> Callable[..., Path]:
    """Write a grey picture: `picture(path, width, height)`."""

    def write(path: Path, width: int = 100, height: int = 50) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((height, width, 3), 128, np.uint8))
        return path

    return write


@pytest.fixture
def text() -> Callable[[Path, str], Path]:
    """Write a text file and its folders: `text(path, content)`."""

    def write(path: Path, content: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    return write


@pytest.fixture
def load() -> Callable[[Path], Any]:
    """Read a JSON file."""
    return lambda path: json.loads(path.read_text())
