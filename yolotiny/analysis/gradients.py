"""How evenly a detector's boxes are pulled: the variance of the localisation gradient of small objects.

Source: Uncertainty-Aware Gradient Stabilization for Small Object Detection (ICCV 2025, arXiv 2303.01803), section 4.6.
Gradients of different losses have different units, so their logarithms are compared. The gradient is that of all box
terms in the raw box channels of a matched prediction; the second pass of the refinement has none there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from ultralytics.cfg import get_cfg

from .. import errors
from ..config.run_files import find_data
from ..criterion import Criterion, targets_of
from ..data_file import read_data_file
from ..detector import Detector
from ..errors import InputError
from ..files import whole, write_text
from ..loaders.build import build_dataset
from ..loaders.dataset import TinyDataset, split_ignore
from ..loaders.trained import reader_for, reading_given
from ..structures import CenterPreds, Targets
from .bar import bar


@dataclass(frozen=True)
class Pull:
    """Gradients of one model.

    Attributes:
        logs: per iteration (n,) the natural logarithms of the norms, one for each pair of prediction and small object.
        still: pairs whose gradient is zero; they have no logarithm.
    """

    logs: list[np.ndarray]
    still: int

    @property
    def variance(self) -> float:
        """Of the logarithms of all iterations together; NaN for fewer than two pairs."""
        values = np.concatenate(self.logs)
        return float(values.var(ddof=1)) if len(values) > 1 else math.nan


def box_gradients(model: Detector, criterion: Criterion, images: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
    """Length of the gradient of the box terms for each matched pair; the network is not changed.

    Args:
        model: the detector.
        criterion: its criterion.
        images: (B, C, H, W) in 0..1.
        targets: objects of these images.
    Returns:
        (P,) norms over the raw box channels, and (P,) index of the pair's object.
    """
    with torch.no_grad():
        preds = model.eval()(images)[1]
    preds = preds.rows[-1] if isinstance(preds, CenterPreds) else preds
    raw = preds.box.float().detach().requires_grad_()
    preds = replace(preds, box=raw, features=(), again=None)
    found = criterion.match(preds, targets)
    _, lost = criterion.localise(preds, found, targets.boxes[found.gt])
    total = sum((v.sum() for v in lost.values()), raw.sum() * 0)
    (gradient,) = torch.autograd.grad(total, raw)
    return gradient[found.image, found.prior].norm(dim=1), found.gt


def measure(model: Detector, batches: Iterator[dict[str, Any]], below: float) -> Pull:
    """Collect the gradients of objects smaller than `below` pixels (root of the area, network input)."""
    criterion = model.init_criterion()
    if not isinstance(criterion, Criterion):
        raise InputError(f"analyze gradients: {model.yaml.get('yaml_file')} has a head of ultralytics, not one of ours")
    logs, still = [], 0
    for batch in batches:
        targets = targets_of(batch)
        assert targets.areas is not None
        norm, gt = box_gradients(model, criterion, batch["img"], targets)
        norm = norm[targets.areas[gt].sqrt() < below]
        still += int((norm == 0).sum())
        logs.append(norm[norm > 0].log().cpu().numpy())
    return Pull(logs, still)


def analyze_gradients(
    models: dict[str, Detector],
    data: str,
    to: str | Path = "runs/analyze/gradients",
    imgsz: int = 640,
    batch: int = 16,
    iterations: int = 100,
    below: float = 32.0,
    seed: int = 0,
    bands: Any = None,
    stretch: Any = "",
) -> dict[str, Any]:
    """Measure one or two detectors on the same training pictures, without augmentation.

    Args:
        models: name to detector; of two, the ratio is that of the second's variance to the first's.
        data: data YAML.
        to: folder for gradients.json and gradients.png.
        imgsz: side of the network input, pixels.
        batch: pictures of an iteration.
        iterations: batches; pictures come again where the data has fewer.
        below: an object is small below this many pixels of the network input.
        seed: of the order of the pictures.
        bands, stretch: as in training; by default as each model was trained.
    Returns:
        What gradients.json holds.
    Raises:
        InputError: a number below 1, no small object, a detector of fewer classes than the data.
    """
    for name, value in (("imgsz", imgsz), ("batch", batch), ("iterations", iterations)):
        errors.whole(value, f"analyze gradients: {name}", 1)
    errors.above_zero(below, "analyze gradients: below", 8)
    found = read_data_file(Path(find_data(data, "train"))).as_ultralytics()
    for name, model in models.items():
        if model.yaml["nc"] < found["nc"]:
            raise InputError(f"analyze gradients: {name} has {model.yaml['nc']} classes, {data} has {found['nc']}")
    pulls = {}
    for name, model in models.items():
        grid = max(int(model.stride.max()), 32)
        args = get_cfg(overrides={"imgsz": imgsz, "task": "detect", "workers": 0})
        reader = reader_for(model, reading_given(bands, stretch), found["channels"])
        dataset = build_dataset(args, found["train"], found, "val", batch, grid, rect=False, reader=reader)
        batches = bar(_batches(dataset, batch, iterations, seed), name, iterations, "batch")
        pulls[name] = measure(model, batches, below)
        if math.isnan(pulls[name].variance):
            raise InputError(f"analyze gradients: {name} matched no object below {below:g} px of {data} at {imgsz} px")
    variances = [p.variance for p in pulls.values()]
    report: dict[str, Any] = {"data": str(data), "imgsz": imgsz, "batch": batch, "iterations": iterations}
    report |= {"below": below, "seed": seed, "models": {n: _row(p) for n, p in pulls.items()}}
    if len(variances) == 2:
        report["ratio"] = variances[1] / variances[0]
    folder = Path(to)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "gradients.json", json.dumps(report, indent=2) + "\n")
    draw(pulls, folder / "gradients.png", below)
    return report


def _row(pull: Pull) -> dict[str, Any]:
    values = np.concatenate(pull.logs)
    return {"variance": pull.variance, "mean": float(values.mean()), "pairs": len(values), "still": pull.still}


def _batches(dataset: TinyDataset, batch: int, iterations: int, seed: int) -> Iterator[dict[str, Any]]:
    """The same batches for every model: training pictures in shuffled order, round and round."""
    order = np.random.default_rng(seed)
    waiting: list[int] = []
    for _ in range(iterations):
        while len(waiting) < batch:
            waiting += order.permutation(len(dataset)).tolist()
        now, waiting = waiting[:batch], waiting[batch:]
        made = split_ignore(dataset.collate_fn([dataset[i] for i in now]), dataset.nc)
        yield made | {"img": made["img"].float() / 255}


def draw(pulls: dict[str, Pull], file: Path, below: float) -> None:
    """Two panels: the distribution of the logarithms, and their variance in each iteration."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    values = {name: np.concatenate(p.logs) for name, p in pulls.items()}
    edges = np.histogram_bin_edges(np.concatenate(list(values.values())), 60)
    for name, pull in pulls.items():
        label = f"{name}, variance {pull.variance:.3g}"
        left.hist(values[name], edges, density=True, histtype="step", label=label)
        right.plot([x.var(ddof=1) if len(x) > 1 else np.nan for x in pull.logs])
    left.set(xlabel="ln |gradient of the box terms|", ylabel="density", title=f"objects below {below:g} px")
    right.set(xlabel="iteration", ylabel="variance of ln |gradient|", ylim=(0, None))
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", fontsize=8)
    FigureCanvasAgg(figure)
    with whole(file) as part:
        figure.savefig(part, dpi=120)
