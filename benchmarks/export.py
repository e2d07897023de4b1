"""What leaves the house, and what it costs: writes docs/export.md.

    python benchmarks/export.py data=datasets/hit-uav/data.yaml models=runs/a/weights/best.pt,runs/b/weights/best.pt
        [imgsz=320] [size=128] [graphs=yolov5,yolox] [rounds=40] [to=docs/export.md]

Two parts. The first takes every distinct graph of cfg/models at its smallest scale (files that differ in loss or
assigner share one), with weights that were never trained, exports it in every way there is a library for, and compares
what file and network say of pictures of the data: `size` is the side of the input in pixels. The second exports trained
checkpoints and is `yolotiny benchmark` of each: megabytes, milliseconds with all formats in turn, AP. Without `models`
only the first part is made; `graphs` are those of the first part, all by default.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
OPTIONS = {
    "data": "",
    "models": "",
    "graphs": "",
    "imgsz": "320",
    "size": "128",
    "rounds": "40",
    "to": "docs/export.md",
}
WAYS: dict[str, dict[str, Any]] = {
    "TorchScript": {"format": "torchscript"},
    "ONNX": {"format": "onnx"},
    "ONNX, any size": {"format": "onnx", "dynamic": True},
    "ONNX, `nms=True`": {"format": "onnx", "nms": True},
    "OpenVINO": {"format": "openvino"},
}
TRAINED = ("imgsz", "epochs", "batch", "optimizer", "amp", "seed")  # options of training that the page names
SAME = 0.01  # of boxes and scores, what may lie between a detection and itself
SHOWN, PICTURES = 3, 16  # compared; whose statistics the untrained networks have
INTRO = """# Export

<!-- Written by `python benchmarks/export.py`; to change it, change that program and run it again. -->

```bash
yolotiny export model=best.pt format=onnx                     # one size, that of the training; imgsz= for another
yolotiny export model=best.pt format=onnx dynamic=True        # pictures of any size and number
yolotiny export model=best.pt format=onnx nms=True            # suppression inside, by IoU
yolotiny export model=yolc.pt format=onnx heatmap=True        # YOLC: its own heat map as a second output, for crops=lsm
yolotiny predict model=best.onnx source=pictures/             # and val, track, tune-crops, as with the checkpoint
yolotiny benchmark model=best.pt data=datasets/hit-uav/data.yaml   # every format: milliseconds, AP by size, megabytes
```

An exported file behaves as its checkpoint: it looks at the size that it was exported for, has the model's crops and
rules of suppression, takes `crops=` of every kind, and names its classes. An option that it cannot follow is refused:
another `imgsz` than the only one, `uncertainty=True` (the file has boxes, not the distributions behind them).
`yolotiny.runtime` runs it where there is no torch.

## What a file says of itself

ONNX has it in `metadata_props`, TorchScript in `extra/config.txt`, OpenVINO in metadata.yaml. What has parts is JSON.

| key | what |
|---|---|
| `names`, `stride`, `imgsz`, `batch`, `channels`, `task`, `head`, `end2end`, `args` | as ultralytics writes them |
| `preprocessing` | layout, order of colours, scale 1/255, letterbox and its grey |
| `suppression` | `conf`, `iou`, `max_det` where nobody says anything; `nms_metric` and `nms_c` |
| `infer` | the model's section on crops |
| `eval`, `protocol` | its rules of suppression and evaluation, and how its detections are scored |
| `object_size`, `crop_object_size`, `pixel_scale`, `crop_threshold`, `crop_context` | measured in training, pixels |
| `train_imgsz` | longer side of the input in training |
| `heatmap` | of YOLC and CenterNet: whether the map is the second output, called `heatmap`, (B, h, w) in 0..1 |
| `model_yaml` | the model file |
| `yolotiny`, `license` | the version that wrote it; AGPL-3.0 |

A file of YOLC without its map still takes crops; they are found from its boxes, and `predict` says so once.

