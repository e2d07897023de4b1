"""A head's own map of objects as the second output of an exported file, so that clusters are its checkpoint's."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..nn.center_head import CenterHead
from ..runtime.network import HEATMAP

FORMATS = ("onnx", "openvino", "torchscript")  # whose files may have a second output that is found again


def check_heat_map(network: Any, kind: str) -> None:
    """Raise InputError where a network has no map of its own, or a format no place for it.

    Args:
        network: a detector.
        kind: the format.
    """
    head = network.model[-1]
    if not isinstance(head, CenterHead):
        raise InputError(
            f"heatmap=True: this detector has no heat map (its head is {type(head).__name__}, and crops are found from "
            "its boxes in any case); leave it out"
        )
    if kind not in FORMATS:
        raise InputError(f"heatmap=True is written to {', '.join(FORMATS)}, not to {kind}")


@contextlib.contextmanager
def map_shown(network: Any, shown: bool) -> Iterator[None]:
    """While it lasts, the network's head gives its map to an export; nothing is changed unless `shown`."""
    head = network.model[-1]
    if shown:
        head.show_map = True
    try:
        yield
    finally:
        if shown:
            head.show_map = False


def name_map(file: str | Path, dynamic: bool) -> None:
    """Call the second output of a file what the runtime looks for; TorchScript has no names.

    Args:
        file: an ONNX file or an OpenVINO folder, just exported.
        dynamic: the input may have any size.
    """
    path = Path(file)
    if path.suffix == ".onnx":
        _name_in_onnx(path, dynamic)
    elif path.is_dir():
        _name_in_openvino(next(path.glob("*.xml")))


def _name_in_onnx(path: Path, dynamic: bool) -> None:
    import onnx

    model = onnx.load(path)
    output = model.graph.output[1]
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [HEATMAP if name == output.name else name for name in names]
    output.name = HEATMAP
    if dynamic:
        for side, name in zip(output.type.tensor_type.shape.dim, ("batch", "map_height", "map_width"), strict=True):
            side.Clear()
            side.dim_param = name
    onnx.save(model, path)


def _name_in_openvino(path: Path) -> None:
    import openvino as ov

    model = ov.Core().read_model(path)
    model.outputs[1].get_tensor().set_names({HEATMAP})
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:  # the weights are still mapped into memory
        ov.save_model(model, Path(folder) / path.name, compress_to_fp16=False)
        del model
        for made in Path(folder).iterdir():
            shutil.move(made, path.parent / made.name)
