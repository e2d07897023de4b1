"""ONNX files in 8 bits, by ONNX Runtime's static quantisation."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from ultralytics.utils import LOGGER
from ultralytics.utils.export.onnx import onnx_calibration_reader

from .layers import Node, behind

FINE = 4  # pixels of the input per cell, up to which the first layers stay in float
WEIGHTED = {"Conv", "ConvTranspose", "DeformConv", "Gemm", "MatMul"}


def write_onnx(
    onnx_file: str | Path,
    output_file: str | Path,
    dataset: Iterable,
    transform_fn: Callable,
    input_name: str = "images",
    prefix: str = "",
) -> str:
    """Write a file whose convolutions compute in 8 bits, but the first and the last ones; takes ultralytics' place.

    Activations are unsigned with a range of their own, weights signed with a range for each channel and in 7 of the 8
    bits: the kernels of x86 are made for that, and processors without VNNI add up pairs of products in 16 bits.

    Args:
        onnx_file, output_file: what is read, and what is written.
        dataset: batches of pictures.
        transform_fn: a batch to (B, C, H, W) float32 in 0..1.
        input_name: of the graph.
        prefix: of lines in the log.

    Returns:
        `output_file`.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_static

    nodes = onnx.load(str(onnx_file)).graph
    kept = in_float(nodes)
    eight = [n.name for n in nodes.node if n.op_type == "Conv" and n.name not in kept]
    convolutions = sum(n.op_type == "Conv" for n in nodes.node)
    LOGGER.info(f"{prefix} {len(eight)} of {convolutions} convolutions in 8 bits, the others in float")
    with _root_logger_silent():
        quantize_static(
            onnx_file,
            output_file,
            onnx_calibration_reader(dataset, transform_fn, input_name),
            nodes_to_exclude=[n.name for n in nodes.node if n.name not in set(eight)],
            activation_type=QuantType.QUInt8,
            per_channel=True,
            reduce_range=True,
        )
    _read_before_rounding(output_file, kept)
    return str(output_file)


def _read_before_rounding(file: str | Path, kept: set[str]) -> None:
    """Let convolutions in float read what they share with one in 8 bits before it is rounded for that one."""
    import onnx

    model = onnx.load(str(file))
    makers = {out: n for n in model.graph.node for out in n.output}
    for n in model.graph.node:
        if n.op_type == "Conv" and n.name in kept:
            back = makers.get(n.input[0])
            if back is not None and back.op_type == "DequantizeLinear" and back.input[0] in makers:
                n.input[0] = makers[back.input[0]].input[0]
    onnx.save(model, str(file))


def in_float(graph: Any) -> set[str]:
    """Names of the operations of an onnx.GraphProto that stay in float.

    The last two layers with weights of every branch and all behind them, where a step of 8 bits is a good part of a
    tiny box; and the first layers, as long as a cell is at most 4 pixels. They hold few of the weights and most of
    the pixels: going to 8 bits and back takes more time there than it saves, and scores depend on them most.
    """
    makers = {out: n.name for n in graph.node for out in n.output}
    nodes = {
        n.name: Node(tuple(makers[i] for i in n.input if i in makers), n.op_type in WEIGHTED)
        for n in graph.node
        if n.op_type != "Shape"  # where a graph asks how large something is, nothing of its values passes
    }
    return behind(nodes, [makers[out.name] for out in graph.output if out.name in makers]) | _fine(graph)


def _fine(graph: Any) -> set[str]:
    """Names of the convolutions whose cells, and those of all that they were made of, are at most `FINE` pixels."""
    import onnx

    constants = {t.name: t for t in graph.initializer}
    constants |= {n.output[0]: n.attribute[0].t for n in graph.node if n.op_type == "Constant" and n.attribute}
    coarse: dict[str, int] = {i.name: 1 for i in graph.input}  # pixels per cell, of a tensor and all it was made of
    found = set()
    for n in graph.node:
        read = [coarse[i] for i in n.input if i in coarse]
        if not read:
            continue
        steps = [1]
        if n.op_type in ("Conv", "MaxPool", "AveragePool"):
            steps += [v for a in n.attribute if a.name == "strides" for v in a.ints]
        elif (
            n.op_type == "Slice" and len(n.input) > 4 and n.input[4] in constants
        ):  # every other pixel, as YOLOX begins
            steps += [abs(int(v)) for v in onnx.numpy_helper.to_array(constants[n.input[4]]).ravel()]
        cell = max(read) * max(steps)
        coarse |= dict.fromkeys(n.output, cell)
        if n.op_type == "Conv" and cell <= FINE:
            found.add(n.name)
    return found


@contextlib.contextmanager
def _root_logger_silent() -> Iterator[None]:
    """Nothing is said through Python's root logger, where ONNX Runtime advises twice to simplify the graph before.

    That would also give it a handler for good, and every later line of ours would come twice.
    """
    root = logging.getLogger()
    quiet = lambda record: False  # noqa: E731
    before = list(root.handlers)
    root.addFilter(quiet)
    try:
        yield
    finally:
        root.removeFilter(quiet)
        root.handlers[:] = before
