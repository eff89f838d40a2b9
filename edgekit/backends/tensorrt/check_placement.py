"""Where Q/DQ nodes stand in the way of what TensorRT would do in one kernel.

Source:
    NVIDIA's developer guide, "Q/DQ placement"; NVIDIA-AI-IOT/yolo_deepstream, the guide to INT8
    performance beside ``yolov7_qat``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.backends.tensorrt.finding import (
    DEQUANTIZE,
    LAYERS,
    QUANTIZE,
    Finding,
    maker,
    named,
    readers,
    same_scale,
    scale_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import onnx_ir as ir

ACTIVATIONS = frozenset(
    {
        "BatchNormalization",
        "Clip",
        "Elu",
        "HardSigmoid",
        "HardSwish",
        "LeakyRelu",
        "Mish",
        "PRelu",
        "Relu",
        "Sigmoid",
        "Softplus",
        "Swish",
        "Tanh",
    }
)
_SAME_SCALE = frozenset({"Concat", "MaxPool"})


def check_placement(nodes: Sequence[ir.Node]) -> Iterator[Finding]:
    """Yield where Q/DQ nodes part what belongs together, or scales differ that should not."""
    for node in nodes:
        if node.op_type in LAYERS:
            yield from _between_layer_and_activation(node)
        if node.op_type == "Sigmoid":
            yield from _inside_silu(node)
        if node.op_type in _SAME_SCALE:
            yield from _unequal_scales(node)


def _behind_pair(node: ir.Node) -> Iterator[ir.Node]:
    """Yield what reads the output of ``node`` through a quantize and a dequantize node."""
    for quantize in readers(node, QUANTIZE):
        for dequantize in readers(quantize, DEQUANTIZE):
            yield from (use.node for use in dequantize.outputs[0].uses())


def _between_layer_and_activation(node: ir.Node) -> Iterator[Finding]:
    for reader in _behind_pair(node):
        if reader.op_type in ACTIVATIONS:
            yield Finding(
                "warning",
                named(node),
                f"its activation {named(reader)} right behind it, in one kernel with it",
                "Q/DQ nodes between them",
                "Move the pair behind the activation.",
            )


def _inside_silu(sigmoid: ir.Node) -> Iterator[Finding]:
    for reader in _behind_pair(sigmoid):
        if reader.op_type == "Mul":
            yield Finding(
                "warning",
                named(sigmoid),
                f"{named(reader)} right behind it: the two are one activation",
                "Q/DQ nodes between them",
                "Move the pair behind the multiplication.",
            )


def _unequal_scales(node: ir.Node) -> Iterator[Finding]:
    position = None if node.op_type == "Concat" else 1
    made = [maker(value, DEQUANTIZE) for value in node.inputs[:position]]
    given = readers(node, QUANTIZE)
    pairs = [pair for pair in (*made, *given) if pair is not None]
    if not pairs or all(same_scale(pairs[0], pair) for pair in pairs[1:]):
        return
    scales = {f"{scale[0]:.4g}" for pair in pairs if (scale := scale_of(pair)) is not None}
    yield Finding(
        "warning",
        named(node),
        "one scale for all that it reads and gives, so that it only moves integers",
        f"{len(scales)}: {', '.join(sorted(scales))}",
        "Give them one scale, the one that suits the widest of them best.",
    )
