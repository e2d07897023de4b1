"""Sliced inference on a torch network: its answers as arrays, and arrays as its inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..ops.letterbox import Letterbox
from ..slicing import CoarsePass, SlicedInference, TileBatcher, from_map, from_rows
from ..slicing.batching import CPU_PIXELS, GPU_PIXELS
from ..structures import CenterPreds


def finish(device: Any) -> None:
    """Wait for what a GPU still computes, so that a clock tells its time."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


def coarse_passes(
    sliced: SlicedInference, preds: Any, found: Sequence[Tensor], letterboxes: Sequence[Letterbox]
) -> list[CoarsePass]:
    """What a network said of a batch of whole images.

    Args:
        sliced: says whether heat maps are needed, and whether detections count.
        preds: what the network gave; None where there was no coarse pass.
        found: of each image (n, 6) xyxy in pixels of the input, score, class.
        letterboxes: how each image lies in the input.
    """
    heatmaps: Sequence[np.ndarray | None] = [None] * len(letterboxes)
    if sliced.needs_heatmap:
        heatmaps = heat_maps(preds, letterboxes, sliced.least_score)
    out = []
    for rows, letterbox, heatmap in zip(found, letterboxes, heatmaps, strict=True):
        array = rows.float().cpu().numpy() if sliced.full else np.zeros((0, 6), np.float32)
        array = np.concatenate((letterbox.to_image(array[:, :4]), array[:, 4:]), 1)
        out.append(CoarsePass(array, heatmap, letterbox.ratio))
    return out


def heat_maps(preds: Any, letterboxes: Sequence[Letterbox], least: float = 0.0) -> list[np.ndarray]:
    """A heat map over each image of a batch.

    A head with a map of its own (YOLC) gives that, as does a file exported with `heatmap=True`; any other the scores of
    its predictions.

    Args:
        preds: what the network gave.
        letterboxes: how each image lies in the input.
        least: predictions need not be there that score no more.
    Returns:
        Of each image (h, w) scores or probabilities, 0..1.
    """
    maps = preds[1] if isinstance(preds, (list, tuple)) and len(preds) > 1 else None
    own = maps.seen if isinstance(maps, CenterPreds) else maps if isinstance(maps, Tensor) and maps.ndim == 3 else None
    if own is not None:
        seen = own.float().cpu().numpy()
        return [from_map(one, letterbox) for one, letterbox in zip(seen, letterboxes, strict=True)]
    y = preds[0] if isinstance(preds, (list, tuple)) else preds
    if y.device.type != "cpu" and y.shape[-1] != 6:  # one score of each prediction travels, not those of all classes
        y = torch.cat((y[:, :4], y[:, 4:].amax(1, keepdim=True)), 1)
    rows = y.float().cpu().numpy()
    return [from_rows(one, letterbox, least) for one, letterbox in zip(rows, letterboxes, strict=True)]


def tile_batcher(model: Any, suppress: Callable[[Tensor], list[Tensor]], augment: Any = False) -> TileBatcher:
    """Canvases through a network.

    Args:
        model: ultralytics' AutoBackend.
        suppress: raw output -> (n, 6) rows per canvas.
        augment: with test-time augmentation; sizes, or True for the usual ones.
    """

    def detect(canvases: np.ndarray) -> list[np.ndarray]:
        x = torch.from_numpy(canvases).to(model.device).permute(0, 3, 1, 2).contiguous()
        x = x.flip(1) if x.shape[1] == 3 else x
        x = (x.half() if model.fp16 else x.float()).div_(255)
        y = model(x, augment=augment)
        y = y[0] if isinstance(y, (list, tuple)) else y
        return [rows.float().cpu().numpy() for rows in suppress(y)]

    sized = model.format != "pt" and not getattr(model, "dynamic", False)
    fixed = getattr(model, "imgsz", None) if sized else None
    pixels = CPU_PIXELS if model.device.type == "cpu" else GPU_PIXELS
    size = None if fixed is None else (int(fixed[0]), int(fixed[1]))
    return TileBatcher(detect, max(int(model.stride), 32), size, pixels)
