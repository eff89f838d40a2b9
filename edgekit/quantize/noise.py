"""Layers that 8-bit rounding would drown, found from statistics before anything is run.

A value in 8 bits carries rounding noise of ``scale² / 12`` in every element, the same in a channel
that spans the whole range as in one that hardly moves. A layer with large weights on a quiet
channel amplifies that noise into its output, and nothing downstream can take it out again. Nets
with depthwise convolutions are full of such channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgekit.quantize.plan import constant, output_axis

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import onnx_ir as ir

    from edgekit.quantize.encode import Encoding
    from edgekit.quantize.plan import Plan
    from edgekit.values import Floats, Graph, Statistics


def drowned_nodes(
    graph: Graph,
    plan: Plan,
    encodings: Mapping[str, Encoding],
    statistics: Statistics,
    limit_db: float,
) -> dict[str, str]:
    """Return the nodes to leave in float, each with the reason.

    A layer whose signal-to-noise ratio falls below ``limit_db`` goes, and with it every node
    back to the layers that feed it: their outputs are what must not be rounded.

    Args:
        graph: The network in float.
        plan: What would be quantized.
        encodings: One per leader of the plan.
        statistics: Of the graph, the outputs of weighted nodes among them.
        limit_db: Smallest ratio allowed, in decibels.
    """
    dropped: dict[str, str] = {}
    for node in graph.model.graph:
        if node.name not in plan.nodes or node.op_type not in plan.rules.weighted:
            continue
        ratio_db = _signal_to_noise_db(node, plan, encodings, statistics)
        if ratio_db < limit_db:
            reason = (
                f"rounding the input of {node.name} to 8 bits leaves {ratio_db:.0f} dB of signal "
                f"to noise, less than the {limit_db:g} dB asked for"
            )
            for name in (str(node.name), *_back_to_layers(node.inputs[0], plan)):
                dropped.setdefault(name, reason)
    return dropped


def _signal_to_noise_db(
    node: ir.Node, plan: Plan, encodings: Mapping[str, Encoding], statistics: Statistics
) -> float:
    """Return the ratio at the output of a weighted node, the mean over its channels.

    Infinite where the input is not rounded (a u8 image) or no statistics tell.
    """
    link = plan.links.get(str(node.inputs[0].name))  # type: ignore[union-attr]
    seen = statistics.tensors.get(str(node.outputs[0].name))
    if link is None or seen is None or seen.channel_powers.size == 0:
        return np.inf
    step = encodings[link.leader].scale * link.factor
    noise = step**2 / 12 * _gains(node)
    power = np.maximum(seen.channel_powers.astype(np.float64), 1e-30)
    return float(-10 * np.log10(max(float(np.mean(noise / power)), 1e-30)))


def _gains(node: ir.Node) -> Floats:
    """Return by how much each output channel amplifies white noise power, ``(channels,)``."""
    weight = node.inputs[1]
    assert weight is not None
    assert weight.const_value is not None
    rows = np.moveaxis(weight.const_value.numpy(), output_axis(node), 0).astype(np.float64)
    gains: Floats = (rows.reshape(len(rows), -1) ** 2).sum(axis=1)
    return gains


def _back_to_layers(value: ir.Value | None, plan: Plan) -> Iterator[str]:
    """Yield the nodes that make ``value``, back to and with the nearest weighted ones."""
    assert value is not None
    pending, seen = [value.producer()], set[str]()
    while pending:
        node = pending.pop()
        if node is None or str(node.name) in seen or node.name not in plan.nodes:
            continue
        seen.add(str(node.name))
        yield str(node.name)
        if node.op_type not in plan.rules.weighted:
            pending += [v.producer() for v in node.inputs if v is not None and not constant(v)]
