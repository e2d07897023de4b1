"""How many priors a detector's assigner gives to objects of each size, beside its family's own: table and plot."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset
from ultralytics.cfg import get_cfg
from ultralytics.utils import LOGGER

from .. import boxes, errors, files
from ..config import load as config
from ..config.run_files import find_data
from ..criterion import Criterion, targets_of
from ..data_file import read_data_file
from ..detector import Detector
from ..errors import InputError
from ..loaders.build import build_dataset
from ..loaders.dataset import TinyDataset, split_ignore
from ..loaders.trained import reader_for
from ..nn.head import family_of
from ..pictures.reader import PictureReader
from ..train.autofit import fit
from ..training_stats import TrainingStats
from .bar import bar

SIZE_EDGES_PX = (0, 8, 16, 32, 64)  # very tiny, tiny, small, medium, and larger
SHIFT_PX = 16  # how far a box is moved along the diagonal for the curves
BATCH_PICTURES = 8


@dataclass(frozen=True)
class AssignmentAnalysis:
    """What `analyze_assignment` found.

    Attributes:
        model: name of the model file.
        assigners: names, the baseline's first.
        imgsz: side of the network input, pixels.
        c: scale of the NWD curves, pixels.
        sizes: one row per size range: its name, how many objects, and for each assigner the mean number of priors an
            object gets and the share of objects without any.
        curves: for each box side, IoU and NWD after moving the box 0, 0.5, 1, ... pixels right and down.
        plot: the picture.
    """

    model: str
    assigners: tuple[str, str]
    imgsz: int
    c: float
    sizes: list[dict[str, Any]]
    curves: dict[str, dict[str, list[float]]]
    plot: str

    def __str__(self) -> str:
        """The table."""
        head = f"{'object size':>12} {'objects':>8} |" + "".join(f" {a:>20} |" for a in self.assigners)
        lines = [f"priors per object at {self.imgsz} px (share of objects without any), {self.model}", head]
        for row in self.sizes:
            pairs = zip(row["priors"], row["without"], strict=True)
            cells = "".join(f" {p:>11.2f} ({w:6.1%}) |" for p, w in pairs) if row["objects"] else " " * 22 + "|"
            lines.append(f"{row['size']:>12} {row['objects']:>8} |{cells}")
        return "\n".join([*lines, f"plot: {self.plot}"])


def deviation(side: float, c: float, reach: float = SHIFT_PX, step: float = 0.5) -> dict[str, list[float]]:
    """IoU and NWD of a square box and itself, moved along the diagonal.

    Args:
        side: pixels.
        c: scale of NWD, pixels.
        reach: largest move along each axis, pixels; step: from one value to the next.
    Returns:
        Lists under `shift`, `iou` and `nwd`.
    Source: Xu et al. 2022 (ISPRS 190), Fig. 2.
    """
    shift = torch.arange(0, reach + step / 2, step)
    home = torch.tensor([0.0, 0, side, side]).expand(len(shift), 4)
    moved = home + shift[:, None]
    values = {"shift": shift, "iou": boxes.iou(home, moved), "nwd": boxes.nwd(home, moved, c)}
    return {k: [round(float(x), 5) for x in v] for k, v in values.items()}


def by_size(sides: np.ndarray, counts: Sequence[np.ndarray]) -> list[dict[str, Any]]:
    """Rows of `AssignmentAnalysis.sizes`.

    Args:
        sides: (M,) square root of each object's area, pixels.
        counts: for each assigner (M,) the number of priors of each object.
    """
    rows = []
    for low, high in zip(SIZE_EDGES_PX, [*SIZE_EDGES_PX[1:], np.inf], strict=True):
        here = (sides >= low) & (sides < high)
        n = int(here.sum())
        name = f"{low}-{high} px" if high < np.inf else f"from {low} px"
        means = [round(float(c[here].mean()), 3) if n else 0.0 for c in counts]
        without = [round(float((c[here] == 0).mean()), 4) if n else 0.0 for c in counts]
        rows.append({"size": name, "objects": n, "priors": means, "without": without})
    return rows


def analyze_assignment(
    model: Detector,
    data: str,
    to: str | Path,
    imgsz: int = 640,
    pictures: int = 200,
    sides: Sequence[float] = (4, 12, 32),
    trained: bool = False,
    changes: dict[str, Any] | None = None,
    reading: Mapping[str, Any] | None = None,
) -> AssignmentAnalysis:
    """Run the assigner of a detector, and the default of its family, over training pictures.

    Args:
        model: a detector of ours; it is not changed. One that was never trained is fitted to the boxes first.
        data: the data YAML; its training split is used.
        to: folder for `assign.json` and `assign.png`.
        imgsz: side of the network input, pixels.
        pictures: at most so many pictures, evenly spread.
        sides: of the boxes whose curves are drawn, pixels.
        trained: the weights mean something.
        changes: settings of the model by dotted name.
        reading: `bands` and `stretch` where the user names them; by default as the model was trained.

    Raises:
        InputError: a head that is not ours, data or settings that cannot be used.
    """
    if not family_of(model.model[-1]):
        raise InputError("data assign needs a detector of ours; heads of ultralytics have no assigner to choose")
    errors.whole(pictures, "data assign: pictures", 1)
    errors.whole(imgsz, "data assign: imgsz", 32)
    errors.number(min(sides, default=0), "data assign: sizes", 1)
    info = read_data_file(Path(find_data(data, "train"))).as_ultralytics()
    made = Detector(config.override(model.yaml, changes or {}, model.loss_terms), ch=info["channels"], nc=info["nc"])
    if trained:
        made.load(model, verbose=False)
    dataset = _as_trained(made, info, imgsz, reader_for(model, reading or {}, info["channels"]))
    c = TrainingStats.of(made).object_size
    if c is None:
        raise InputError(f"data assign: the training split of {data} holds no object")
    criteria = [made.family_criterion(assigner) for assigner in (None, made.yaml.get("assigner"))]
    own = criteria[0].assigner
    if any(criterion.assign.needs_predictions for criterion in criteria) and not trained:
        LOGGER.warning("SimOTA looks at predictions, and these are of an untrained model: give a checkpoint")
    sizes, counts = _priors_per_object(made, dataset, criteria, pictures)
    to = Path(to)
    to.mkdir(parents=True, exist_ok=True)
    out = AssignmentAnalysis(
        model=str(made.yaml.get("yaml_file")),
        assigners=("baseline " + own, type_of(made.yaml.get("assigner"), own)),
        imgsz=imgsz,
        c=c,
        sizes=by_size(sizes, counts),
        curves={f"{side:g}": deviation(float(side), c) for side in sides},
        plot=str(to / "assign.png"),
    )
    plot(out)
    files.write_text(to / "assign.json", json.dumps(asdict(out), indent=2) + "\n")
    return out


def _as_trained(model: Detector, info: dict[str, Any], imgsz: int, reader: PictureReader) -> TinyDataset:
    """The training split without augmentation; the model is fitted to its boxes unless it is already."""
    args, stride = get_cfg(overrides={"imgsz": imgsz, "task": "detect", "mode": "train"}), int(model.stride.max())
    dataset = build_dataset(
        args, info["train"], info, "val", BATCH_PICTURES, max(stride, 32), rect=False, reader=reader
    )
    if TrainingStats.of(model).object_size is None or model.yaml.get("anchors") == "auto":
        fit(model, dataset, imgsz)
    return dataset


@torch.no_grad()
def _priors_per_object(
    model: Detector, dataset: TinyDataset, criteria: Sequence[Criterion], pictures: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """What assigners do on pictures that are evenly chosen from a data set.

    Args:
        model: gives the predictions.
        dataset: the pictures.
        criteria: each with an assigner.
        pictures: how many, at most.
    Returns:
        (M,) square root of each object's area, pixels of the input, and for each criterion (M,) its number of priors.
    """
    places = np.unique(np.linspace(0, len(dataset) - 1, min(pictures, len(dataset))).astype(int)).tolist()
    sizes: list[Tensor] = []
    counts: list[list[Tensor]] = [[] for _ in criteria]
    loader = DataLoader(Subset(dataset, places), BATCH_PICTURES, collate_fn=dataset.collate_fn)
    for batch in bar(loader, "data assign", len(loader), "batch"):
        batch = split_ignore(batch, dataset.nc)
        batch["img"] = batch["img"].float() / 255
        targets, preds = targets_of(batch), model.eval()(batch["img"])[1]
        sizes.append(boxes.area(targets.boxes).sqrt())
        for criterion, into in zip(criteria, counts, strict=True):
            into.append(torch.bincount(criterion.match(preds, targets).gt, minlength=len(targets.boxes)))
    return _joined(sizes), [_joined(each) for each in counts]


def _joined(parts: list[Tensor]) -> np.ndarray:
    """Tensors of several batches as one array."""
    return torch.cat(parts).numpy() if parts else np.zeros(0)


def type_of(spec: Any, default: str) -> str:
    """An assigner's name and what it ranks by, for a table: "rka nwd k=2"."""
    if not isinstance(spec, dict):
        return str(spec or default)
    shown = [str(spec.get("type", default))] + [str(spec[k]) for k in ("metric",) if k in spec]
    return " ".join(shown + [f"{k}={spec[k]}" for k in ("k", "radius", "anchor_t", "pos", "neg") if k in spec])


