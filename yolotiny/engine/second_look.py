"""The second look: clusters of small objects, enlarged, through the same network, merged with the first look."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from ultralytics.engine.results import Results
from ultralytics.utils.plotting import colors

from ..crops import CROPPERS, MERGES, Window
from ..errors import InputError, did_you_mean
from ..registry import build

GREY = 114  # of the padding, as ultralytics pads
DEFAULTS = {"crops": {"type": "lsm"}, "scale": 1.5, "max_side": 1536, "merge": {"type": "replace"}}
OPTIONS = {"k": "crops.k", "top_k": "crops.top_k", "merge": "merge"}  # short names of settings, for val and predict


class SecondLook:
    """Where to look again, how large, and how both looks join: the `infer:` section of a model file.

    Args:
        section: `crops` (a cropper), `scale` (network pixels of the second look per network pixel of the first),
            `max_side` (pixels, a larger crop is shown smaller) and `merge`.
        where: the file, for messages.

    Attributes:
        pictures, crops, seconds: how many were looked at, how many crops they gave, and the time these took.

    Raises:
        InputError: an unknown key, component or argument, or a value that makes no sense.
    """

    def __init__(self, section: Mapping[str, Any], where: str = "the configuration"):
        if unknown := [k for k in section if k not in DEFAULTS]:
            raise InputError(f"infer.{unknown[0]} in {where} is not known{did_you_mean(unknown[0], DEFAULTS)}")
        found = DEFAULTS | dict(section)
        self.cropper = build(found["crops"], CROPPERS, where=f"{where}: infer.crops")
        self.merge = build(found["merge"], MERGES, where=f"{where}: infer.merge")
        for key in ("scale", "max_side"):
            value = found[key]
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
                raise InputError(f"infer.{key} in {where} must be a number above 0, not {value!r}")
        self.scale, self.max_side = float(found["scale"]), int(found["max_side"])
        self.pictures, self.crops, self.seconds = 0, 0, 0.0

    def choose(self, seen: Tensor, size: Sequence[int]) -> Tensor:
        """(h, w) heat map of an input of `size` (H, W) -> (n, 4) crops, xyxy in pixels of that input."""
        crops = self.cropper(seen.float().cpu().numpy())
        scale = torch.tensor([size[1] / seen.shape[1], size[0] / seen.shape[0]]).repeat(2)
        return torch.tensor(crops).view(-1, 4) * scale

    def __call__(
        self,
        picture: np.ndarray,
        coarse: Tensor,
        crops: Tensor,
        ratio: float,
        detect: Callable[[np.ndarray], Tensor],
    ) -> Tensor:
        """Look at the crops of one picture.

        Args:
            picture: (H, W, C) as it was read.
            coarse: (n, 6) rows of the first look: xyxy in pixels of the picture, score, class.
            crops: (m, 4) xyxy, pixels of the picture.
            ratio: pixels of the network input per pixel of the picture in the first look.
            detect: (h, w, C) piece -> (n, 6) rows in its pixels.

        Returns:
            Rows of both looks, merged, the best first.
        """
        start = time.perf_counter()
        windows = [Window.of(c, picture.shape[:2], self.scale * ratio, self.max_side) for c in crops.tolist()]
        parts = []
        for window in windows:
            rows = detect(window.cut(picture))
            rows = torch.cat((window.back(rows[:, :4]), rows[:, 4:]), 1)
            parts.append(rows[((rows[:, 2:4] - rows[:, :2]) > 0).all(1)])  # the others lay in the padding
        merged = self.merge(coarse, [w.box for w in windows], parts)
        self.pictures, self.crops = self.pictures + 1, self.crops + len(windows)
        self.seconds += time.perf_counter() - start
        return merged

    @property
    def summary(self) -> str:
        """One line: forwards and time an image."""
        n = max(self.pictures, 1)
        return (
            f"{1 + self.crops / n:.2f} forwards a picture; the second look takes {1e3 * self.seconds / n:.1f} ms of it"
        )


def piece_detector(model: Any, suppress: Callable[[Tensor], list[Tensor]], augment: bool = False) -> Callable:
    """A callback that runs a network on a piece of a picture.

    Args:
        model: ultralytics' AutoBackend.
        suppress: raw output -> rows per picture.
        augment: with test-time augmentation.
    """

    def detect(piece: np.ndarray) -> Tensor:
        h, w = piece.shape[:2]
        grid = max(int(model.stride), 32)
        canvas = np.full((math.ceil(h / grid) * grid, math.ceil(w / grid) * grid, piece.shape[2]), GREY, np.uint8)
        canvas[:h, :w] = piece
        x = torch.from_numpy(canvas).to(model.device).permute(2, 0, 1)[None]
        x = x.contiguous().flip(1) if x.shape[1] == 3 else x.contiguous()
        x = (x.half() if model.fp16 else x.float()) / 255
        y = model(x, augment=augment)
        return suppress(y[0] if isinstance(y, (list, tuple)) else y)[0]

    return detect


class CropResults(Results):
    """ultralytics' `Results` that also know where was looked twice.

    Attributes:
        crops: (n, 4) xyxy, pixels of the picture.
    """

    crops: Tensor = torch.zeros(0, 4)

    def new(self) -> CropResults:
        """The same picture without detections."""
        made = CropResults(orig_img=self.orig_img, path=self.path, names=self.names, speed=self.speed)
        made.save_dir, made.crops = self.save_dir, self.crops
        return made

    def plot(self, *args: Any, **kwargs: Any) -> Any:
        """ultralytics' drawing, with the crops on the picture below it."""
        import cv2

        img = kwargs.pop("img", None)
        img = (self.orig_img if img is None else img).copy()
        if isinstance(img, np.ndarray) and img.ndim == 3 and img.shape[2] == 3:
            for x1, y1, x2, y2 in self.crops.round().int().tolist():
                cv2.rectangle(img, (x1, y1), (x2, y2), colors(9, True), max(2, round(sum(img.shape[:2]) / 800)))
        return super().plot(*args, img=img, **kwargs)
