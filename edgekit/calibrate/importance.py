"""How much the predictions follow a change of each value, from gradients.

Rounding moves values everywhere. What that costs depends on where: most of an image is background,
and most of what a layer gives hardly reaches a prediction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
from onnx_ir import convenience

from edgekit.calibrate.activation import activation_after
from edgekit.calibrate.backward.graph import GRADIENT, SEED, with_gradients
from edgekit.calibrate.collect import SAMPLE
from edgekit.calibrate.histogram import bins_of, stride_of
from edgekit.graphs import graph_from_model, graph_to_bytes
from edgekit.heads.seeds import prediction_seeds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from edgekit.heads.spec import HeadSpec
    from edgekit.protocols import Backend
    from edgekit.values import Floats, Graph, Statistics, TensorStatistics

_VALUES = "importance.values."
_WEIGHTS = "importance.weights."


def importance(
    graph: Graph,
    statistics: Statistics,
    head: HeadSpec,
    feeds: Iterable[Mapping[str, NDArray[np.generic]]],
    backend: Backend,
) -> dict[str, Floats]:
    """Return for every bin of a value's histogram how much the predictions follow what is in it.

    That is the sum, over the elements in the bin and over images, of the square of the gradient
    of the predictions, told from a sample of the elements of large values. Where one activation
    alone reads the value, the gradient is that at what the activation gives: errors are judged
    there.

    Args:
        graph: The network in float.
        statistics: Of its values; say how wide their histograms are.
        head: How its outputs become predictions.
        feeds: One set of network inputs per image.
        backend: Runs the network and its gradients.

    Returns:
        ``(bins,)`` by name of value. Values that no gradient is known of are left out: behind an
        operator ``backward.rules`` has not, or a head without gradients.
    """
    judged = _judged_at(graph, statistics)
    backward = with_gradients(graph, tuple(judged.values()))
    known = set(backward.values)
    judged = {value: at for value, at in judged.items() if at in known}
    bins = {name: np.zeros(len(statistics.tensors[name].counts)) for name in judged}
    if not judged:
        return {}
    outputs = [str(output.name) for output in graph.model.graph.outputs]
    sampled = _with_samples(backward.graph, judged)
    rng = np.random.default_rng(0)
    with (
        backend.open(graph_to_bytes(graph)) as forwards,
        backend.open(graph_to_bytes(sampled)) as backwards,
    ):
        for feed in feeds:
            given = forwards.run(feed)
            seeds = prediction_seeds(given, head, rng)
            seeded = {
                f"{SEED}{name}": seeds.get(name, np.zeros_like(given[name])) for name in outputs
            }
            found = backwards.run({**feed, **seeded})
            for name in judged:
                bins[name] += _weighed(found, name, statistics.tensors[name])
    values = convenience.create_value_mapping(graph.model.graph)
    return {
        name: (total * _size_and_step(values[name])[1]).astype(np.float32)
        for name, total in bins.items()
        if total.any()
    }


def _judged_at(graph: Graph, statistics: Statistics) -> dict[str, str]:
    """Return for every value the value whose gradient judges it."""
    values = convenience.create_value_mapping(graph.model.graph)
    found = {}
    for name in statistics.tensors:
        activation = activation_after(values[name])
        found[name] = name if activation is None else activation.result
    return found


def _with_samples(graph: Graph, judged: Mapping[str, str]) -> Graph:
    """Return ``graph`` with samples of values and of their gradients as its only outputs."""
    model = graph.model.clone()
    values = convenience.create_value_mapping(model.graph)
    tape = ir.tape.Tape()
    outputs = []
    for name, at in judged.items():
        for prefix, source in ((_VALUES, name), (_WEIGHTS, GRADIENT + at)):
            sample = _sampled(values[source], tape)
            sample.name = prefix + name
            sample.type = ir.TensorType(ir.DataType.FLOAT)
            outputs.append(sample)
    for number, node in enumerate(tape.nodes):
        node.name = f"importance.{number}"
        node.outputs[0].name = node.outputs[0].name or f"importance.{number}"
    model.graph.extend(tape.nodes)
    for initializer in tape.initializers:
        model.graph.register_initializer(initializer)
    model.graph.outputs[:] = outputs
    return graph_from_model(model, parent=graph.sha256)


def _sampled(value: ir.Value, tape: ir.tape.Tape) -> ir.Value:
    """Return every n-th element of ``value``, at most ``SAMPLE`` and a few."""

    def whole(number: int) -> ir.Value:
        name = f"importance.whole.{len(tape.initializers)}"
        return tape.initializer(ir.tensor(np.array([number], np.int64), name=name))

    size, step = _size_and_step(value)
    flat = tape.op("Reshape", [value, whole(-1)])
    return tape.op("Slice", [flat, whole(0), whole(size), whole(0), whole(step)])


def _size_and_step(value: ir.Value) -> tuple[int, int]:
    assert value.shape is not None
    size = int(np.prod(value.shape.numpy()))
    return size, stride_of(size, SAMPLE)


def _weighed(
    found: Mapping[str, NDArray[np.generic]], name: str, seen: TensorStatistics
) -> NDArray[np.float64]:
    """Return one image's squared gradients summed by bin; what is not finite counts nothing."""
    values = found[_VALUES + name].astype(np.float32, copy=False)
    weights = np.nan_to_num(found[_WEIGHTS + name].astype(np.float64) ** 2, nan=0.0, posinf=0.0)
    index = bins_of(values, seen.limit)
    return np.bincount(index, weights, minlength=len(seen.counts)).astype(np.float64)
