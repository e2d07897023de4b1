"""What a training run reads off its boxes before it starts: anchors, and the sizes that `auto` settings refer to."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from ultralytics.utils import LOGGER

from ..data.anchors import fit_anchors
from ..data.class_counts import empty_splits, gaps
from ..detector import Detector
from ..distributed import of_first
from ..ignore import is_region
from ..loaders.crop_dataset import TiledDataset
from ..loaders.dataset import TinyDataset
from ..slicing.samplers.base import ObjectCrop
from ..training_stats import TrainingStats

EXTREME_PERCENTILES = (1, 99)  # of the areas: one huge or broken box shall not decide
SAMPLE_COUNT = 2000  # pictures and tiles drawn to see what training with crops sees


class TrainingSample(NamedTuple):
    """One picture or tile as training shows it.

    Attributes:
        sizes: (n, 2) widths and heights of its objects, pixels of the network input.
        scale: network pixels per pixel of the file.
        cropped: it is a tile.
    """

    sizes: np.ndarray
    scale: float
    cropped: bool


def class_gaps(train: TinyDataset, val: TinyDataset, classes: int | Sequence[int] | None) -> list[str]:
    """A line for each kind of class without objects in train or val, of those that are asked for."""
    counts = {"train": train.class_counts(), "val": val.class_counts()}
    names = list(counts["train"])
    wanted = names if classes is None else [names[i] for i in np.ravel(classes).tolist() if 0 <= i < len(names)]
    return [*gaps(counts, wanted).values(), *(f"{split} holds no object" for split in empty_splits(counts))]


def training_samples(dataset: TinyDataset, imgsz: int, seed: int = 0) -> list[TrainingSample]:
    """What training shows, augmentation left aside: every picture, or with crops a sample as training draws it.

    Args:
        dataset: the training data.
        imgsz: side of the network input, pixels.
        seed: of the sample.
    """
    if not isinstance(dataset, TiledDataset):
        return [_sample(dataset, i, None, imgsz) for i in range(len(dataset.labels))]
    rng = random.Random(seed)
    drawn = _drawn(len(dataset.labels), dataset.crop_train.probability, rng)
    return [_sample(dataset, i, dataset.object_crop(i, rng) if crop else None, imgsz) for i, crop in drawn]


def _drawn(pictures: int, probability: float, rng: random.Random) -> Iterator[tuple[int, bool]]:
    """Pictures in random order, each as often as any other, and which give way to a tile: their share is exact."""
    order: list[int] = []
    for n in range(SAMPLE_COUNT):
        order = order or rng.sample(range(pictures), pictures)
        yield order.pop(), int((n + 1) * probability) > int(n * probability)


def _sample(dataset: TinyDataset, index: int, object_crop: ObjectCrop | None, imgsz: int) -> TrainingSample:
    label = dataset.labels[index]
    if object_crop is not None:
        width, height = object_crop.tile.shown
        objects = ~is_region(object_crop.cls[:, 0], dataset.nc)
        return TrainingSample(object_crop.boxes[objects, 2:] * [width, height], object_crop.scale, True)
    height, width = dataset.sizes[label["im_file"]]
    scale = imgsz / max(height, width)
    objects = ~is_region(label["cls"][:, 0], dataset.nc)
    return TrainingSample(label["bboxes"][objects, 2:] * [width, height] * scale, scale, False)


def measure(samples: list[TrainingSample]) -> TrainingStats:
    """Sizes of the objects in samples that show at least one.

    Returns:
        `object_size`, the mean square root of the area (the C of NWD, 12.7 on AI-TOD-v2 at 800 px), and `object_areas`,
        the 1st and 99th percentile of the areas, over whole pictures and tiles as they are mixed. Components ask for
        them by name. `crop_object_size` is the mean size in tiles alone, if there are any. `pixel_scale` is the
        median of network pixels per pixel of the file, over the tiles where there are any: an object crop of a picture
        shown at this scale looks as in training.
    """
    areas = np.concatenate([sample.sizes for sample in samples]).prod(1)
    low, high = np.percentile(areas, EXTREME_PERCENTILES)
    tiles = [sample for sample in samples if sample.cropped]
    scales = [sample.scale for sample in tiles or samples]
    in_tiles = np.concatenate([sample.sizes for sample in tiles] or [np.zeros((0, 2))]).prod(1)
    return TrainingStats(
        object_size=_mean_side(areas),
        crop_object_size=_mean_side(in_tiles) if len(in_tiles) else None,
        pixel_scale=round(float(np.median(scales)), 4),
        object_areas=[round(float(low), 2), round(float(high), 2)],
    )


def _mean_side(areas: np.ndarray) -> float:
    """(n,) areas, pixels squared -> mean of their square roots, pixels."""
    return round(float(np.sqrt(areas).mean()), 2)


def fit(model: Detector, dataset: TinyDataset, imgsz: int, seed: int = 0) -> list[str]:
    """Set what depends on the training boxes, in the model and in its configuration.

    Anchors are fitted where the configuration says `auto`; `measured` is always written, so that whatever a component
    derives from it is the same in training, validation, resumed runs and exports. Of several processes the first one's
    figures hold, as another processor may round otherwise. The criterion is built anew.

    Args:
        model: changed in place.
        dataset: the training data.
        imgsz: side of the network input, pixels.
        seed: of the search for anchors, and of the tiles that are looked at.
    Returns:
        What to log.
    """
    samples = training_samples(dataset, imgsz, seed)
    sizes = np.concatenate([sample.sizes for sample in samples]) if samples else np.zeros((0, 2))
    if not len(sizes):
        return []
    lines = []
    if model.yaml.get("anchors") == "auto":
        head = model.model[-1]
        anchors, reached = of_first(fit_anchors(sizes, head.nl, head.anchors_per_cell, seed=seed))
        head.set_anchors(torch.from_numpy(anchors))
        model.yaml["anchors"] = [[round(float(v), 2) for v in level.ravel()] for level in anchors]
        shown = " | ".join(" ".join(f"{w:.0f}x{h:.0f}" for w, h in level) for level in anchors)
        lines.append(f"anchors: {shown} px reach {reached:.1%} of {len(sizes)} boxes")
    stats = of_first(measure(samples))
    if isinstance(dataset, TiledDataset) and any(sample.cropped for sample in samples):
        stats = replace(stats, **dataset.crop_train.advice)
    stats.note_in(model.yaml)
    model.criterion = model.init_criterion()
    lines.append(f"objects: {stats.object_size} px mean size at imgsz={imgsz}")
    if isinstance(dataset, TiledDataset):
        cropped = sum(sample.cropped for sample in samples) / len(samples)
        lines.append(f"crops: {cropped:.0%} of what training sees, {stats.pixel_scale} px per pixel of the file")
        if not cropped:
            LOGGER.warning(
                "crop_train: no picture gives a tile, so all are seen whole; their files are no larger than one, or "
                "hold no cluster: raise crop_train.scale, or leave crop_train out"
            )
    return lines
