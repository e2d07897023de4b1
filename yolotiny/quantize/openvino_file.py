"""OpenVINO files in 8 bits, by NNCF."""

from __future__ import annotations

from typing import Any

from .layers import Node, behind

WEIGHTED = {
    "Convolution",
    "GroupConvolution",
    "ConvolutionBackpropData",
    "GroupConvolutionBackpropData",
    "DeformableConvolution",
    "MatMul",
}
VALUES = {"Constant", "Parameter", "Result"}  # no operations, and unknown to NNCF by these names


def to_eight_bits(model: Any, pictures: Any) -> Any:
    """A model whose layers compute in 8 bits, but the last ones.

    Args:
        model: an openvino.Model.
        pictures: an nncf.Dataset of inputs.
    """
    import nncf

    return nncf.quantize(
        model,
        pictures,
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=pictures.get_length() or 300,  # NNCF stops at 300 of its own
        ignored_scope=nncf.IgnoredScope(names=sorted(in_float(model)), validate=False),
    )


def in_float(model: Any) -> set[str]:
    """Names of the operations of an openvino.Model that stay in float.

    The last two layers with weights of every branch and all behind them. Other than in an ONNX file, the first layers
    do not: OpenVINO goes on in 8 bits from them, so that they save time, and no figure is better without.
    """
    operations = model.get_ordered_ops()
    nodes = {
        op.get_friendly_name(): Node(
            tuple(i.get_source_output().get_node().get_friendly_name() for i in op.inputs()),
            op.get_type_name() in WEIGHTED,
        )
        for op in operations
        if op.get_type_name() != "ShapeOf"  # where a graph asks how large something is, nothing of its values passes
    }
    found = behind(nodes, [op.get_friendly_name() for op in model.get_results()])
    return found - {op.get_friendly_name() for op in operations if op.get_type_name() in VALUES}
