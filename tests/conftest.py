"""What every test file may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ["YOLO_OFFLINE"] = "1"  # before anything imports ultralytics
os.environ["YOLO_AUTOINSTALL"] = "0"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets: $YOLOTINY_DATA, or shared/data beside the checkout."""
    folder = Path(os.environ.get("YOLOTINY_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"needs real pictures: no folder {folder}; set YOLOTINY_DATA")
    return folder