An export grows in a folder `.export-*` beside its place and is moved when it is whole; what a killed one left goes with
the next export. A library that is not installed is named with the line for pip, and nothing installs itself.
"""


def graphs() -> dict[str, list[str]]:
    """The distinct graphs of cfg/models, at their smallest scale, by one file that has it, with all that do."""
    from yolotiny.config import load as config

    found: dict[str, list[str]] = {}
    first: dict[Any, str] = {}
    for file in sorted((config.cfg_dir() / "models").glob("*.yaml"), key=lambda f: (len(f.stem), f.stem)):
        detector = smallest(file)
        name = first.setdefault(structure(detector), file.stem)
        found.setdefault(name, []).append(file.stem)
    return found


def smallest(file: Path) -> Any:
    """The detector of a model file with two classes, at the first of its scales where it names another as its usual."""
    from yolotiny.config import load as config
    from yolotiny.detector import Detector

    cfg = config.load(file)
    scales = cfg.get("scales")
    return Detector(cfg | {"scale": next(iter(scales))} if scales and "scale" in cfg else file, nc=2)


def structure(detector: Any) -> tuple[Any, ...]:
    """What of a detector an exported graph shows: layers, what they read, their tensors, and how boxes are decoded."""
    head = detector.model[-1]
    layers = [(key, str(layer), str(layer.f)) for key, layer in detector.model.named_children()]
    tensors = [(k, tuple(v.shape)) for k, v in detector.state_dict().items()]
    plain = (bool, int, float, str)
    coder = getattr(head, "coder", None)
    settings = [
        sorted((k, v) for k, v in vars(x).items() if isinstance(v, plain)) for x in (head, coder) if x is not None
    ]
    return str(layers), str(tensors), str(settings), type(coder).__name__


@dataclass
class Deviation:
    """How far a file is from its network on some pictures.

    Attributes:
        boxes: the largest difference of a side or centre, as a share of it; sides below a pixel count as one.
        scores: the largest difference of a score.
        others: of a graph that suppresses, the share of boxes that the other side does not have: of two that tie, as
            they do in untrained networks, rounding chooses.
    """

    boxes: float
    scores: float
    others: float = 0.0

    @property
    def text(self) -> str:
        """For a table."""
        others = f"; {self.others:.1%} others" if self.others else ""
        return f"{self.boxes:.0e}, {self.scores:.0e}{others}"


def best(y: Any) -> Any:
    """Raw outputs (B, 4 + C, N) -> (B, N, 6) rows of box, highest score and its class."""
    import torch

    score, label = y[:, 4:].max(1, keepdim=True)
    return torch.cat((y[:, :4], score, label), 1).transpose(1, 2)


def deviation(got: Any, wanted: Any) -> Deviation:
    """Of raw outputs (B, 4 + C, N), or of rows (B, K, 6), where those of a score above .25 are looked up."""
    import torch

    if wanted.shape[-1] != 6:
        gap = (got - wanted).abs()
        return Deviation(float((gap[:, :4] / wanted[:, :4].abs().clamp(1)).max()), float(gap[:, 4:].max()))
    off = torch.cat([gaps(mine, theirs[theirs[:, 4] > 0.25]) for mine, theirs in zip(got, wanted, strict=True)])
    same = off[(off < SAME).all(1)]
    if not len(same):
        raise ValueError("no box above .25 to compare")
    return Deviation(*same.amax(0).tolist(), others=1 - len(same) / len(off))


def gaps(mine: Any, theirs: Any) -> Any:
    """(n, 2) what each of theirs (n, 6) is off the nearest of mine (m, 6): share of its coordinates, and its score."""
    import torch

    # Not by matrix product, whose rounding is an eighth of a pixel: neighbouring peaks have nearly equal boxes.
    far = torch.cdist(theirs, mine, compute_mode="donot_use_mm_for_euclid_dist")
    off = (mine[far.argmin(1)] - theirs).abs()
    return torch.stack(((off[:, :4] / theirs[:, :4].abs().clamp(1)).amax(1), off[:, 4]), 1)


def exact() -> None:
    """OpenVINO in float32 from here on, as its files are; by itself it takes bfloat16 where a processor has it."""
    import openvino

    class Exact(openvino.Core):
        def compile_model(self, model: Any, device_name: str = "CPU", config: Any = None) -> Any:
            return super().compile_model(model, device_name, (config or {}) | {"INFERENCE_PRECISION_HINT": "f32"})

    openvino.Core = Exact


def said(model: Any, x: Any, options: dict[str, Any], size: int) -> Deviation:
    """Export a model, and compare file and network on x (B, 3, size, size)."""
    import torch
    from ultralytics.nn.autobackend import AutoBackend

    from yolotiny.nn.rcnn_head import RCNNDetect
    from yolotiny.nn.retina_head import TowerDetect
    from yolotiny.ops.postprocess import NMSConfig, nms

    file = model.export(imgsz=size, verbose=False, **options)
    cpu = torch.device("cpu")
    copy = deepcopy(model.model)
    head = copy.model[-1]
    if options.get("dynamic") and isinstance(head, TowerDetect):
        head.candidates = 65_536  # such a file keeps all
    backend, network = (AutoBackend(m, device=cpu, verbose=False).eval() for m in (file, copy))
    with torch.no_grad():
        wanted = network(x)[0]  # with batch norms folded into the convolutions, as predict and the export have it
    if options.get("nms") and wanted.shape[-1] != 6:
        rows = nms(wanted, NMSConfig(conf=0.25, iou=0.6))
        wanted = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    got = torch.cat([out[0] if isinstance(out := backend(one[None]), (list, tuple)) else out for one in x]).float()
    if isinstance(head, (RCNNDetect, TowerDetect)) and wanted.shape[-1] != 6:  # what they choose may come in any order
        got, wanted = best(got), best(wanted)
    return deviation(got, wanted)


def matrix(data: str, size: int, wanted: str) -> str:
    """The table of the first part."""
    import torch

    from tests.detectors import awake
    from yolotiny import YOLO
    from yolotiny.config import load as config

    exact()
    x = real_pictures(data, size)
    lines = [f"| graph | {' | '.join(WAYS)} |", "|---" * (len(WAYS) + 1) + "|"]
    shared = graphs()
    for name in wanted.split(",") if wanted else shared:
        torch.manual_seed(0)
        model = YOLO(str(config.cfg_dir() / "models" / f"{name}.yaml"))
        args, model.model = model.model.args, awake(smallest(config.cfg_dir() / "models" / f"{name}.yaml"), x=x)
        model.model.args = args
        cells = []
        for options in WAYS.values():
            try:
                cells.append(said(model, x[:SHOWN], options, size).text)
            except Exception as error:
                cells.append(f"no: {str(error).splitlines()[0]}")
        print(name, cells, flush=True)
        others = [other for other in shared[name] if other != name]
        also = f" (also {', '.join(f'`{o}`' for o in others)})" if others else ""
        lines.append(f"| `{name}`{also} | {' | '.join(cells)} |")
    return "\n".join(lines)


def real_pictures(data: str, size: int) -> Any:
    """(PICTURES, 3, size, size) in 0..1 of the data's val split."""
    import numpy as np
    import torch
    from ultralytics.data.augment import LetterBox

    from yolotiny.config.run_files import find_data
    from yolotiny.data_file import read_data_file
    from yolotiny.image_files import list_images
    from yolotiny.pictures.files import decode

    content = read_data_file(Path(find_data(data, "val"))).as_ultralytics()
    files = list_images(Path(content["val"][0] if isinstance(content["val"], list) else content["val"]))[:PICTURES]
    shown = [LetterBox((size, size), auto=False)(image=decode(f)) for f in files]
    return torch.from_numpy(np.stack([s[..., ::-1].transpose(2, 0, 1) for s in shown]).astype(np.float32) / 255)


