"""Why a network of merged branches is harder to quantize: its weights, and what INT8 leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx_ir import convenience

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.graphs import graph_from_proto, graph_to_bytes, with_outputs
from edgekit.images.letterbox import letterbox, to_input
from edgekit.images.read import read_image
from edgekit.reparam.layers import batchnorm_of, linear_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import onnx_ir as ir
    from numpy.typing import NDArray

    from edgekit.measure.candidate import Candidate
    from edgekit.reparam.merge import Merged, MergeResult
    from edgekit.values import Dataset, Graph

COMPARED = (
    ("ort conv-only", "folded"),
    ("ort conv-only", "merged"),
    ("ort conv-only per-channel", "merged"),
)
SCENES = 32
_ENDINGS = ("_DequantizeLinear_Output", "_dequantized")


def figures(
    folded: Graph, merges: MergeResult, quantized: Mapping[str, Candidate], scenes: Dataset
) -> dict[str, Any]:
    """Return, for every block that was merged, its weights and the noise behind it in INT8.

    Args:
        folded: The network with its branches.
        merges: Of ``folded``.
        quantized: INT8 networks by name; the first of ``scenes`` run through them.
        scenes: Images of which none calibrated.
    """
    values = {m.node: activated(merges.graph, m.value) for m in merges.merged}
    noise = {
        name: noise_db(merges.graph, c, list(values.values()), scenes)
        for name, c in quantized.items()
    }
    blocks = [
        {
            "block": m.node,
            **weights_of(folded, merges.graph, m),
            "sqnr_db": {name: round(found[values[m.node]], 2) for name, found in noise.items()},
        }
        for m in merges.merged
    ]
    return {"scenes": min(SCENES, len(scenes.records)), "blocks": blocks}


def weights_of(folded: Graph, merged: Graph, found: Merged) -> dict[str, Any]:
    """Return how the weights of one block spread over its channels, by branch and merged."""
    before = {str(node.name): node for node in folded.model.graph}
    after = {str(node.name): node for node in merged.model.graph}
    return {
        "branches": [_branch(before[name]) for name in found.branches],
        "merged": shape_of(rows_of(after[found.node])),
    }


def shape_of(rows: NDArray[np.float64]) -> dict[str, float]:
    """Return what decides how well 8 bits hold the weights of a layer.

    Args:
        rows: ``(channels, weights)``, the channels those of the output.

    Returns:
        ``peak``: the largest weight; ``spread``: that over the largest weight of the median
        channel; ``crest``: the largest weight of a channel over its root mean square, the median
        channel's; ``sqnr_db`` and ``sqnr_per_channel_db``: signal to noise of the weights in 8
        bits, on one scale and on one scale per channel.
    """
    peaks = np.maximum(np.abs(rows).max(axis=1), 1e-30)
    rms = np.sqrt((rows**2).mean(axis=1))
    return {
        "peak": round(float(peaks.max()), 4),
        "spread": round(float(peaks.max() / np.median(peaks)), 3),
        "crest": round(float(np.median(peaks / np.maximum(rms, 1e-30))), 3),
        "sqnr_db": round(_rounded_db(rows, np.full_like(peaks, peaks.max())), 2),
        "sqnr_per_channel_db": round(_rounded_db(rows, peaks), 2),
    }


def _rounded_db(rows: NDArray[np.float64], peaks: NDArray[np.float64]) -> float:
    """Return signal to noise of ``rows`` in 8 bits, each scaled to its entry of ``peaks``."""
    scales = peaks[:, None] / 127
    noise = ((np.round(rows / scales) * scales - rows) ** 2).sum()
    return float(10 * np.log10((rows**2).sum() / max(float(noise), 1e-30)))


def noise_db(
    reference: Graph, quantized: Candidate, names: Sequence[str], scenes: Dataset
) -> dict[str, float]:
    """Return the signal-to-noise ratio, in decibels, of values as the next layer reads them.

    The noise is that of all layers up to the value together, over the first scenes.
    """
    float_session = OnnxRuntime(optimize=False).open(graph_to_bytes(with_outputs(reference, names)))
    graph = graph_from_proto(onnx.load(quantized.model))
    read = [encoded(name, convenience.create_value_mapping(graph.model.graph)) for name in names]
    int8_session = OnnxRuntime(optimize=False).open(graph_to_bytes(with_outputs(graph, read)))
    signal, noise = np.zeros(len(names)), np.zeros(len(names))
    with float_session, int8_session:
        for plain, own in _feeds(quantized, scenes):
            wanted = float_session.run({float_session.inputs[0].name: plain})
            found = int8_session.run({int8_session.inputs[0].name: own})
            for at, (name, other) in enumerate(zip(names, read, strict=True)):
                exact = wanted[name].astype(np.float64)
                signal[at] += float((exact**2).sum())
                noise[at] += float(((found[other] - exact) ** 2).sum())
    ratios = 10 * np.log10(np.maximum(signal, 1e-30) / np.maximum(noise, 1e-30))
    return dict(zip(names, ratios.tolist(), strict=True))


def encoded(name: str, values: Mapping[str, ir.Value]) -> str:
    """Return the name of ``name`` behind its Q and DQ; itself where it has none."""
    return next((name + end for end in _ENDINGS if name + end in values), name)


def _feeds(
    quantized: Candidate, scenes: Dataset
) -> Iterator[tuple[NDArray[np.generic], NDArray[np.generic]]]:
    """Yield each scene as the float network and as ``quantized`` take it."""
    for record in scenes.records[:SCENES]:
        pixels_rgb = read_image(record).pixels_rgb
        assert pixels_rgb is not None
        pixels = letterbox(pixels_rgb, quantized.preprocess).pixels
        plain = to_input(pixels, quantized.preprocess)
        yield plain, pixels[None] if quantized.input == "u8-nhwc" else plain


def activated(graph: Graph, name: str) -> str:
    """Return the name of the ReLU or SiLU of the value ``name``; itself where it has neither.

    What an activation hides of its input's noise harms nothing.
    """
    value = convenience.create_value_mapping(graph.model.graph)[name]
    users = {node.op_type: node for node in value.consumers()}
    last = users.get("Relu") if set(users) == {"Relu"} else None
    if set(users) == {"Sigmoid", "Mul"} and users["Sigmoid"].outputs[0] in users["Mul"].inputs:
        last = users["Mul"]
    return name if last is None else str(last.outputs[0].name)


def rows_of(node: ir.Node) -> NDArray[np.float64]:
    """Return the weights of a Conv by output channel, ``(channels, weights)``."""
    layer = linear_of(node)
    assert layer is not None
    return layer.weight.reshape(len(layer.weight), -1)


def _branch(node: ir.Node) -> dict[str, Any]:
    """Return what a branch is, and its weights; those of an identity are one number a channel."""
    statistics = batchnorm_of(node) if node.op_type == "BatchNormalization" else None
    if statistics is not None:
        return {"op": "identity", "peak": round(float(np.abs(statistics.scale).max()), 4)}
    weight = node.inputs[1]
    assert weight is not None
    assert weight.shape is not None
    height, width = weight.shape.numpy()[2:]
    return {"op": f"{height}x{width}", **shape_of(rows_of(node))}
