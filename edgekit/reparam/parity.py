"""Proof that a rewrite kept what a graph computes: both run, value by value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from edgekit.errors import ParityError
from edgekit.graphs import graph_from_model, graph_to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import onnx_ir as ir
    from numpy.typing import NDArray

    from edgekit.protocols import Backend
    from edgekit.reparam.algebra import Doubles
    from edgekit.reparam.probes import Feeds
    from edgekit.values import Graph

    Values = Sequence[Mapping[str, NDArray[np.generic]]]  # by name, for each run

# Float32 rounding through a deep detector moves a value by some 1e-5 of its scale (measured on
# the exact rewrites of YOLOv8, YOLOv10 and PicoDet); a wrong weight or padding moves it by 1e-2.
TOLERANCE = 1e-3

# Where rounding alone goes beyond the tolerance, a rewrite may do what rounding does. Exact ones
# did at most twice that on networks with weights of chance (decision 13). Beyond a difference of
# one half two values have nothing to do with each other.
_TIMES_NOISE = 4
_DRAWS = 4
_MOST = 0.5

# ONNX Runtime's sigmoid is off by 2e-7 near 0: scores that small cannot be compared relatively.
_SMALLEST = 1e-3

# A rounding error of one part in 1e7 may swap the order of two near-equal scores, so what these
# select cannot be compared; what they select from can.
_SELECTING = frozenset({"TopK", "NonMaxSuppression", "ArgMax", "ArgMin", "NonZero", "Unique"})
_STATIC = frozenset({"Shape", "Size"})  # constants, once the input's size is fixed


@dataclass(frozen=True)
class Parity:
    """How closely two graphs agreed.

    Attributes:
        max_abs: Largest difference.
        max_rel: Largest difference relative to the value itself plus its channel's typical size.
        worst: Name of the value ``max_rel`` was found in.
        compared: Names of the values compared: the outputs, or, where an output is selected by
            a top-k or non-maximum suppression, what the selection sees.
        runs: On how many inputs.
        noise: What rounding alone does to these values, at most; 0 where the tolerance was met
            without asking.
    """

    max_abs: float
    max_rel: float
    worst: str
    compared: tuple[str, ...]
    runs: int
    noise: float = 0.0


def prove_parity(
    before: Graph,
    after: Graph,
    backend: Backend,
    inputs: Sequence[Feeds],
    tolerance: float = TOLERANCE,
) -> Parity:
    """Return how closely ``after`` computes what ``before`` computes.

    Where ``before`` itself gives other values than ``tolerance`` allows when the last digit of its
    input changes, no rewrite of it can do better: four times that is allowed then.

    Hand in a backend that does not rewrite graphs itself, or its own fusions are compared.

    Raises:
        ParityError: A value differs by more; the message names the first.
    """
    names = comparable_values(before)
    run = partial(evaluate, before, names, backend)
    expected, found = run(inputs), evaluate(after, names, backend, inputs)
    parity = compare(expected, found, np.inf)
    if parity.max_rel <= tolerance:
        return parity
    return compare_with_noise(expected, found, rounding_noise(run, inputs, expected), tolerance)


def comparable_values(graph: Graph) -> tuple[str, ...]:
    """Return the names of the values that two equal graphs must agree on, in graph order."""
    network = graph.model.graph
    computed = {value for value in network.inputs if not value.is_initializer()}
    selected: set[ir.Value] = set()
    seen: dict[str, None] = {}
    for node in network:
        used = [value for value in node.inputs if value in computed]
        if node.op_type in _SELECTING or selected.intersection(used):
            selected.update(node.outputs)
            seen.update({_name(v): None for v in used if v not in selected and v.producer()})
        if used and node.op_type not in _STATIC:
            computed.update(node.outputs)
    seen.update({_name(v): None for v in network.outputs if v not in selected})
    return tuple(seen) or tuple(_name(value) for value in network.outputs)


def _name(value: ir.Value | None) -> str:
    assert value is not None
    assert value.name
    return value.name


def evaluate(
    graph: Graph, names: Sequence[str], backend: Backend, inputs: Sequence[Feeds]
) -> list[dict[str, NDArray[np.generic]]]:
    """Return the values called ``names`` for each of ``inputs``.

    Raises:
        ParityError: ``graph`` has no value of one of the names.
    """
    model = graph.model.clone()
    values = {v.name: v for node in model.graph for v in node.outputs}
    missing = [name for name in names if name not in values]
    if missing:
        raise ParityError(
            f"Cannot compare two graphs: the rewritten one has no value '{missing[0]}'. "
            "Expected a rewrite to keep the names of outputs."
        )
    model.graph.outputs.clear()
    model.graph.outputs.extend(values[name] for name in names)
    with backend.open(graph_to_bytes(graph_from_model(model))) as session:
        return [session.run(feeds) for feeds in inputs]


def rounding_noise(
    run: Callable[[Sequence[Feeds]], Values], inputs: Sequence[Feeds], expected: Values
) -> list[dict[str, float]]:
    """Return what rounding does to the values ``expected``: the largest relative difference.

    Each input runs again with every number of it moved to the next one up or down, by chance, so
    that all that follows rounds differently. Whole numbers stay as they are.

    Args:
        run: Returns values by name, for each of the inputs.
        inputs: What it takes.
        expected: What ``run`` gives for them.
    """
    random = np.random.default_rng(0)
    moved = [_next_to(feeds, random) for feeds in inputs for _ in range(_DRAWS)]
    found = run(moved)
    return [
        {
            name: max(_largest(array, draw[name]) for draw in found[place * _DRAWS :][:_DRAWS])
            for name, array in wanted.items()
        }
        for place, wanted in enumerate(expected)
    ]


def _next_to(feeds: Feeds, random: np.random.Generator) -> Feeds:
    """Return ``feeds`` with each number replaced by one of the two beside it."""
    moved: Feeds = {}
    for name, array in feeds.items():
        if np.issubdtype(array.dtype, np.floating):
            side = np.where(random.random(array.shape) < 0.5, -np.inf, np.inf)
            moved[name] = np.nextafter(array, side.astype(array.dtype))
        else:
            moved[name] = array
    return moved


def compare_with_noise(
    expected: Values, found: Values, noise: list[dict[str, float]], tolerance: float
) -> Parity:
    """Return ``compare`` of values that rounding moves by ``noise``, the largest of it noted.

    Raises:
        ParityError: A value differs by more than four times its noise, and than ``tolerance``.
    """
    largest = max(size for run in noise for size in run.values())
    return replace(compare(expected, found, tolerance, noise), noise=largest)


def compare(
    expected: Values,
    found: Values,
    tolerance: float = TOLERANCE,
    noise: Sequence[Mapping[str, float]] | None = None,
) -> Parity:
    """Return how closely the runs ``found`` agree with the runs ``expected``.

    Args:
        expected: By name, for each run.
        found: The same.
        tolerance: Largest relative difference.
        noise: What rounding does to each value of each run, four times of which is allowed.

    Raises:
        ParityError: A value differs beyond that, or in shape; names the first.
    """
    gaps = [
        _gap(name, wanted[name], got[name], _allowed(tolerance, noise, run, name))
        for run, (wanted, got) in enumerate(zip(expected, found, strict=True))
        for name in wanted
    ]
    worst = max(gaps, key=lambda gap: gap.max_rel)
    return Parity(
        max(gap.max_abs for gap in gaps),
        worst.max_rel,
        worst.name,
        tuple(expected[0]),
        len(expected),
    )


def _allowed(
    tolerance: float, noise: Sequence[Mapping[str, float]] | None, run: int, name: str
) -> float:
    if noise is None:
        return tolerance
    return max(tolerance, min(_TIMES_NOISE * noise[run][name], _MOST))


@dataclass(frozen=True)
class _Gap:
    name: str
    max_abs: float
    max_rel: float


def _gap(
    name: str, expected: NDArray[np.generic], found: NDArray[np.generic], tolerance: float
) -> _Gap:
    """Return the largest difference in one value, or raise."""
    if expected.shape != found.shape:
        raise ParityError(
            f"A rewrite changed the shape of '{name}': expected {expected.shape}, found "
            f"{found.shape}. The graph from before the rewrite is still good to use."
        )
    if expected.size == 0:
        return _Gap(name, 0.0, 0.0)
    distance, relative = _distances(expected, found)
    if not relative.max() <= tolerance:
        at = np.unravel_index(int(np.argmax(relative)), relative.shape)
        raise ParityError(
            f"A rewrite changed what the network computes: '{name}' at {[int(i) for i in at]}: "
            f"expected {expected[at]:.9g}, found {found[at]:.9g}, a relative difference of "
            f"{relative[at]:.3g} where {tolerance:.1g} is allowed. "
            "The graph from before the rewrite is still good to use."
        )
    return _Gap(name, float(distance.max()), float(relative.max()))


def _largest(expected: NDArray[np.generic], found: NDArray[np.generic]) -> float:
    """Return the largest relative difference; what is of another size is as far as can be."""
    if expected.shape != found.shape:
        return np.inf
    return float(np.max(_distances(expected, found)[1], initial=0.0))


def _distances(
    expected: NDArray[np.generic], found: NDArray[np.generic]
) -> tuple[Doubles, Doubles]:
    """Return how far apart two arrays are in every place, and that relative to their size."""
    wanted, got = expected.astype(np.float64), found.astype(np.float64)
    same = (wanted == got) | (np.isnan(wanted) & np.isnan(got))
    distance = np.abs(np.where(same, 0.0, wanted) - np.where(same, 0.0, got))
    distance[np.isnan(distance)] = np.inf
    return distance, np.where(same, 0.0, distance / np.where(same, 1.0, _magnitude(wanted)))


def _magnitude(values: Doubles) -> Doubles:
    """Return each value's own size plus the typical size of its channel.

    Boxes in pixels and scores in 0..1 share one tensor, so no scale of the whole tensor fits;
    which axis tells them apart is not known, so the smallest typical size over the axes counts.
    """
    finite = np.where(np.isfinite(values), values, 0.0)
    axes = [axis for axis, size in enumerate(values.shape) if size > 1]
    typical = np.full((1,) * values.ndim, np.inf if axes else 0.0)
    for axis in axes:
        others = tuple(other for other in range(values.ndim) if other != axis)
        typical = np.minimum(typical, np.sqrt(np.mean(finite**2, axis=others, keepdims=True)))
    magnitude: Doubles = np.abs(finite) + np.maximum(typical, _SMALLEST)
    return magnitude