def with_map(model: Any, options: dict[str, str], folder: Path, keys: list[str]) -> str:
    """The row of the file that finds its clusters as the checkpoint does: for any size, with the heat map in it."""
    from yolotiny import YOLO

    folder.mkdir()
    file = folder / "model.onnx"
    shutil.move(model.export(format="onnx", imgsz=int(options["imgsz"]), dynamic=True, heatmap=True), file)
    told = {"imgsz": int(options["imgsz"]), "batch": 1, "rect": False, "plots": False, "verbose": False}
    found = YOLO(file).val(data=options["data"], project=str(folder), name="val", **told).report
    cells = [f"{file.stat().st_size / 1e6:.1f}", "-", *(f"{100 * (found[k] or 0):.2f}" for k in keys)]
    return f"| onnx, `dynamic=True heatmap=True` | {' | '.join(cells)} |"


def trained(options: dict[str, str], folder: Path) -> str:
    """The tables of the second part."""
    from yolotiny import YOLO
    from yolotiny.nn.center_head import CenterHead

    parts: list[str] = []
    absent: dict[str, str] = {}
    for file in options["models"].split(","):
        model = YOLO(file)
        name = Path(str(model.model.yaml.get("yaml_file") or file)).stem
        found = model.benchmark(
            options["data"], folder / name, imgsz=int(options["imgsz"]), rounds=int(options["rounds"])
        )
        print(f"{name}\n{found}", flush=True)
        absent |= {r.format: r.note for r in found.rows if r.note}
        ran = [r for r in found.rows if not r.note]
        keys = list(ran[0].figures)
        rows = [f"| {name} | MB | ms | {' | '.join(keys)} |", "|---" * (len(keys) + 3) + "|"]
        for r in ran:
            cells = [f"{r.megabytes:.1f}", f"{r.milliseconds:.1f}", *(f"{r.figures[k]:.2f}" for k in keys)]
            rows.append(f"| {r.format} | {' | '.join(cells)} |")
        if isinstance(model.model.model[-1], CenterHead):
            rows.append(with_map(model, options, folder / f"{name}-map", keys))
        told = {k: ((model.ckpt or {}).get("train_args") or {}).get(k) for k in TRAINED}
        parts.append("\n".join(rows) + f"\n\nTrained with {', '.join(f'`{k}={v}`' for k, v in told.items())}.")
    rest = "\n".join(f"| {k} | {v} |" for k, v in absent.items())
    return "\n\n".join(parts) + f"\n\nNot run here:\n\n| format | needs |\n|---|---|\n{rest}"