def plot(analysis: AssignmentAnalysis) -> None:
    """Draw priors by size, and the curves, into `analysis.plot`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    rows = [r for r in analysis.sizes if r["objects"]]
    for i, name in enumerate(analysis.assigners):
        bars = left.bar(np.arange(len(rows)) + (i - 0.5) * 0.4, [r["priors"][i] for r in rows], 0.4, label=name)
        left.bar_label(bars, [f"{r['without'][i]:.0%}" for r in rows], fontsize=7)
    left.set_xticks(range(len(rows)), [f"{r['size']}\n{r['objects']} objects" for r in rows], fontsize=8)
    left.set_ylabel("priors per object (above: objects without any)")
    left.set_title(f"{analysis.model} at {analysis.imgsz} px", fontsize=10)
    left.legend(fontsize=8)
    for i, (side, curve) in enumerate(analysis.curves.items()):
        right.plot(curve["shift"], curve["iou"], "--", color=f"C{i}", label=f"IoU, {side} px")
    right.plot(curve["shift"], curve["nwd"], "k", label=f"NWD, every size (C = {analysis.c:g} px)")
    right.set_xlabel("shift along the diagonal, pixels along each axis")
    right.set_ylabel("similarity")
    right.legend(fontsize=8)
    with files.whole(analysis.plot) as part:
        figure.savefig(part, dpi=120)
