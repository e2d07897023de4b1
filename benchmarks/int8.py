"""What 8 bits cost a detector, by size of object: files in float32, float16 and 8 bits, of ONNX Runtime and OpenVINO.

    python benchmarks/int8.py data=datasets/hit-uav/data.yaml imgsz=320 runs/a/weights/last.pt runs/b/weights/last.pt

For each checkpoint: AP by size on the validation pictures (protocol of the data), megabytes, and the time of one
picture through the network alone, as a ratio to the float32 file of the same library: one thread, CPU time of the
process, all files of a library in turns, the median. Ranges are measured on training pictures, `fraction=` of them if
given. `every layer` is the same file with every convolution in 8 bits, `as ultralytics` what its exporter writes. A
model is called by the folder of its run. Rows go to `json=` (runs/int8.json), where those of other models stay, and
the table of all is printed; `table=docs/int8.md` puts it between the marks in a page. `layers=True` prints how far
each convolution alone in 8 bits moves the answers.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")
MARKS = ("<!-- table of benchmarks/int8.py -->", "<!-- end of the table -->")
FIGURES = ("AP", "AP50", "AP_vt", "AP_t", "AP_s", "AP_m")
ROUNDS = 25
SEEN = 24  # pictures for layers=True


def as_ultralytics(export: Callable[..., str], **options: Any) -> str:
    """An export with ultralytics' own choice of layers, on our pictures."""
    from ultralytics.utils.export.onnx import onnx_int8_quantize
    from ultralytics.utils.export.openvino import torch2openvino

    import yolotiny.quantize as ours

    with mock.patch.object(ours, "write_onnx", onnx_int8_quantize):
        with mock.patch.object(ours, "_torch2openvino", torch2openvino):
            return export(quantize=8, **options)


def every_layer(export: Callable[..., str], **options: Any) -> str:
    """An export with every convolution of an ONNX file in 8 bits."""
    from yolotiny.quantize import onnx_file

    with mock.patch.object(onnx_file, "in_float", lambda graph: set()):
        return export(quantize=8, **options)


ARMS: dict[str, tuple[str, Callable[..., str] | None, dict[str, Any]]] = {
    "ONNX float32": ("onnx", None, {}),
    "ONNX float16": ("onnx", None, {"quantize": 16}),
    "ONNX 8 bits": ("onnx", None, {"quantize": 8}),
    "ONNX 8 bits, every layer": ("onnx", every_layer, {}),
    "ONNX 8 bits, as ultralytics": ("onnx", as_ultralytics, {}),
    "OpenVINO float32": ("openvino", None, {}),
    "OpenVINO 8 bits": ("openvino", None, {"quantize": 8}),
    "OpenVINO 8 bits, as ultralytics": ("openvino", as_ultralytics, {}),
}


def write_files(checkpoint: Path, room: Path, given: dict[str, Any]) -> dict[str, Path]:
    """Every arm's file of a checkpoint, in a folder of its own."""
    from yolotiny import YOLO

    files = {}
    for name, (kind, how, options) in ARMS.items():
        folder = room / name.replace(" ", "_").replace(",", "")
        folder.mkdir(parents=True)
        shutil.copy(checkpoint, folder / "model.pt")
        model = YOLO(folder / "model.pt")
        words = given | {"format": kind} | options
        files[name] = Path(model.export(**words) if how is None else how(model.export, **words))
    return files


def measured(file: Path, data: str, imgsz: int) -> dict[str, float | None]:
    """AP by size, in points."""
    from yolotiny import YOLO

    options = {"imgsz": imgsz, "batch": 1, "workers": 0, "plots": False, "verbose": False, "device": "cpu"}
    report = YOLO(file).val(data=data, project=tempfile.mkdtemp(), **options).report
    return {k: None if report.get(k) is None else round(100 * report[k], 1) for k in FIGURES}


def runner(file: Path) -> Callable[[Any], Any]:
    """What runs a file on a (1, 3, H, W) input with one thread."""
    if file.is_dir():
        import openvino

        one = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
        return openvino.Core().compile_model(str(next(file.glob("*.xml"))), "CPU", one)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(None, {session.get_inputs()[0].name: x})


def milliseconds(files: dict[str, Path], imgsz: int, data: str) -> dict[str, float]:
    """CPU time of one picture through each file, in turns."""
    x = inputs(data, imgsz, 1, "val")[0]
    runs = {name: runner(file) for name, file in files.items()}
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            start = time.process_time()
            run(x)
            taken[name].append(1e3 * (time.process_time() - start))
    return {name: statistics.median(times[2:]) for name, times in taken.items()}


def inputs(data: str, imgsz: int, count: int, split: str) -> list[Any]:
    """(1, 3, imgsz, imgsz) float32 in 0..1 of pictures spread over a split."""
    from yolotiny.pictures.reader import PictureReader
    from yolotiny.quantize.pictures import CalibrationPictures

    options = {"data": data, "split": split, "fraction": count if count > 1 else 1e-9}
    pictures = CalibrationPictures(options, (imgsz, imgsz), PictureReader())
    return [pictures[i]["img"].numpy()[None].astype("float32") / 255 for i in range(len(pictures))]


