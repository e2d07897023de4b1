"""A small detector with a section on crops, and what was measured of its objects; and a small YOLC."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.detectors import awake, photographs
from yolotiny import YOLO
from yolotiny.detector import Detector

SIZE = 128


def as_checkpoint(name: str, folder: Path, **sections: object) -> YOLO:
    """A model as from a checkpoint, with sections of its configuration changed."""
    torch.manual_seed(0)
    detector = awake(Detector(name, nc=2), x=photographs())
    detector.names = {0: "vehicle", 1: "boat"}
    detector.yaml.update(sections)
    file = folder / "best.pt"
    torch.save({"model": detector, "ema": None, "epoch": -1, "train_args": {"imgsz": SIZE, "task": "detect"}}, file)
    return YOLO(file)


@pytest.fixture(scope="package")
def tuned(tmp_path_factory) -> YOLO:
    """A YOLOv5 that looks twice by itself, and suppresses by NWD."""
    return as_checkpoint(
        "yolov5n-p2p3.yaml",
        tmp_path_factory.mktemp("tuned"),
        measured={"object_size": 9.5, "crop_object_size": 14.0, "object_areas": [1.0, 2.0]},
        infer={"crops": {"type": "auto"}, "prior": 0.2},
        eval={"nms_metric": "nwd", "protocol": "coco"},
    )


@pytest.fixture(scope="package")
def yolc(tmp_path_factory) -> YOLO:
    """A YOLC."""
    return as_checkpoint("yolc-n.yaml", tmp_path_factory.mktemp("yolc"), measured={"object_size": 9.5})
