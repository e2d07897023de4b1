"""How a picture lies in the network's input, and the way between the two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

GREY = 114  # of the padding, as ultralytics pads


@dataclass(frozen=True)
class Letterbox:
    """How an image was fitted into a network input.

    Attributes:
        image_size: (height, width) of the image, pixels.
        input_size: (height, width) of the input, pixels.
        ratio_pad: as ultralytics' validator has it, ((ratio y, ratio x), (pad x, pad y)).
    """

    image_size: tuple[int, int]
    input_size: tuple[int, int]
    ratio_pad: tuple[tuple[float, float], tuple[float, float]]

    @classmethod
    def of(cls, image_size: Sequence[int], input_size: Sequence[int]) -> Letterbox:
        """The fit of ultralytics' letterbox."""
        return cls._placed(image_size, _fitted(image_size, input_size), input_size)

    @classmethod
    def tight(cls, image_size: Sequence[int], most: Sequence[int], stride: int) -> Letterbox:
        """The fit into an input without whole strides of padding, as ultralytics draws pictures for one of any size.

        It maps boxes by `of` all the same: where a side is rounded, its picture is up to a pixel larger.

        Args:
            image_size: (height, width) of the image, pixels.
            most: (height, width) of the largest input, pixels, divisible by the stride.
            stride: of the network.
        """
        inner = _fitted(image_size, most)
        return cls._placed(image_size, inner, [i + (m - i) % stride for i, m in zip(inner, most, strict=True)])

    @classmethod
    def _placed(cls, image_size: Sequence[int], inner: tuple[int, int], input_size: Sequence[int]) -> Letterbox:
        """An image shown at `inner` (height, width) in the middle of the input."""
        h, w = inner
        x, y = round((input_size[1] - w) / 2 - 0.1), round((input_size[0] - h) / 2 - 0.1)
        ratios = h / image_size[0], w / image_size[1]
        return cls((image_size[0], image_size[1]), (input_size[0], input_size[1]), (ratios, (float(x), float(y))))

    @property
    def ratio(self) -> float:
        """Pixels of the input per pixel of the image."""
        return float(max(self.ratio_pad[0]))

    @property
    def inside(self) -> tuple[float, float, float, float]:
        """xyxy of the image in the input, pixels of the input."""
        (ry, rx), (x, y) = self.ratio_pad
        return x, y, x + self.image_size[1] * rx, y + self.image_size[0] * ry

    def draw(self, image: np.ndarray) -> np.ndarray:
        """(H, W, C) uint8 image -> (h, w, C) input."""
        x1, y1, x2, y2 = (round(v) for v in self.inside)
        if (y2 - y1, x2 - x1) != image.shape[:2]:
            resized = cv2.resize(image, (x2 - x1, y2 - y1), interpolation=cv2.INTER_LINEAR)
            image = resized if resized.ndim == image.ndim else resized[..., None]
        if image.shape[:2] == self.input_size:
            return image
        out = np.full((*self.input_size, image.shape[2]), GREY, np.uint8)
        out[y1:y2, x1:x2] = image
        return out

    def to_image(self, boxes: np.ndarray) -> np.ndarray:
        """(n, 4) xyxy in pixels of the input -> (n, 4) in pixels of the image, cut to it."""
        (ry, rx), (x, y) = self.ratio_pad
        moved = (boxes - np.array([x, y, x, y], boxes.dtype)) / np.array([rx, ry, rx, ry], boxes.dtype)
        h, w = self.image_size
        return np.clip(moved, 0, np.array([w, h, w, h], boxes.dtype))

    def to_input(self, boxes: np.ndarray) -> np.ndarray:
        """(n, 4) xyxy in pixels of the image -> (n, 4) in pixels of the input."""
        (ry, rx), (x, y) = self.ratio_pad
        return boxes * np.array([rx, ry, rx, ry], boxes.dtype) + np.array([x, y, x, y], boxes.dtype)


def _fitted(image_size: Sequence[int], most: Sequence[int]) -> tuple[int, int]:
    """(height, width) of an image shown as large as `most` allows, pixels."""
    ratio = min(most[0] / image_size[0], most[1] / image_size[1])
    return max(round(image_size[0] * ratio), 1), max(round(image_size[1] * ratio), 1)
