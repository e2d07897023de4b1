"""Training on the crops that inference will look at: cut while training, never written to disk."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from ultralytics.utils.patches import imread

from ..assigners.gaussian_center import draw_gaussians, gaussian_radius
from ..crops import LSM, Window
from ..errors import InputError
from ..registry import Registry, build

WHOLE = 0.99  # share of an object inside the crop that counts as all of it: boxes carry rounding


class ClusterCrops:
    """Puts a cluster of objects, enlarged, in the place of a training picture.

    Clusters are found as in inference, in the heat map that the labels ask for. The window grows about its cluster to
    what fills the network input at this scale. Objects that it cuts are ignored: no loss, and no negative either.

    Args:
        probability: how often a picture gives way to one of its clusters.
        k: the largest clusters of a picture, of which one is drawn.
        scale: pixels shown per pixel of the whole picture as training shows it; cut from the file's own pixels.
        grid, top_k, threshold, enlarge, min_area: see `crops.LSM`.
    Source: Liu et al. 2024 (YOLC), section IV-B, where one crop per picture is written to disk.
    """

    def __init__(
        self,
        probability: float = 0.5,
        k: int = 1,
        scale: float = 1.5,
        grid: tuple[int, int] = (16, 10),
        top_k: int = 50,
        threshold: float = 0.09,
        enlarge: float = 1.2,
        min_area: float = 96**2,
    ):
        for name, value, most in (("probability", probability, 1), ("scale", scale, 16)):
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
                raise InputError(f"crop_train: {name}={value!r} must lie in 0..{most}")
        if not scale:
            raise InputError("crop_train: scale=0 shows nothing; 1.5 is usual")
        self.probability, self.scale = probability, scale
        self.cropper = LSM(k, grid, top_k, threshold, enlarge, min_area)
        self.known: dict[str, list[tuple[float, ...]]] = {}

    def __call__(self, label: dict[str, Any], imgsz: int, nc: int) -> dict[str, Any]:
        """A training sample, or one of its clusters in its place.

        Args:
            label: `img` as loaded, `im_file`, `ori_shape`, `cls` (n, 1) where `nc` and above are ignore regions,
                `bboxes` (n, 4) normalised xywh.
            imgsz: side of the network input, pixels.
            nc: number of classes.
        """
        if random.random() >= self.probability or not (crops := self.crops(label, nc)):
            return label
        h, w = label["ori_shape"]
        ratio = label["img"].shape[1] / w
        picture = label["img"] if ratio >= 1 else imread(label["im_file"], _flags(label["img"]))
        if picture is None:
            return label
        ratio_left = self.scale * ratio * w / picture.shape[1]  # shown pixels per pixel of `picture`
        window = fill(random.choice(crops), picture.shape[:2], ratio_left, imgsz)
        boxes = label["bboxes"] * np.tile([picture.shape[1], picture.shape[0]], 2)
        kept, cls = inside(boxes, label["cls"], window, nc)
        img = window.cut(picture if picture.ndim == 3 else picture[..., None])
        shape = img.shape[:2]
        found = {"img": img, "bboxes": kept, "cls": cls, "ori_shape": shape, "resized_shape": shape}
        return label | found | {"ratio_pad": (1.0, 1.0)}

    def crops(self, label: dict[str, Any], nc: int) -> list[tuple[float, ...]]:
        """Clusters of a picture as shares of it, xyxy; found once."""
        if label["im_file"] not in self.known:
            size = label["img"].shape[:2]
            scale = torch.tensor([size[1], size[0]])
            boxes = torch.from_numpy(label["bboxes"][label["cls"][:, 0] < nc]).float().view(-1, 4)
            centre = torch.minimum((boxes[:, :2] * scale).long().clamp(min=0), scale - 1)
            radius = gaussian_radius(boxes[:, 2:] * scale).long()
            heat = draw_gaussians(1, size, torch.zeros(len(boxes), dtype=torch.long), centre, radius)
            found = self.cropper(heat[0].numpy())
            self.known[label["im_file"]] = [tuple(np.array(c) / np.tile(scale.numpy(), 2)) for c in found]
        return self.known[label["im_file"]]


CROP_TRAIN = Registry("crop_train", {"lsm": ClusterCrops})


def crop_train(section: Mapping[str, Any] | str | None, where: str) -> ClusterCrops | None:
    """What a model file's `crop_train:` asks for; None when it asks for nothing."""
    return build(section, CROP_TRAIN, where=f"{where}: crop_train") if section else None


def fill(crop: tuple[float, ...], size: tuple[int, int], scale: float, imgsz: int) -> Window:
    """The window round a crop (xyxy as shares) that fills an input of `imgsz` pixels, as far as the picture goes."""
    h, w = size
    sides = []
    for low, high, length in ((crop[0] * w, crop[2] * w, w), (crop[1] * h, crop[3] * h, h)):
        side = min(max(high - low, imgsz / scale), length)
        start = min(max((low + high - side) / 2, 0), length - side)
        sides.append((start, start + side))
    (x1, x2), (y1, y2) = sides
    return Window.of((x1, y1, x2, y2), size, scale, imgsz)


def inside(boxes: np.ndarray, cls: np.ndarray, window: Window, nc: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes as a window shows them.

    Args:
        boxes: (n, 4) xywh, pixels of the picture.
        cls: (n, 1); `nc` and above are ignore regions.
        window: the piece.
        nc: number of classes; an object that the window cuts becomes an ignore region.

    Returns:
        (m, 4) xywh as shares of the window, and (m, 1) classes.
    """
    low, high = boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2
    corner, size = np.array([window.x, window.y]), np.array([window.w, window.h])
    cut_low, cut_high = np.clip(low - corner, 0, size), np.clip(high - corner, 0, size)
    sides = cut_high - cut_low
    seen = sides.prod(1) / np.maximum(boxes[:, 2:].prod(1), 1e-9)
    there = (sides > 0).all(1)
    cls = np.where((seen < WHOLE)[:, None] & (cls < nc), nc, cls).astype(np.float32)
    xywh = np.concatenate(((cut_low + cut_high) / 2, sides), 1) / np.tile(size, 2)
    return xywh[there].astype(np.float32), cls[there]


def _flags(img: np.ndarray) -> int:
    """How the file is decoded so that it has as many channels as the picture that was loaded."""
    import cv2

    return cv2.IMREAD_GRAYSCALE if img.ndim == 2 or img.shape[2] == 1 else cv2.IMREAD_COLOR
