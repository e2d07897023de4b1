"""The first look at a picture: how it lies in the network's input, and the heat map of what the network said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor
from ultralytics.utils import ops

from ..crops import of_map, of_rows, scatter
from ..structures import CenterPreds

CELL = 4.0  # network pixels of a heat map's cell: decoded centres are finer than the strides of most heads


@dataclass(frozen=True)
class Fit:
    """How a picture was fitted into a network input.

    Attributes:
        shape: (height, width) of the picture.
        size: (height, width) of the input.
        ratio_pad: as ultralytics' validator has it, ((ratio y, ratio x), (pad x, pad y)).
    """

    shape: tuple[int, int]
    size: tuple[int, int]
    ratio_pad: tuple[tuple[float, float], tuple[float, float]]

    @classmethod
    def of(cls, shape: Sequence[int], size: Sequence[int]) -> Fit:
        """The fit of ultralytics' letterbox: as large as possible, in the middle."""
        ratio = min(size[0] / shape[0], size[1] / shape[1])
        h, w = (max(round(side * ratio), 1) for side in shape)
        x, y = round((size[1] - w) / 2 - 0.1), round((size[0] - h) / 2 - 0.1)
        ratios = h / shape[0], w / shape[1]
        return cls((shape[0], shape[1]), (size[0], size[1]), (ratios, (float(x), float(y))))

    @property
    def ratio(self) -> float:
        """Pixels of the input per pixel of the picture."""
        return float(max(self.ratio_pad[0]))

    @property
    def inside(self) -> tuple[float, float, float, float]:
        """xyxy of the picture in the input."""
        (ry, rx), (x, y) = self.ratio_pad
        return x, y, x + self.shape[1] * rx, y + self.shape[0] * ry

    def back(self, boxes: Tensor) -> Tensor:
        """(n, 4) xyxy in pixels of the input -> of the picture, cut to it."""
        return ops.scale_boxes(self.size, boxes.clone(), self.shape, self.ratio_pad)

    def there(self, boxes: Tensor) -> Tensor:
        """(n, 4) xyxy in pixels of the picture -> of the input."""
        (ry, rx), (x, y) = self.ratio_pad
        return boxes * boxes.new_tensor([rx, ry, rx, ry]) + boxes.new_tensor([x, y, x, y])


def tight_shapes(dataset: Any) -> np.ndarray:
    """(batches, 2) heights and widths of a data set's rectangular batches without the border of validation.

    ultralytics pads rectangular batches of validation by half a stride more than pictures of prediction.
    """
    sizes = np.array([dataset.sizes[file] for file in dataset.im_files], float)
    shapes = []
    for i in range(dataset.batch[-1] + 1):
        tall = sizes[dataset.batch == i, 0] / sizes[dataset.batch == i, 1]
        shapes.append((min(tall.max(), 1.0), min(1 / tall.min(), 1.0)))
    whole = np.array(shapes) * dataset.imgsz / dataset.stride
    return np.ceil(np.round(whole, 6)).astype(int) * dataset.stride


def heat_maps(preds: Any, size: Sequence[int], fits: Sequence[Fit], least: float = 0.0) -> list[Tensor]:
    """A heat map over each picture of a batch.

    A head with a map of its own (YOLC) gives that; of any other, and of every exported file, the best score of each
    prediction counts at its decoded centre, however low it is.

    Args:
        preds: what the network gave.
        size: (height, width) of its input.
        fits: how each picture lies in the input.
        least: predictions need not be there that score no more; most of them, and it takes time to place them.
    """
    maps = preds[1] if isinstance(preds, (list, tuple)) and len(preds) > 1 else None
    if isinstance(maps, CenterPreds) and maps.seen is not None:
        return [of_map(seen, (size[0], size[1]), fit.inside) for seen, fit in zip(maps.seen, fits, strict=True)]
    heats = []
    for y, fit in zip(preds[0] if isinstance(preds, (list, tuple)) else preds, fits, strict=True):
        centres, scores = of_rows(y, least)
        (ry, rx), pad = fit.ratio_pad
        places = (centres - centres.new_tensor(pad)) / centres.new_tensor([rx, ry])
        heats.append(scatter(places, scores, fit.shape, CELL / fit.ratio))
    return heats
