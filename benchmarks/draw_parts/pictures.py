"""The three pictures of HIT-UAV that lie in the repository, as a network sees them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from yolotiny import YOLO
from yolotiny.analysis.feature_maps import read
from yolotiny.detector import Detector

FOLDER = Path(__file__).resolve().parents[2] / "cfg" / "pictures"
BICYCLES, CARS, PEOPLE = "0_70_40_0_06739", "0_80_30_0_06917", "1_120_70_0_02954"
IMGSZ = 320  # of all short trainings


def pixels(name: str) -> np.ndarray:
    """(H, W, 3) uint8, BGR, as it lies on the disk."""
    return cv2.imread(str(FOLDER / f"{name}.jpg"))


def labelled(name: str) -> np.ndarray:
    """(N, 4) xyxy of its objects, pixels of the picture."""
    h, w = pixels(name).shape[:2]
    rows = np.loadtxt(FOLDER / f"{name}.txt", ndmin=2)[:, 1:] * (w, h, w, h)
    return np.concatenate((rows[:, :2] - rows[:, 2:] / 2, rows[:, :2] + rows[:, 2:] / 2), 1)


def network_input(name: str) -> tuple[Tensor, np.ndarray]:
    """(1, 3, H, W) in 0..1 and its objects, (N, 4) xyxy, pixels of that input."""
    x, boxes, _ = read(FOLDER / f"{name}.jpg", IMGSZ, 32)
    assert boxes is not None, "labels lie beside the pictures"
    return x, boxes


def network(weights: Path) -> Detector:
    """The detector of a checkpoint, to be looked into."""
    detector = YOLO(str(weights)).model.float().eval()
    torch.manual_seed(0)
    return detector
