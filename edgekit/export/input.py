"""Graphs that take the image itself: preprocessing arithmetic moved into the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import common

from edgekit.errors import StageError
from edgekit.graphs import graph_from_model
from edgekit.images.letterbox import to_input
from edgekit.reparam.parity import Parity, comparable_values, compare, evaluate
from edgekit.reparam.probes import probe_inputs

if TYPE_CHECKING:
    from edgekit.protocols import Backend
    from edgekit.reparam.probes import Feeds
    from edgekit.values import Floats, Graph, Preprocess

IMAGE = "image_u8"


def bake_input(graph: Graph, preprocess: Preprocess) -> Graph:
    """Return ``graph`` taking the letterboxed image, u8 ``(1, H, W, 3)`` in 0..255.

    The image comes in the color order of ``preprocess``; mean and std become nodes. A plain
    scale becomes a DequantizeLinear, which a quantized convolution takes in without any
    conversion at run time. The name of the new input is ``IMAGE``, or starts with it.

    Args:
        graph: One float input ``(1, 3, H, W)`` of the size of ``preprocess``.
        preprocess: Only its size, mean and std are used.

    Raises:
        StageError: The graph's input is another one.
    """
    model = graph.model.clone()
    network = model.graph
    old = _float_input(network, preprocess)
    image = ir.val(IMAGE, ir.DataType.UINT8, (1, *preprocess.size_hw, 3))
    tape = ir.tape.Tape()
    planar = tape.op("Transpose", [image], {"perm": [0, 3, 1, 2]}, output=ir.val("image_planar"))
    normalized = _normalize(tape, planar, preprocess)
    normalized.name, normalized.type, normalized.shape = old.name, old.type, old.shape
    old.replace_all_uses_with(normalized, replace_graph_outputs=True)
    network.inputs[0] = image
    network.insert_before(network[0], tape.nodes)
    for constant in tape.initializers:
        network.register_initializer(constant)
    common.NameFixPass()(model)
    return graph_from_model(model, parent=graph.sha256)


def prove_input(before: Graph, baked: Graph, preprocess: Preprocess, backend: Backend) -> Parity:
    """Return how closely ``baked`` fed an image equals ``before`` fed that image, preprocessed.

    Raises:
        ParityError: They differ beyond float32 rounding.
    """
    names = comparable_values(before)
    probes = probe_inputs(baked)
    images = [probe[_input(baked)][0].astype(np.uint8) for probe in probes]
    floats: list[Feeds] = [{_input(before): to_input(image, preprocess)} for image in images]
    return compare(
        evaluate(before, names, backend, floats), evaluate(baked, names, backend, probes)
    )


def _input(graph: Graph) -> str:
    return graph.model.graph.inputs[0].name or ""


def _float_input(network: ir.Graph, preprocess: Preprocess) -> ir.Value:
    expected = (1, 3, *preprocess.size_hw)
    value = network.inputs[0]
    if len(network.inputs) != 1 or value.dtype != ir.DataType.FLOAT or value.shape != expected:
        found = [(v.name, str(v.dtype), str(v.shape)) for v in network.inputs]
        raise StageError(
            f"Cannot move preprocessing into the graph: expected one FLOAT input of {expected}, "
            f"found {found}. Load the model with the size its preprocessing makes."
        )
    return value


def _normalize(tape: ir.tape.Tape, planar: ir.Value, preprocess: Preprocess) -> ir.Value:
    """Return ``(pixel - mean) / std`` of the u8 ``planar``."""
    mean = np.array(preprocess.mean, np.float32)
    std = np.array(preprocess.std, np.float32)
    if not mean.any() and np.all(std == std[0]):
        scale = _constant(tape, f"{IMAGE}.scale", np.float32(1) / std[0])
        zero = _constant(tape, f"{IMAGE}.zero", np.uint8(0))
        return tape.op("DequantizeLinear", [planar, scale, zero])
    whole = tape.op("Cast", [planar], {"to": ir.DataType.FLOAT}, output=ir.val("image_float"))
    centre = _constant(tape, f"{IMAGE}.mean", mean.reshape(1, 3, 1, 1))
    centred = tape.op("Sub", [whole, centre], output=ir.val("image_centred"))
    return tape.op("Div", [centred, _constant(tape, f"{IMAGE}.std", std.reshape(1, 3, 1, 1))])


def _constant(tape: ir.tape.Tape, name: str, value: np.generic | Floats) -> ir.Value:
    return tape.initializer(ir.tensor(np.asarray(value), name=name))