def rows_of(checkpoint: Path, given: dict[str, Any], room: Path) -> list[dict[str, Any]]:
    """The rows of a checkpoint."""
    data, imgsz = given["data"], given["imgsz"]
    name = checkpoint.parent.parent.name if checkpoint.parent.name == "weights" else checkpoint.stem
    files = write_files(checkpoint, room / name, given)
    rows: list[dict[str, Any]] = []
    times: dict[str, float] = {}
    for library in ("ONNX", "OpenVINO"):  # in turns within a library
        times |= milliseconds({arm: file for arm, file in files.items() if arm.startswith(library)}, imgsz, data)
    for arm, file in files.items():
        size = sum(f.stat().st_size for f in ([file] if file.is_file() else file.iterdir()))
        base = times[f"{arm.split()[0]} float32"]
        row = {"model": name, "file": arm, "MB": round(size / 1e6, 2), "ms": times[arm], "time": times[arm] / base}
        rows.append(row | measured(file, data, imgsz))
        print(json.dumps(rows[-1]), flush=True)
    return rows


def layers_of(checkpoint: Path, data: str, imgsz: int, room: Path) -> None:
    """Print how far each convolution of an ONNX file, alone in 8 bits, moves scores and boxes; the farthest first."""
    import numpy as np
    import onnx

    from yolotiny import YOLO
    from yolotiny.quantize import onnx_file

    shutil.copy(checkpoint, room / "model.pt")
    source = YOLO(room / "model.pt").export(format="onnx", imgsz=imgsz)
    calibration, seen = inputs(data, imgsz, 16, "train"), inputs(data, imgsz, SEEN, "val")
    wanted = [runner(Path(source))(x)[0][0] for x in seen]
    if wanted[0].shape[1] == 6:
        sys.exit("layers=True compares what each prior says; a head that gives its best boxes has none")
    graph = onnx.load(source).graph
    names = {n.name for n in graph.node if n.op_type == "Conv"}
    kept, found = onnx_file.in_float(graph), []
    for name in sorted(names):
        with mock.patch.object(onnx_file, "in_float", lambda graph, name=name: names - {name}):
            onnx_file.write_onnx(source, room / "one.onnx", calibration, lambda x: x)
        score, shift = [], []
        run = runner(room / "one.onnx")
        for x, a in zip(seen, wanted, strict=True):
            b, good = run(x)[0][0], a[4:].max(0) > 0.1
            score.append(np.abs(b[4:].max(0) - a[4:].max(0))[good])
            shift.append((np.abs(b[:4] - a[:4]).max(0) / np.sqrt(a[2] * a[3]))[good])
        found.append((np.concatenate(score).mean(), np.concatenate(shift).mean(), name))
    print("| convolution | stays in float | score moves by | box moves by, of its side |\n|---|---|---|---|")
    for score, shift, name in sorted(found, key=lambda f: -max(f[0], f[1]))[:16]:
        print(f"| `{name}` | {'yes' if name in kept else 'no'} | {score:.4f} | {shift:.4f} |")


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown."""
    lines = ["| model | file | MB | time | " + " | ".join(FIGURES) + " |", "|---" * (4 + len(FIGURES)) + "|"]
    last = None
    for row in rows:
        figures = " | ".join("" if row[k] is None else f"{row[k]:.1f}" for k in FIGURES)
        name = "" if row["model"] == last else f"`{row['model']}`"
        lines.append(f"| {name} | {row['file']} | {row['MB']:.1f} | {row['time']:.2f} | {figures} |")
        last = row["model"]
    return "\n".join(lines)


def main() -> None:
    """Measure the checkpoints, keep the rows, print the table."""
    given = dict(word.split("=", 1) for word in sys.argv[1:] if "=" in word)
    checkpoints = [Path(word).resolve() for word in sys.argv[1:] if "=" not in word]
    data, imgsz = given.pop("data", ""), int(given.pop("imgsz", 640))
    kept, page = Path(given.pop("json", "runs/int8.json")), given.pop("table", None)
    layers = given.pop("layers", "False") == "True"
    options = {"data": data, "imgsz": imgsz} | ({"fraction": int(given.pop("fraction"))} if "fraction" in given else {})
    if given or (checkpoints and not data):
        sys.exit(f"unknown or missing: {', '.join(given) or 'data='}\n{__doc__}")
    from ultralytics.utils import LOGGER

    LOGGER.setLevel(logging.ERROR)
    rows = json.loads(kept.read_text()) if kept.is_file() else []
    for checkpoint in checkpoints:
        with tempfile.TemporaryDirectory() as room:
            if layers:
                layers_of(checkpoint, data, imgsz, Path(room))
                continue
            made = rows_of(checkpoint, options, Path(room))
        rows = [row for row in rows if row["model"] != made[0]["model"]] + made
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(rows, indent=1))
    if not layers:
        print(table(rows))
    if page:
        text = Path(page).read_text(encoding="utf-8")
        before, after = text.split(MARKS[0])[0], text.split(MARKS[1])[1]
        Path(page).write_text(f"{before}{MARKS[0]}\n{table(rows)}\n{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
