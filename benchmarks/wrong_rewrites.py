"""Wrong rewrites, made on purpose, and which of the two proofs finds them.

The whole network is compared in float32 (``reparam/parity.py``), and each layer in float64
(``reparam/blocks.py``), as every conversion does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from edgekit.errors import ParityError
from edgekit.graphs import graph_from_model
from edgekit.reparam.blocks import prove_blocks
from edgekit.reparam.fold import fold_batchnorm
from edgekit.reparam.lines import fold_lines
from edgekit.reparam.merge import merge_branches
from edgekit.reparam.parity import (
    TOLERANCE,
    comparable_values,
    compare_with_noise,
    evaluate,
    rounding_noise,
)
from edgekit.reparam.pools import chain_pools
from edgekit.reparam.rules import Rewrites
from edgekit.reparam.sequences import join_sequences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from edgekit.protocols import Backend
    from edgekit.reparam.parity import Parity, Values
    from edgekit.reparam.probes import Feeds
    from edgekit.values import Floats, Graph

IN_TURN = (fold_batchnorm, fold_lines, join_sequences, merge_branches, chain_pools)
PROOFS = ("network", "layer")


def _first_channel(array: Floats, factor: float) -> NDArray[np.generic]:
    changed = array.copy()
    changed[0] *= np.float32(factor)
    return changed


# What becomes of a layer's weight (the second input of its node) or bias (the third).
WEIGHT, BIAS = 1, 2
CHANGES: dict[str, tuple[int, Callable[[Floats], NDArray[np.generic]]]] = {
    "output channels moved by one": (WEIGHT, lambda weight: np.roll(weight, 1, axis=0)),
    "kernel mirrored": (WEIGHT, lambda weight: weight[..., ::-1]),
    "kernel moved by one column": (WEIGHT, lambda weight: np.roll(weight, 1, axis=-1)),
    "the bias of one channel gone": (BIAS, lambda bias: _first_channel(bias, 0)),
    "one channel's weights 1 % larger": (WEIGHT, lambda weight: _first_channel(weight, 1.01)),
    "all weights 0.1 % larger": (WEIGHT, lambda weight: weight * np.float32(1.001)),
    "all weights 0.01 % larger": (WEIGHT, lambda weight: weight * np.float32(1.0001)),
}


@dataclass(frozen=True, eq=False)
class Subject:
    """A network, rewritten right, of which some layers are then made wrong.

    Attributes:
        before: As it was trained, without outputs that only training needs.
        after: The same, rewritten.
        probes: Inputs that both are compared on.
        backend: Runs them.
        expected: What ``before`` gives for them, by name.
        noise: What rounding does to that.
    """

    before: Graph
    after: Graph
    probes: Sequence[Feeds]
    backend: Backend
    expected: Values
    noise: list[dict[str, float]]


def subject(before: Graph, after: Graph, probes: Sequence[Feeds], backend: Backend) -> Subject:
    """Return ``before`` and ``after`` with what every wrong rewrite is compared with."""
    run = partial(evaluate, before, comparable_values(before), backend)
    expected = run(probes)
    noise = rounding_noise(run, probes, expected)
    return Subject(before, after, probes, backend, expected, noise)


@dataclass(frozen=True)
class Found:
    """What the proofs say of one wrong layer.

    Attributes:
        network: Whether the comparison of the whole network finds it.
        layer: Whether the proof of its layer does.
        max_rel: How far the network is from the right one, where ``network`` is false.
    """

    network: bool
    layer: bool
    max_rel: float | None


def figures(subject: Subject, layers: int, seed: int = 0) -> dict[str, Any]:
    """Return how many wrong layers each proof finds, and which slip through the first.

    Args:
        subject: The network.
        layers: How many of its rewritten layers are made wrong, one at a time, in every way.
        seed: Chooses them.
    """
    made_by = last_steps(subject.before)
    convolutions = [node for node in made_by if _is_convolution(subject.after, node)]
    chosen = np.random.default_rng(seed).permutation(convolutions)[:layers].tolist()
    changes: dict[str, dict[str, int]] = {}
    slipped = []
    for name in CHANGES:
        found = {node: judged(subject, node, name, made_by[node]) for node in chosen}
        tried = {node: one for node, one in found.items() if one is not None}
        changes[name] = counted(list(tried.values()))
        slipped += [
            {"node": node, "change": name, "max_rel": one.max_rel, "found_in_layer": one.layer}
            for node, one in tried.items()
            if not one.network
        ]
    return {"layers": chosen, "changes": changes, "slipped_through_network": slipped}


def counted(found: list[Found]) -> dict[str, int]:
    """Return how many there are, how many each proof finds, and how many either does."""
    by_proof = {proof: sum(getattr(one, proof) for one in found) for proof in PROOFS}
    either = sum(one.network or one.layer for one in found)
    return {"tried": len(found), **by_proof, "either": either}


def steps(graph: Graph) -> Iterator[tuple[Graph, Rewrites]]:
    """Yield every rewrite that finds something, to rest: the graph before it, and the result."""
    rewrote = True
    while rewrote:
        rewrote = False
        for rewrite in IN_TURN:
            result = rewrite(graph)
            if result.done:
                yield graph, result
                graph, rewrote = result.graph, True


def last_steps(graph: Graph) -> dict[str, tuple[Graph, Rewrites]]:
    """Return, by the node that is left, the rewrite that made it what it is at rest."""
    return {
        done.node: (before, Rewrites(result.graph, (done,), ()))
        for before, result in steps(graph)
        for done in result.done
    }


def rewritten(graph: Graph, backend: Backend, feeds: Feeds) -> Graph:
    """Return ``graph`` rewritten to rest, with the proof of each layer but not of the whole.

    Raises:
        ParityError: A layer computes something else.
    """
    for before, result in steps(graph):
        prove_blocks(before, result, backend, feeds)
        graph = result.graph
    return graph


def judged(subject: Subject, node: str, change: str, step: tuple[Graph, Rewrites]) -> Found | None:
    """Return what the proofs say of ``node`` with ``change``; ``None`` where it changes nothing."""
    before, right = step
    wrong, wrong_step = changed(subject.after, node, change), changed(right.graph, node, change)
    if wrong is None or wrong_step is None:
        return None
    result = Rewrites(wrong_step, right.done, ())
    parity = compared(subject, wrong)
    far = None if parity is None else parity.max_rel
    return Found(parity is None, _layer_is_wrong(before, result, subject), far)


def compared(subject: Subject, rewritten: Graph) -> Parity | None:
    """Return how closely a rewrite of ``subject`` agrees with it, as ``prove_parity`` does.

    The network from before runs only once for all of them. ``None`` where the proof fails.
    """
    names = tuple(subject.expected[0])
    found = evaluate(rewritten, names, subject.backend, subject.probes)
    try:
        return compare_with_noise(subject.expected, found, subject.noise, TOLERANCE)
    except ParityError:
        return None


def _layer_is_wrong(before: Graph, result: Rewrites, subject: Subject) -> bool:
    try:
        prove_blocks(before, result, subject.backend, subject.probes[-1])
    except ParityError:
        return True
    return False


def changed(graph: Graph, node_name: str, change: str) -> Graph | None:
    """Return ``graph`` with the layer ``node_name`` made wrong; ``None`` where that is the same."""
    at, made = CHANGES[change]
    model = graph.model.clone()
    node = next(node for node in model.graph if node.name == node_name)
    value = node.inputs[at] if len(node.inputs) > at else None
    if value is None or value.const_value is None:
        return None
    right = value.const_value.numpy()
    wrong = np.ascontiguousarray(made(right))
    if np.array_equal(right, wrong):
        return None
    value.const_value = ir.tensor(wrong, name=value.name)
    return graph_from_model(model, parent=graph.sha256)


def _is_convolution(graph: Graph, node_name: str) -> bool:
    return any(n.name == node_name and n.op_type == "Conv" for n in graph.model.graph)
