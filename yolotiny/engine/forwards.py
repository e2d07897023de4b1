"""Canvases through a network, those of one size in batches: on a GPU large ones, on a CPU small ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..crops import Canvas

PIXELS = 32 * 640 * 640  # of a batch on a GPU
# The same on a CPU: small canvases share what a forward costs besides, and larger ones gain nothing.
FEW_PIXELS = 600_000
FILL = 40_000  # pixels of nothing that a batch may be filled up with: a forward more costs as much


def finish(device: Any) -> None:
    """Wait for what a GPU still computes, so that a clock tells its time."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


class Forwards:
    """Runs canvases through a network.

    Args:
        model: ultralytics' AutoBackend.
        suppress: raw output -> (n, 6) rows per canvas.
        augment: with test-time augmentation.

    Attributes:
        stride: what the sides of an input have to be divisible by.
        fixed: (height, width) of the only input that an exported file takes, None where any will do.
        count: forwards so far, a batch counted once.
    """

    def __init__(self, model: Any, suppress: Callable[[Tensor], list[Tensor]], augment: bool = False):
        self.model, self.suppress, self.augment = model, suppress, augment
        self.stride = max(int(model.stride), 32)
        sized = model.format != "pt" and not getattr(model, "dynamic", False)
        fixed = getattr(model, "imgsz", None) if sized else None
        self.fixed: tuple[int, int] | None = None if fixed is None else (int(fixed[0]), int(fixed[1]))
        self.count = 0

    def __call__(self, canvases: Iterable[tuple[np.ndarray, Canvas]]) -> list[Tensor]:
        """Pictures and the canvases to be drawn from them -> for each (n, 6) rows in pixels of the canvas.

        A canvas is drawn when its turn comes, so a picture of many tiles needs the memory of one batch.
        """
        out: dict[int, Tensor] = {}
        waiting: dict[tuple[int, int], list[tuple[int, np.ndarray]]] = {}
        for i, (picture, canvas) in enumerate(canvases):
            batch = waiting.setdefault(canvas.size, [])
            batch.append((i, canvas.draw(picture)))
            if len(batch) >= self._most(canvas.size):
                out |= self._run(waiting.pop(canvas.size), len(batch))
        for size, batch in waiting.items():
            for step in batches(len(batch), self._most(size), FILL // (size[0] * size[1])):
                out |= self._run(batch[:step], step)
                batch = batch[step:]
        return [out[i] for i in range(len(out))]

    def _most(self, size: tuple[int, int]) -> int:
        """Canvases of a batch, a power of two."""
        pixels = FEW_PIXELS if self.model.device.type == "cpu" else PIXELS
        return 1 if self.fixed else 1 << max(pixels // (size[0] * size[1]), 1).bit_length() - 1

    def _run(self, batch: list[tuple[int, np.ndarray]], size: int) -> dict[int, Tensor]:
        """One forward: numbered canvases, filled up to a batch of `size` -> rows by number."""
        numbers, images = zip(*batch, strict=True)
        self.count += 1
        array = images[0][None] if size == 1 else np.stack(images + images[:1] * (size - len(images)))
        x = torch.from_numpy(array).to(self.model.device).permute(0, 3, 1, 2).contiguous()
        x = x.flip(1) if x.shape[1] == 3 else x
        x = (x.half() if self.model.fp16 else x.float()).div_(255)
        y = self.model(x, augment=self.augment)
        y = y[0] if isinstance(y, (list, tuple)) else y
        return dict(zip(numbers, self.suppress(y[: len(numbers)]), strict=True))


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
