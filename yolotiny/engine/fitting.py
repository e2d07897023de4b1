"""What a training run reads off its boxes before it starts: anchors, and the sizes that `auto` settings refer to."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..data.anchors import fit_anchors
from ..detector import Detector
from .dataset import TinyDataset

EXTREMES = (1, 99)  # percentiles of the areas: one huge or broken box shall not decide


def training_sizes(dataset: TinyDataset, imgsz: int) -> np.ndarray:
    """(n, 2) widths and heights of the training boxes in pixels of the network input."""
    out = []
    for label in dataset.labels:
        h, w = label["shape"]
        objects = label["cls"][:, 0] < dataset.nc
        out.append(label["bboxes"][objects, 2:] * np.array([w, h]) * imgsz / max(h, w))
    return np.concatenate(out) if out else np.zeros((0, 2))


def measure(sizes: np.ndarray) -> dict[str, Any]:
    """The section `measured` of a configuration.

    Args:
        sizes: (n, 2) widths and heights, pixels of the network input, n above 0.
    Returns:
        `object_size`, the mean square root of the area (the C of NWD, 12.7 on AI-TOD-v2 at 800 px), and `object_areas`,
        the 1st and 99th percentile of the areas. Components ask for them by name.
    """
    areas = sizes.prod(1)
    low, high = np.percentile(areas, EXTREMES)
    return {
        "object_size": round(float(np.sqrt(areas).mean()), 2),
        "object_areas": [round(float(low), 2), round(float(high), 2)],
    }


def fit(model: Detector, dataset: TinyDataset, imgsz: int, seed: int = 0) -> list[str]:
    """Set what depends on the training boxes, in the model and in its configuration.

    Anchors are fitted where the configuration says `auto`; `measured` is always written, so that whatever a component
    derives from it is the same in training, validation, resumed runs and exports. The criterion is built anew.

    Args:
        model: changed in place.
        dataset: the training data.
        imgsz: side of the network input, pixels.
        seed: of the search for anchors.
    Returns:
        What to log.
    """
    sizes = training_sizes(dataset, imgsz)
    if not len(sizes):
        return []
    said = []
    if model.yaml.get("anchors") == "auto":
        head = model.model[-1]
        anchors, reached = fit_anchors(sizes, head.nl, head.anchors_per_cell, seed=seed)
        head.set_anchors(torch.from_numpy(anchors))
        model.yaml["anchors"] = [[round(float(v), 2) for v in level.ravel()] for level in anchors]
        shown = " | ".join(" ".join(f"{w:.0f}x{h:.0f}" for w, h in level) for level in anchors)
        said.append(f"anchors: {shown} px reach {reached:.1%} of {len(sizes)} boxes")
    model.yaml["measured"] = measure(sizes)
    model.criterion = model.init_criterion()
    said.append(f"objects: {model.yaml['measured']['object_size']} px mean size at imgsz={imgsz}")
    return said
