"""Export: what is checked before, the file that is whole or not there, and what it says of itself.

formats     which there are, and the library that each needs
describe    metadata: all that is needed to use the file as its checkpoint
heat_map    the head's own map as a second output
whole       written beside its place and moved
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..config.defaults import DEFAULTS
from ..errors import InputError
from ..quantize import eight_bits
from .describe import described
from .formats import format_meant, need_library
from .heat_map import check_heat_map, map_shown, name_map
from .whole import export_whole

__all__ = ["export"]


def export(network: Any, options: dict[str, Any], started: list[Callable[[Any], None]], run: Callable[..., str]) -> str:
    """Export a network.

    Args:
        network: a detector.
        options: of the table, checked.
        started: ultralytics' callbacks at the start of an export.
        run: ultralytics' export, which takes its options.

    Returns:
        the file, or the folder.

    Raises:
        InputError: an unknown format, a library that is not there, what this network cannot, or a full disk.
    """
    options = DEFAULTS | options
    options["format"] = kind = format_meant(options.get("format", "torchscript"))
    heat_map = bool(options.pop("heatmap", False))
    if heat_map:
        check_heat_map(network, kind)
    if options.get("nms") and (network.yaml.get("eval") or {}).get("nms_metric") == "nwd":
        raise InputError(
            "export: suppression inside a file is by IoU and this model's is by NWD; leave nms=True out, and give "
            "nms_metric=nwd to val and predict"
        )
    check_layers(network, options)
    need_library(kind)

    def write() -> str:
        file = run(**options)
        if heat_map:
            name_map(file, bool(options.get("dynamic")))
        return file

    with described(network, started, heat_map), map_shown(network, heat_map), eight_bits(options):
        return export_whole(network, write)


def check_layers(network: Any, options: Mapping[str, Any]) -> None:
    """See that every layer can be exported as is asked for.

    Args:
        network: its layers may say which version of ONNX' operators they need (`least_opset`), and that what they do
            depends on the size of the input (`one_size`).
        options: of the export.

    Raises:
        InputError: `opset` is too low, or `dynamic` asks for any size.
    """
    opset = options.get("opset")
    least = max((getattr(layer, "least_opset", 0) for layer in network.modules()), default=0)
    if opset is not None and opset < least:
        raise InputError(
            f"opset={opset}: this model needs opset={least} or a later one; left out, torch's best is taken"
        )
    if options.get("dynamic") and any(getattr(layer, "one_size", False) for layer in network.modules()):
        raise InputError(
            "dynamic=True does not go with a head of two stages, whose proposals are counted for one size of input and "
            "number of pictures; leave it out, and export a file for each imgsz"
        )
