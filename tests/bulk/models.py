"""A checkpoint that finds boxes without having been trained."""

from __future__ import annotations

import functools
from pathlib import Path

from tests.tiny_data import room


@functools.cache
def awake_model(seed: int = 0) -> Path:
    """Its file, shared by all tests; another seed has other weights."""
    import torch

    from tests.detectors import awake
    from tests.test_crops import saved
    from yolotiny.detector import Detector

    torch.manual_seed(seed)
    made = awake(Detector("yolov5n.yaml", nc=2))
    made.names = {0: "a", 1: "b"}
    return saved(made, room() / "m.pt")
