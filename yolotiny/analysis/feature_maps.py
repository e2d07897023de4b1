"""Look inside: what SR-TOD rebuilds and what it takes for tiny objects, and where SARL's gates open."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from ultralytics.data.augment import LetterBox
from ultralytics.utils import LOGGER
from ultralytics.utils.torch_utils import unwrap_model

from ..data.labels import ignore_file, read_ignore, read_labels
from ..detector import Detector
from ..errors import InputError
from ..files import whole
from ..image_files import list_images, side_file
from ..loaders.trained import reader_for
from ..metrics.separation import Separation
from ..nn.gates import ChannelGate, SpatialGate
from ..nn.sarl import SARL, Enhancement, Interaction
from ..nn.srtod import SRTOD
from ..pictures.files import Unreadable
from ..pictures.reader import PictureReader
from ..pictures.survey import survey
from .bar import bar

SHEETS = 8  # pictures drawn of a folder
COLUMNS = 4


@dataclass(frozen=True)
class Panel:
    """One picture of a sheet.

    Attributes:
        title: what it shows.
        values: (H, W, 3) a picture in 0..1, (H, W) a map, or (n,) bars.
        top: the value drawn brightest; None for the highest.
    """

    title: str
    values: np.ndarray
    top: float | None = None


def shows(model: nn.Module) -> bool:
    """True when there is something to see: SARL or SR-TOD is part of the model."""
    return any(isinstance(m, (SARL, SRTOD)) for m in model.modules())


def collect_panels(model: Detector, image: Tensor) -> tuple[list[Panel], np.ndarray | None, np.ndarray | None]:
    """Run the network once and collect what its modules saw.

    Args:
        model: with SARL or SR-TOD in it.
        image: (1, 3, H, W) in 0..1.

    Returns:
        Panels; and for SR-TOD the difference map (H, W) and where the picture is no padding (H, W), else None.
    """
    seen: dict[str, tuple[Any, Any]] = {}

    def note(name: str) -> Any:
        return lambda module, inputs, output: seen.__setitem__(name, (inputs[0], output))

    wanted = (SRTOD, ChannelGate, SpatialGate)
    modules = {name: m for name, m in model.named_modules() if isinstance(m, wanted)}
    hooks = [m.register_forward_hook(note(name)) for name, m in modules.items()]
    training = model.training
    try:
        with torch.no_grad():
            model.eval()(image)
            panels = [Panel("input", image[0].permute(1, 2, 0).cpu().float().numpy())]
            difference = valid = None
            for name, m in modules.items():
                if isinstance(m, SRTOD) and name in seen:
                    (level, _), (enhanced, aux) = seen[name]
                    _, difference, valid = m.maps(level, image)
                    panels += _reconstruction(m, aux["recon"], difference, valid, level, enhanced)
            panels += _gates(model, seen, image.shape[-2])
    finally:
        for hook in hooks:
            hook.remove()
        model.train(training)
    return panels, *(None if v is None else v[0, 0].cpu().numpy() for v in (difference, valid))


def _reconstruction(
    m: SRTOD, recon: Tensor, difference: Tensor, valid: Tensor, level: Tensor, enhanced: Tensor
) -> list[Panel]:
    """What SR-TOD made of the picture and of its level; both energies are drawn on one scale."""
    energies = [x[0].float().square().mean(0).sqrt().cpu().numpy() for x in (level, enhanced)]
    top = float(max(e.max() for e in energies))
    grey = difference[0, 0].cpu().numpy()
    mask = m.mask(difference, valid)[0, 0].cpu().numpy()
    limit = m.threshold.item()
    rules = {"none": "", "relative": f", threshold {limit:.1f} means"}
    rule = rules.get(m.thresh_mode, f", threshold {255 * limit:.1f}/255")
    return [
        Panel("reconstruction", recon[0].permute(1, 2, 0).float().cpu().numpy()),
        Panel(f"difference, up to {255 * grey.max():.0f}/255", grey),
        Panel(f"mask {mask.mean():.0%}{rule}", mask, 1.0),
        Panel(f"energy before, stride {m.stride}", energies[0], top),
        Panel("energy after", energies[1], top),
    ]


def _gates(model: nn.Module, seen: dict[str, tuple[Any, Any]], height: int) -> list[Panel]:
    """Channel and spatial gates of every level, fine to coarse."""
    panels = []
    for name, block in model.named_modules():
        for i, gate in enumerate(block.gates if isinstance(block, (Interaction, Enhancement)) else ()):
            if f"{name}.gates.{i}" not in seen:
                continue
            x, y = seen[f"{name}.gates.{i}"]
            kind = "FIM" if isinstance(block, Interaction) else "FEM"
            title = f"{kind} at stride {height // x.shape[-2]}, |gamma| {block.gamma.abs().mean():.3f}"
            spatial = isinstance(gate, SpatialGate)
            values = (y[0, 0] if spatial else y[0].flatten()).float().cpu().numpy()
            panels.append(Panel(f"{title}\n{'places' if spatial else 'channels'}", values, 1.0))
    return panels


def draw(panels: list[Panel], file: Path) -> None:
    """Write panels side by side as one PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = math.ceil(len(panels) / COLUMNS)
    figure = Figure(figsize=(4 * COLUMNS, 3.6 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = np.atleast_1d(figure.subplots(rows, COLUMNS)).ravel()
    for axis in axes[len(panels) :]:
        axis.axis("off")
    for axis, panel in zip(axes, panels, strict=False):
        axis.set_title(panel.title, fontsize=10)
        if panel.values.ndim == 1:
            axis.bar(range(len(panel.values)), panel.values, width=1.0)
            axis.set_ylim(0, panel.top)
            continue
        axis.axis("off")
        colours = {} if panel.values.ndim == 3 else {"cmap": "viridis", "vmin": 0, "vmax": panel.top}
        drawn = axis.imshow(panel.values.clip(0, 1) if panel.values.ndim == 3 else panel.values, **colours)
        if panel.values.ndim == 2:
            figure.colorbar(drawn, ax=axis, shrink=0.7)
    with whole(file) as part:
        figure.savefig(part, dpi=110)


def read(
    file: str | Path, imgsz: int, stride: int, reader: PictureReader | None = None
) -> tuple[Tensor, np.ndarray | None, np.ndarray]:
    """A picture as the network gets it, and its boxes there.

    Returns:
        (1, 3, H, W) in 0..1; (N, 4) xyxy pixels of that input, None when the picture has no label file; (K, 4) ignore
        regions.

    Raises:
        InputError: a picture that cannot be decoded, a label row that is none.
    """
    try:
        picture = (reader or PictureReader()).read(file)
    except Unreadable as error:
        raise InputError(f"{file} cannot be decoded as a picture ({error.reason})") from None
    h, w = picture.shape[:2]
    made = LetterBox((imgsz, imgsz), auto=True, stride=stride)(image=picture)
    r = min(imgsz / h, imgsz / w)
    pad = [round((a - round(b * r)) / 2 - 0.1) for a, b in ((made.shape[1], w), (made.shape[0], h))]
    x = torch.from_numpy(np.ascontiguousarray(made[..., ::-1])).permute(2, 0, 1)[None].float() / 255

    def pixels(rows: np.ndarray) -> np.ndarray:
        centre, half = rows[:, :2] * (w, h) * r + pad, rows[:, 2:] * (w, h) * r / 2
        return np.concatenate((centre - half, centre + half), 1)

    label = side_file(Path(file).absolute(), "labels")
    boxes = pixels(read_labels(label, sys.maxsize)[:, 1:]) if label.is_file() else None
    return x, boxes, pixels(read_ignore(ignore_file(str(label)))[:, :4])


def pictures_of(source: str | Path) -> list[Path]:
    """The pictures a source means: a file, or a folder with all below it; InputError when there is none."""
    path = Path(source)
    if not path.exists():
        raise InputError(f"source {str(source)!r} does not exist")
    found = [path] if path.is_file() else list_images(path)
    if not found:
        raise InputError(f"source {str(source)!r} holds no picture")
    return found


def analyze(
    model: Detector,
    files: Sequence[Path],
    imgsz: int,
    to: Path,
    sheets: int = SHEETS,
    reading: Mapping[str, Any] | None = None,
) -> Separation | None:
    """Draw sheets of the first pictures, and measure the difference map on all that have labels.

    Args:
        model: with SARL or SR-TOD in it.
        files: pictures; labels are looked for in the folder `labels` beside their folder `images`.
        imgsz: longer side of the network input.
        to: folder for the sheets, each called as its picture.
        sheets: how many are drawn.
        reading: `bands` and `stretch` where the user names them; by default as the model was trained.

    Returns:
        The separation of objects of at most 16 px (of the network input) from the background by the difference map;
        None without SR-TOD, or when no picture has labels.

    Raises:
        InputError: a model with nothing to show.
    """
    if not shows(model):
        raise InputError(f"{model.yaml.get('yaml_file') or 'the model'} has neither SARL nor SRTOD: no maps to show")
    device, stride = next(model.parameters()).device, max(int(model.stride.max()), 32)
    separation, labelled = Separation(), False
    reader = reader_for(model, reading or {}, model.yaml.get("channels", 3))
    for line in survey(reader, files):
        LOGGER.info(line)
    for i, file in enumerate(bar(files, "analyze maps", len(files))):
        x, boxes, ignore = read(file, imgsz, stride, reader)
        panels, difference, valid = collect_panels(model, x.to(device))
        if i < sheets:
            target = to / f"{file.stem}.png"
            draw(panels, to / f"{file.stem}-{i}.png" if target.exists() else target)
        if boxes is not None and difference is not None:
            separation.add(difference, boxes, ignore, valid)
            labelled = True
    return separation if labelled else None


def sheet_after_training(trainer: Any) -> None:
    """A hook of the trainer: with plots, what SARL and SR-TOD see in the fullest validation picture, as maps.png."""
    model = unwrap_model(trainer.ema.ema)
    if not trainer.args.plots or not shows(model):
        return
    data = trainer.test_loader.dataset
    fullest = max(zip(data.im_files, data.labels, strict=True), key=lambda pair: len(pair[1]["cls"]))[0]
    image, _, _ = read(fullest, trainer.args.imgsz, max(int(model.stride.max()), 32), data.reader)
    draw(collect_panels(model, image.to(trainer.device))[0], trainer.save_dir / "maps.png")
    trainer.on_plot(trainer.save_dir / "maps.png")
