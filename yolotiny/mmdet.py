"""Tensors under the names of mmdetection, as the code of NWD-RKA, SR-TOD and YOLC saves them, for our layers.

What has another name alone is renamed by the `official` section of a model file; here is what has another meaning.
Source: names and shapes are those of open-mmlab/mmdetection 2 and 3 (ResNet, HRNet, FPN, HRFPN, RPNHead,
Shared2FCBBoxHead), Hiyuur/SR-TOD (srtod_project) and dawn-ech/YOLC (yolc_head.py), read there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

STEM, NORM = "backbone.conv1.weight", "backbone.bn1.running_mean"
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # of red, green, blue in 0..255
BOX = "roi_head.bbox_head.fc_reg."
GATE = "dgfe.mlp."  # SR-TOD's, of fully connected layers
FIRST, BEHIND = "bbox_head.local_head.0.", "bbox_head.local_head.1."  # YOLC's first convolution and the norm behind
EPS, OURS = 1e-5, 1e-3  # of that norm: torch's, and the one that ultralytics gives to every plain norm


def is_mmdet(tensors: Mapping[str, Tensor]) -> bool:
    """Whether tensors, of any shape, have the names of a detector of mmdetection on a ResNet or an HRNet."""
    return STEM in tensors and any(k.startswith("neck.") for k in tensors)


def classes(saved: Mapping[str, Any]) -> Any:
    """The names of classes in what a checkpoint of mmdetection 2 or 3 holds beside its tensors; None without."""
    meta = saved.get("meta")
    meta = meta if isinstance(meta, Mapping) else {}
    about = meta.get("dataset_meta")
    about = about if isinstance(about, Mapping) else {}
    return meta.get("CLASSES") or about.get("classes") or about.get("CLASSES")


def converted(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of mmdetection as our layers understand them, under the names that they had.

    - Pictures here are in 0..1: deviations go into the first filters, means into the norm behind. At the border that
      is not the same: their pictures are filled up by zeros once the mean is off, ours before.
    - No object is the first class here and the last there.
    - A box for each class becomes the mean of them: here is one for all.
    - The gate of SR-TOD is of 1x1 convolutions here.
    - The first convolution of YOLC's heat map has no bias here: the norm behind takes it.

    Args:
        tensors: of any shape, by name.
    Returns:
        By name; of the same shape but where said.
    """
    out = {k: v.roll(1, 0) if ".fc_cls." in k and k.startswith("roi_head.") else v for k, v in tensors.items()}
    mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in (MEAN, STD))
    if (weight := tensors[STEM]).shape[1] == 3 and NORM in tensors:
        out[STEM] = weight * 255 / deviation
        out[NORM] = tensors[NORM] + (weight * mean / deviation).sum((1, 2, 3))
    for k, v in tensors.items():
        if k.startswith(BOX) and len(v) > 4 and not len(v) % 4:
            out[k] = v.unflatten(0, (-1, 4)).mean(0)
        if k.startswith(GATE) and v.dim() == 2:
            out[k] = v[..., None, None]
    if f"{FIRST}bias" in out and f"{BEHIND}running_var" in out:
        variance = tensors[f"{BEHIND}running_var"]
        out[f"{BEHIND}running_mean"] = tensors[f"{BEHIND}running_mean"] - out.pop(f"{FIRST}bias")
        out[f"{BEHIND}weight"] = tensors[f"{BEHIND}weight"] * ((variance + OURS) / (variance + EPS)).sqrt()
    return out
