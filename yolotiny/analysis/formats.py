"""What an exported file costs and finds beside its checkpoint: format by format on the same pictures."""

from __future__ import annotations

import contextlib
import json
import logging
import statistics
import time
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from ultralytics.nn.autobackend import AutoBackend
from ultralytics.utils import LOGGER

from ..errors import InputError, whole
from ..export.formats import format_meant, missing
from ..files import write_text
from ..pace import Pace
from ..val.validator import told_of

CARDS = ("engine",)  # formats that nothing but a card writes and runs
OTHER_MACHINES = ("coreml", "coreai", "imx", "rknn", "axelera", "deepx", "qnn", "hailo", "ascend", "xilinx", "edgetpu")
ROUNDS = 20  # forwards of each format, in turn: a load of the machine that comes and goes falls on all of them
CHECKPOINT = "pytorch"
FILE = "benchmark.json"


@dataclass
class Row:
    """One format.

    Attributes:
        format: its name; pytorch for the checkpoint.
        megabytes: of the file or folder.
        milliseconds: of a forward of one picture, the median.
        figures: AP and its parts by name, in percent.
        note: why it was not run here, or what went wrong; "" where it ran.
        file: where it lies.
    """

    format: str
    megabytes: float | None = None
    milliseconds: float | None = None
    figures: dict[str, float] = field(default_factory=dict)
    note: str = ""
    file: str = ""


@dataclass
class Benchmark:
    """A table of formats.

    Attributes:
        model: the checkpoint.
        data: the data YAML.
        imgsz: side of the input, pixels.
        rows: the checkpoint, then the formats.
    """

    model: str
    data: str
    imgsz: int
    rows: list[Row] = field(default_factory=list)

    def __str__(self) -> str:
        """The table, and below it what was not run, and why."""
        ran = [r for r in self.rows if not r.note]
        keys = list(dict.fromkeys(k for r in ran for k in r.figures))
        cells = [["format", "MB", "ms", *keys]]
        for r in ran:
            figures = [f"{r.figures.get(k, 0):.2f}" for k in keys]
            cells.append([r.format, _number(r.megabytes, 1), _number(r.milliseconds, 2), *figures])
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        pad = lambda line: "  ".join(map(str.rjust, line, widths))  # noqa: E731
        return "\n".join([*map(pad, cells), *(f"not run here: {r.format} ({r.note})" for r in self.rows if r.note)])

    def write(self, folder: Path) -> Path:
        """All of it as benchmark.json; returns the file."""
        file = folder / FILE
        write_text(file, json.dumps(asdict(self), indent=1) + "\n")
        return file


@dataclass(frozen=True)
class Asked:
    """What is to be compared.

    Attributes:
        data: the data YAML.
        imgsz: side of the input, default that of the training.
        formats: a list or `"onnx,openvino"`, default all that ultralytics knows; those whose library is absent are
            named, not run.
        split: of the data.
        device: as in val.
        rounds: forwards of each format.
    """

    data: str
    imgsz: int | None = None
    formats: Sequence[str] | str | None = None
    split: str = "val"
    device: Any = None
    rounds: int = ROUNDS

    @property
    def kinds(self) -> list[str]:
        """The formats, each once; InputError for an unknown one."""
        names = self.formats.split(",") if isinstance(self.formats, str) else list(self.formats or _known())
        return list(dict.fromkeys(format_meant(name) for name in names))


def benchmark(model: Any, to: str | Path, asked: Asked) -> Benchmark:
    """Export to each format, measure what it finds, and take the time of forwards in turn.

    Args:
        model: a `YOLO` with a checkpoint; its exports lie beside it.
        to: folder for benchmark.json and the runs of val.
        asked: what is compared.

    Raises:
        InputError: an unknown format, an exported file, or what export and val refuse.
    """
    model.need_network("benchmark")
    whole(asked.rounds, "rounds", 1)
    size = whole(asked.imgsz or model.overrides.get("imgsz") or 640, "imgsz", 1)
    kinds = asked.kinds
    out = Benchmark(str(model.ckpt_path or model.model_name), asked.data, size)
    told = {"data": asked.data, "imgsz": size, "split": asked.split, "device": asked.device, "project": str(to)}
    # What is wrong with the data is told before anything is exported.
    with _quietly():
        out.rows = [_measured(model, Row(CHECKPOINT, file=out.model), told)]
    try:
        _each(model, kinds, out.rows, told)
        with _quietly():
            _take_time(model, [r for r in out.rows if not r.note], size, asked)
    except KeyboardInterrupt:
        ran = ", ".join(r.format for r in out.rows if not r.note)
        raise KeyboardInterrupt(f"what {ran} find is in {out.write(Path(to))}, without times") from None
    out.write(Path(to))
    return out