def main(argv: list[str]) -> None:
    """Write the page."""
    from benchmarks.words import options_of

    options = options_of(argv, OPTIONS, ["data"])
    import torch

    size = int(options["size"])
    with tempfile.TemporaryDirectory() as folder:
        to = Path(options["to"]).resolve()
        models = [str(Path(m).resolve()) for m in options["models"].split(",") if m]
        options |= {"models": ",".join(models), "data": str(Path(options["data"]).resolve())}
        os.chdir(folder)
        second = trained(options, Path(folder)) if models else "Not measured."
        first = matrix(options["data"], size, options["graphs"])
    of = f" graphs={options['graphs']}" if options["graphs"] else ""
    about = f"{platform.machine()}, {torch.get_num_threads()} thread of torch, version {torch.__version__}"
    parts = {"intro": INTRO, "first": first, "second": second, "about": about, "of": of}
    to.write_text(PAGE.format(size=size, imgsz=options["imgsz"], **parts))
    print(f"written: {to}")


PAGE = """{intro}
## Graph by graph

`python benchmarks/export.py data=datasets/hit-uav/data.yaml{of}`

The largest differences between file and network on three pictures of HIT-UAV val at {size} px, of boxes (as a share of
each coordinate or side; of one pixel where it is smaller) and of scores. Weights are untrained, at the smallest scale
of each file. With `nms=True`, and of heads that choose their boxes themselves, boxes of a score above .25 count, and
the share of those that the other side does not have: boxes of untrained networks tie, and rounding chooses.
OpenVINO computes in float32 here; by itself it takes bfloat16 where a processor has it. The tests do the same with
every graph (`pytest -m long tests/test_models.py`), and ask for 1e-3 of both.

{first}

## Trained checkpoints

`python benchmarks/export.py data=datasets/hit-uav/data.yaml models=...`: every picture of val in a square input of
{imgsz} px, batch 1, AI-TOD protocol, in percent. Milliseconds are the median of forwards of one picture with all
formats in turn: formats compare with each other, not with other machines ({about}).

YOLC looks again at clusters of any shape, found in its heat map. A file of one size cuts them to it, and without the
map they come from boxes, so those files have other figures than the checkpoint; the file of any size with the map has
the same.

{second}
"""

if __name__ == "__main__":
    main(sys.argv[1:])
