"""Canvases through a detector, those of one size in batches: on a GPU large ones, on a CPU small ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from ..errors import InputError
from .canvas import Canvas

Detect = Callable[[np.ndarray], Sequence[np.ndarray]]
GPU_PIXELS = 32 * 640 * 640  # of a batch
# The same on a CPU: small canvases share what a forward costs besides, and larger ones gain nothing.
CPU_PIXELS = 600_000
FILL_PIXELS = 40_000  # of nothing that a batch may be filled up with: a forward more costs as much


class TileBatcher:
    """Runs canvases through a detector.

    Args:
        detect: (N, H, W, C) uint8 canvases -> for each (n, 6) xyxy in its pixels, score, class.
        stride: what the sides of an input have to be divisible by, pixels.
        fixed: (height, width) of the only input that the detector takes, None where any will do.
        max_pixels: of a batch.

    Attributes:
        forwards: so far, a batch counted once.
    """

    def __init__(
        self, detect: Detect, stride: int = 32, fixed: tuple[int, int] | None = None, max_pixels: int = CPU_PIXELS
    ):
        self.detect, self.stride, self.fixed, self.max_pixels = detect, stride, fixed, max_pixels
        self.forwards = 0

    def __call__(self, canvases: Iterable[tuple[np.ndarray, Canvas]]) -> list[np.ndarray]:
        """(H, W, C) uint8 images and canvases to be drawn from them -> for each (n, 6) rows in pixels of the canvas.

        A canvas is drawn when its turn comes, so an image of many tiles needs the memory of one batch.
        """
        out: dict[int, np.ndarray] = {}
        waiting: dict[tuple[int, int], list[tuple[int, np.ndarray]]] = {}
        for i, (image, canvas) in enumerate(canvases):
            batch = waiting.setdefault(canvas.size, [])
            batch.append((i, canvas.draw(image)))
            if len(batch) >= self._most(canvas.size):
                out |= self._run(waiting.pop(canvas.size), len(batch))
        for size, batch in waiting.items():
            for step in batches(len(batch), self._most(size), FILL_PIXELS // (size[0] * size[1])):
                out |= self._run(batch[:step], step)
                batch = batch[step:]
        return [out[i] for i in range(len(out))]

    def _most(self, size: tuple[int, int]) -> int:
        """Canvases of a batch, a power of two."""
        return 1 if self.fixed else 1 << max(self.max_pixels // (size[0] * size[1]), 1).bit_length() - 1

    def _run(self, batch: list[tuple[int, np.ndarray]], size: int) -> dict[int, np.ndarray]:
        """One forward: numbered canvases, filled up to a batch of `size` -> rows by number."""
        numbers, images = zip(*batch, strict=True)
        self.forwards += 1
        array = images[0][None] if size == 1 else np.stack(images + images[:1] * (size - len(images)))
        return dict(zip(numbers, self.rows(array), strict=False))  # rows of what fills up are left out

    def rows(self, images: np.ndarray) -> list[np.ndarray]:
        """What the detector finds in images.

        Args:
            images: (N, H, W, C) uint8, 0 to 255.

        Returns:
            For each (n, 6): xyxy in its pixels, score, class.
        Raises:
            InputError: it gives something else, or not for each image.
        """
        given = self.detect(images)
        found = [] if given is None else [_rows(np.asarray(rows)) for rows in given]
        if len(found) != len(images):
            raise InputError(f"the detector gave rows for {len(found)} of {len(images)} images; give a list of arrays")
        return found


def _rows(found: np.ndarray) -> np.ndarray:
    """What a detector gave for an image; nothing may come in any shape."""
    numbers = found.dtype.kind in "fiu"
    if numbers and not found.size:
        return np.zeros((0, 6), np.float32)
    if not numbers or found.ndim != 2 or found.shape[1] != 6:
        said = f"an array of shape {found.shape}" if numbers else "no array"
        raise InputError(f"the detector gave {said} for an image; give (n, 6): x1, y1, x2, y2, score, class")
    return found


def batches(n: int, most: int, spare: int) -> list[int]:
    """The sizes of the batches that n canvases go in; the last may exceed what is left, by `spare` at most.

    Powers of two and one and a half times these, up to `most`: a network prepares itself for each size that it meets,
    so there are few.
    """
    sizes = sorted({s for i in range(most.bit_length()) for s in (1 << i, 3 << i) if s <= most})
    out = []
    while n > 0:
        up = next((s for s in sizes if s >= n), most)
        out.append(up if up - n <= spare else max(s for s in sizes if s <= n))
        n -= out[-1]
    return out