def _each(model: Any, kinds: Sequence[str], rows: list[Row], told: dict[str, Any]) -> None:
    """Export to each format and measure what it finds; `rows` takes a row of each."""
    notes = {kind: _not_here(kind) for kind in kinds}
    here = [kind for kind in kinds if not notes[kind]]
    pace = Pace()
    for kind in kinds:
        row = Row(kind, note=notes[kind])
        if not row.note:
            done = here.index(kind)
            place = ", ".join(filter(None, [f"{done + 1} of {len(here)}", pace.left(done, len(here))]))
            LOGGER.info(f"benchmark: {kind} ({place})")
            with _quietly():
                _export_and_measure(model, row, told)
        rows.append(row)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Leave out what export and val say of each file, but for warnings: the table says it for all."""
    level = LOGGER.level
    LOGGER.setLevel(logging.WARNING)
    try:
        yield
    finally:
        LOGGER.setLevel(level)


def _known() -> list[str]:
    from ultralytics.engine.exporter import export_formats  # slow to import

    return list(export_formats()["Argument"][1:])


def _not_here(kind: str) -> str:
    """Why a format cannot be run on this machine; "" where it can."""
    if kind in CARDS and not torch.cuda.is_available():
        return "needs a CUDA card"
    lacks = missing(kind, to_run=True)
    if lacks:
        return f"pip install {lacks}" + (", and its hardware" if kind in OTHER_MACHINES else "")
    return "needs its hardware" if kind in OTHER_MACHINES else ""


def _export_and_measure(model: Any, row: Row, told: dict[str, Any]) -> None:
    """Fill a row; a format that fails says so, and the others go on."""
    try:
        row.file = model.export(format=row.format, imgsz=told["imgsz"], device=told["device"])
        _measured(type(model)(row.file), row, told)
    except InputError:
        raise
    except Exception as error:  # of any library
        row.note = f"failed: {str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__}"
        LOGGER.warning(f"benchmark: {row.format} {row.note}")


def _measured(model: Any, row: Row, told: dict[str, Any]) -> Row:
    """Fill in what a model finds, and how large its file is."""
    # The same letterbox for all: a file of one size takes no other.
    metrics = model.val(**told, name=row.format, exist_ok=True, rect=False, batch=1, plots=False, verbose=False)
    report = metrics.report
    row.figures = {k: round(100 * (report.get(k) or 0.0), 3) for k in told_of(report["protocol"])}
    path = Path(row.file)
    files = [f for f in path.rglob("*") if f.is_file()] if path.is_dir() else [path] if path.is_file() else []
    row.megabytes = round(sum(f.stat().st_size for f in files) / 1e6, 2) if files else None
    return row


def _take_time(model: Any, rows: list[Row], size: int, asked: Asked) -> None:
    """Median milliseconds of a forward of one picture, all formats in turn."""
    from ultralytics.utils.torch_utils import select_device

    where = select_device(asked.device, verbose=False)
    ready = [
        AutoBackend(deepcopy(model.model) if r.format == CHECKPOINT else r.file, device=where, verbose=False).eval()
        for r in rows
    ]
    seconds: list[list[float]] = [[] for _ in rows]
    x = torch.rand(1, int(getattr(ready[0], "channels", 3)), size, size, generator=torch.Generator().manual_seed(0)).to(
        where
    )
    with torch.inference_mode():
        for i in range(asked.rounds + 1):
            for network, taken in zip(ready, seconds, strict=True):
                start = time.perf_counter()
                network(x)
                if where.type == "cuda":
                    torch.cuda.synchronize(where)
                if i:  # the first one warms up
                    taken.append(time.perf_counter() - start)
    for row, taken in zip(rows, seconds, strict=True):
        row.milliseconds = round(1e3 * statistics.median(taken), 3)


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
