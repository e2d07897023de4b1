"""Exported files in 8 bits: on whose pictures their ranges are measured, and which layers stay in float.

ultralytics writes the files; what stands here takes the place of its calibration pictures and of its choice of layers
while an export runs, see docs/int8.md.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from ultralytics.cfg import QUANTIZE_ALIASES
from ultralytics.engine.exporter import Exporter, export_formats
from ultralytics.utils import LOGGER
from ultralytics.utils.export.openvino import torch2openvino

from .._compat.places import swapped
from ..errors import InputError
from ..loaders.trained import reader_for
from .onnx_file import write_onnx
from .openvino_file import to_eight_bits
from .pictures import CalibrationPictures, loader_of

MEASURED = (8, "w8a16")  # precisions whose ranges come from pictures
_turns = threading.RLock()  # ultralytics is one for all threads: their exports take turns
NEEDS = {"onnx": ("onnx", "onnxruntime"), "openvino": ("openvino", "nncf")}


@contextlib.contextmanager
def eight_bits(options: Mapping[str, Any]) -> Iterator[None]:
    """While it lasts, ultralytics' exports to 8 bits use the user's pictures and keep the layers that need it in float.

    Args:
        options: of the export, as the user gave them.

    Raises:
        InputError: 8 bits without `data`, with data that has no such pictures, or without a library they need.
    """
    kind = str(options.get("format", "torchscript")).lower()
    precision = options.get("quantize")
    known = dict(zip(*(export_formats()[k] for k in ("Argument", "Arguments")), strict=True))
    if QUANTIZE_ALIASES.get(str(precision).lower()) in MEASURED and "data" in known.get(kind, ()):
        missing = [name for name in NEEDS.get(kind, ()) if find_spec(name) is None]
        if missing:
            raise InputError(
                f"export: format={kind} quantize={precision} needs {' and '.join(missing)}: "
                "pip install 'yolotiny[deploy]'"
            )
        _need_data(options)
        CalibrationPictures.files_of(options)  # what is wrong with them is told before the network is traced

    class Calibrated(Exporter):
        """ultralytics' exporter, which calibrates on pictures that our own reader finds."""

        def get_int8_calibration_dataloader(self, prefix: str = "") -> Any:
            """Batches of uint8 pictures {"img": (B, C, H, W)} in RGB, at the size of the exported input."""
            _need_data(options)
            reader = reader_for(self.model, {}, self.model.yaml.get("channels", 3))
            pictures = CalibrationPictures(options, tuple(self.imgsz), reader)
            for line in pictures.lines:
                LOGGER.info(line)
            LOGGER.info(f"{prefix} measuring ranges on {len(pictures)} pictures of {pictures.where}")
            return loader_of(pictures, self.args.batch)

    with (
        _turns,
        swapped(
            ("ultralytics.engine.exporter", "Exporter", Calibrated),
            ("ultralytics.utils.export.onnx", "onnx_int8_quantize", write_onnx),
            ("ultralytics.utils.export.openvino", "torch2openvino", _torch2openvino),
        ),
    ):
        yield


def _need_data(options: Mapping[str, Any]) -> None:
    """Raise InputError where no pictures were named; ultralytics would take eight of COCO."""
    if not options.get("data"):
        raise InputError("export: 8 bits need data=FILE.yaml, whose pictures set the range of each layer")


def _torch2openvino(*, quantize: Any = None, calibration_dataset: Any = None, **others: Any) -> Any:
    """ultralytics' conversion to OpenVINO, and where 8 bits are asked for, our choice of what stays in float."""
    converted = torch2openvino(quantize=None if quantize == 8 else quantize, **others)
    return to_eight_bits(converted, calibration_dataset) if quantize == 8 else converted
