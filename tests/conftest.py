"""What every test file may use."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

os.environ["YOLO_OFFLINE"] = "1"  # before anything imports ultralytics
os.environ["YOLO_AUTOINSTALL"] = "0"

# Without these Chromium looks for updates and for its maker's hosts at every start.
FLAGS = ["--headless=new", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-quic"]
FLAGS += ["--disable-component-update", "--disable-sync", "--window-size=1200,1400", "--allow-file-access-from-files"]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets: $YOLOTINY_DATA, or shared/data beside the checkout."""
    folder = Path(os.environ.get("YOLOTINY_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"needs real pictures: no folder {folder}; set YOLOTINY_DATA")
    return folder


@pytest.fixture
def picture() -> Callable[..., Path]:
    """Write a grey picture: `picture(path, width, height)`."""

    def write(path: Path, width: int = 100, height: int = 50) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((height, width, 3), 128, np.uint8))
        return path

    return write


@pytest.fixture
def exact_openvino(monkeypatch):
    """OpenVINO computes in bfloat16 where a CPU can; the file holds float32, and that is compared."""
    openvino = pytest.importorskip("openvino")

    class Exact(openvino.Core):
        def compile_model(self, model, device_name="CPU", config=None):
            return super().compile_model(model, device_name, (config or {}) | {"INFERENCE_PRECISION_HINT": "f32"})

    monkeypatch.setattr(openvino, "Core", Exact)


@pytest.fixture(scope="module")
def chrome(tmp_path_factory):
    """A headless Chromium; the tests skip where it, its driver or selenium is missing."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium: pip install selenium")
    binary = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("needs Chromium and its driver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(flag)
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # its sandbox does not start as root
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield started
    started.quit()
